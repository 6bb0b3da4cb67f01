"""Choosing scenarios by name, as `pytest -k` does: words with and, or, not and parentheses."""

from __future__ import annotations

import re
from collections.abc import Callable

Choice = Callable[[str], bool]

_TOKEN = re.compile(r"\s*(?:(\()|(\))|\"([^\"]*)\"|'([^']*)'|([^\s()]+))")


class ChoiceError(ValueError):
    """The expression cannot be read."""


def read_choice(expression: str) -> Choice:
    """Whether a name is chosen by *expression*, regardless of case; an empty one chooses all.

    Neighbouring words are one phrase: `-k "large invoice"`. Raises ChoiceError.
    """
    if not expression.strip():
        return lambda name: True
    parser = _Parser(expression)
    choice = parser.either()
    if parser.peek() is not None:
        raise ChoiceError(
            f"'{expression}': unexpected '{parser.peek()}'. Write it like: invoice and not (large or late)"
        )
    return lambda name: choice(name.lower())


class _Parser:
    def __init__(self, expression: str) -> None:
        self.expression = expression
        self.tokens: list[str] = []
        for match in _TOKEN.finditer(expression):
            quoted = match[3] if match[3] is not None else match[4]
            self.tokens.append(f'"{quoted}' if quoted is not None else match[0].strip())

    def peek(self) -> str | None:
        return self.tokens[0] if self.tokens else None

    def either(self) -> Choice:
        left = self.both()
        while self.peek() == "or":
            self.tokens.pop(0)
            left = _either(left, self.both())
        return left

    def both(self) -> Choice:
        left = self.single()
        while self.peek() == "and":
            self.tokens.pop(0)
            left = _both(left, self.single())
        return left

    def single(self) -> Choice:
        token = self.peek()
        if token == "not":
            self.tokens.pop(0)
            inner = self.single()
            return lambda name: not inner(name)
        if token == "(":
            self.tokens.pop(0)
            inner = self.either()
            if self.peek() != ")":
                raise ChoiceError(f"'{self.expression}': a ')' is missing.")
            self.tokens.pop(0)
            return inner
        return self.phrase()

    def phrase(self) -> Choice:
        words: list[str] = []
        while (token := self.peek()) is not None and token not in ("and", "or", "not", "(", ")"):
            words.append(self.tokens.pop(0).removeprefix('"'))
        if not words:
            raise ChoiceError(f"'{self.expression}': a name is missing at '{self.peek() or 'its end'}'.")
        wanted = " ".join(words).lower()
        return lambda name: wanted in name


def _either(left: Choice, right: Choice) -> Choice:
    return lambda name: left(name) or right(name)


def _both(left: Choice, right: Choice) -> Choice:
    return lambda name: left(name) and right(name)
