"""The tokens of a FEEL text, read one by one, and the names that are made of several."""

from __future__ import annotations

from itertools import pairwise

from bpmn.expressions.errors import ExpressionError
from bpmn.expressions.feel.lexer import Kind, Token
from bpmn.expressions.feel.names import KnownNames

_WORD_MARKS = frozenset("+-*/.'")


class TokenStream:
    """Where the parser stands; it can go back to a mark, but not for ever."""

    def __init__(self, tokens: list[Token], names: KnownNames) -> None:
        self._tokens = tokens
        self._at = 0
        self._names = names
        self._depth = 0
        self._work = 200 * len(tokens) + 2000
        self._stops_at_bracket = False
        self._uses_input = False

    def _mark(self) -> tuple[int, int, KnownNames, bool, bool]:
        return self._at, self._depth, self._names, self._stops_at_bracket, self._uses_input

    def _return_to(self, mark: tuple[int, int, KnownNames, bool, bool]) -> None:
        self._at, self._depth, self._names, self._stops_at_bracket, self._uses_input = mark

    def _peek(self, ahead: int = 0) -> Token:
        return self._tokens[min(self._at + ahead, len(self._tokens) - 1)]

    def _next(self) -> Token:
        token = self._peek()
        self._advance(1)
        return token

    def _advance(self, count: int) -> None:
        self._work -= count
        if self._work < 0:
            raise ExpressionError("The expression is too ambiguous to read. Simplify its ranges and lists.")
        self._at = min(self._at + count, len(self._tokens) - 1)

    def _take(self, text: str) -> bool:
        token = self._peek()
        if token.text == text and token.kind in (Kind.OP, Kind.NAME):
            self._advance(1)
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._unexpected(self._peek(), f"Expected '{text}'.")

    def _is_word(self, text: str) -> bool:
        return self._peek().kind is Kind.NAME and self._peek().text == text

    def _unexpected(self, token: Token, hint: str = "") -> ExpressionError:
        what = "Unexpected end" if token.kind is Kind.END else f"Unexpected '{token.text}'"
        return ExpressionError(f"{what}. {hint}".rstrip(), position=token.start)

    # --- names ------------------------------------------------------------------------------------

    def _key(self) -> str:
        token = self._peek()
        if token.kind in (Kind.STRING, Kind.QUOTED):
            return self._next().text
        name = self._name_up_to(":")
        if name is None:
            raise self._unexpected(token, "Expected a key and a colon.")
        return name

    def _name_up_to(self, mark: str) -> str | None:
        """A name that ends at *mark*, spelled as in the text; None (nothing taken) if there is none."""
        length = 0
        while (token := self._peek(length)).kind in (Kind.NAME, Kind.NUMBER) or token.text in _WORD_MARKS:
            if token.kind is Kind.END:
                break
            length += 1
        if length == 0 or self._peek().kind is not Kind.NAME or self._peek(length).text != mark:
            return None
        name = self._spelling(self._at, length)
        self._advance(length)
        return name

    def _spelling(self, at: int, length: int) -> str:
        words = self._tokens[at : at + length]
        spelled = words[0].text
        for before, word in pairwise(words):
            spelled += (" " if before.end < word.start else "") + word.text
        return spelled

    def _name_up_to_in(self) -> str:
        length = 0
        while (token := self._peek(length)).kind is not Kind.END and token.text != "in":
            if token.kind not in (Kind.NAME, Kind.NUMBER) and token.text not in _WORD_MARKS:
                break
            length += 1
        if length == 0 or self._peek().kind is not Kind.NAME:
            raise self._unexpected(self._peek(), "Expected a variable name.")
        name = self._spelling(self._at, length)
        self._advance(length)
        return name
