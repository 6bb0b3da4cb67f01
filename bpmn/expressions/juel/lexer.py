"""JUEL text into template parts, and an expression into tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from bpmn.expressions.errors import ExpressionError

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
  | (?P<name>[^\W\d][\w$]*|\$[\w$]+)
  | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
  | (?P<op>==|!=|<=|>=|&&|\|\||[-+*/%<>!?:.,()\[\]])
    """,
    re.VERBOSE | re.DOTALL,
)
_STRINGS = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\{|\}""", re.DOTALL)


class Kind(Enum):
    NUMBER = auto()
    NAME = auto()
    STRING = auto()
    OP = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    text: str
    start: int


def template_parts(text: str) -> list[str | tuple[int, int]]:
    """Literal texts, and (start, end) of what stands between '${' and '}'."""
    parts: list[str | tuple[int, int]] = []
    literal = ""
    at = 0
    while at < len(text):
        if text.startswith(("\\${", "\\#{"), at):
            literal += text[at + 1 : at + 3]
            at += 3
        elif text.startswith(("${", "#{"), at):
            if literal:
                parts.append(literal)
                literal = ""
            end = _closing(text, at + 2)
            parts.append((at + 2, end))
            at = end + 1
        else:
            literal += text[at]
            at += 1
    return [*parts, literal] if literal else parts


def _closing(text: str, start: int) -> int:
    depth = 0
    for found in _STRINGS.finditer(text, start):
        if found.group() == "{":
            depth += 1
        elif found.group() == "}":
            if depth == 0:
                return found.start()
            depth -= 1
    raise ExpressionError("'${' is never closed. Add the missing '}'.", position=start - 2)


def tokenize(text: str, start: int, end: int) -> list[Token]:
    """The tokens of text[start:end], an END token last. Raises ExpressionError."""
    tokens: list[Token] = []
    at = start
    while at < end:
        found = _TOKEN.match(text, at, end)
        if found is None:
            raise ExpressionError(f"Unexpected character {text[at]!r}.", position=at)
        match found.lastgroup:
            case "number":
                tokens.append(Token(Kind.NUMBER, found.group(), at))
            case "name":
                tokens.append(Token(Kind.NAME, found.group(), at))
            case "string":
                tokens.append(Token(Kind.STRING, re.sub(r"\\(.)", r"\1", found.group()[1:-1], flags=re.DOTALL), at))
            case "op":
                tokens.append(Token(Kind.OP, found.group(), at))
            case _:
                pass
        at = found.end()
    return [*tokens, Token(Kind.END, "", end)]
