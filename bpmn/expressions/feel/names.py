"""Which names with spaces and operators in them are known where: FEEL's grammar depends on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from bpmn.expressions.errors import ExpressionError
from bpmn.expressions.feel.lexer import Kind, Token, tokenize


class KnownNames:
    """Names that are more than one token, by their first token; the longest match wins."""

    def __init__(self, names: Iterable[str] = (), outer: KnownNames | None = None) -> None:
        self._outer = outer
        self._by_first: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        words = words_of(name)
        if len(words) < 2:
            return
        candidates = self._by_first.setdefault(words[0], [])
        candidates.append((words, name))
        candidates.sort(key=lambda candidate: -len(candidate[0]))

    def match(self, tokens: Sequence[Token], at: int) -> tuple[str, int] | None:
        """The longest known name of two tokens or more at *at*, and how many tokens it takes."""
        best = self._outer.match(tokens, at) if self._outer is not None else None
        for words, name in self._by_first.get(tokens[at].text, ()):
            if best is not None and len(words) <= best[1]:
                break
            if at + len(words) < len(tokens) and all(
                tokens[at + i].text == word and tokens[at + i].kind is not Kind.STRING for i, word in enumerate(words)
            ):
                return name, len(words)
        return best


@lru_cache(maxsize=4096)
def words_of(name: str) -> tuple[str, ...]:
    """The tokens of a name; of what is no name at all, nothing."""
    try:
        return tuple(token.text for token in tokenize(name)[:-1])
    except ExpressionError:
        return ()
