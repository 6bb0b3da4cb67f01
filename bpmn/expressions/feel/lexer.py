"""FEEL text into tokens. DMN 1.5, 10.3.1.2; backtick names as Camunda 8 has them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from bpmn.expressions.errors import ExpressionError

_ASTRAL = "\U00010000-\U000effff"
_NAME = rf"(?:[^\W\d]|[?{_ASTRAL}])(?:\w|[?{_ASTRAL}])*"
_TOKEN = re.compile(
    rf"""
    (?P<space>(?:[\s\u180e\u200b\ufeff]|//[^\n]*|/\*.*?\*/)+)
  | (?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<name>{_NAME})
  | (?P<quoted>`[^`]+`)
  | (?P<temporal>@\s*"(?:[^"\\]|\\.)*")
  | (?P<string>"(?:[^"\\]|\\.)*")
  | (?P<op>\.\.\.|\.\.|\*\*|<=|>=|!=|->|[-+*/=<>()\[\]{{}},:.'])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{6})|(.))", re.DOTALL)
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\", "/": "/"}


class Kind(Enum):
    NAME = auto()
    QUOTED = auto()
    NUMBER = auto()
    STRING = auto()
    TEMPORAL = auto()
    OP = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    text: str
    start: int
    end: int


_KINDS = {"name": Kind.NAME, "quoted": Kind.QUOTED, "number": Kind.NUMBER, "op": Kind.OP}


def tokenize(text: str) -> list[Token]:
    """The tokens of *text*, an END token last. Raises ExpressionError with the position."""
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise ExpressionError(_complaint(text, position), position=position)
        group = found.lastgroup
        if group == "string" or group == "temporal":
            raw = found.group()
            content = unescape(raw[raw.index('"') + 1 : -1])
            kind = Kind.STRING if group == "string" else Kind.TEMPORAL
            tokens.append(Token(kind, content, position, found.end()))
        elif group is not None and group != "space":
            raw = found.group()
            tokens.append(Token(_KINDS[group], raw.strip("`"), position, found.end()))
        position = found.end()
    tokens.append(Token(Kind.END, "", len(text), len(text)))
    return tokens


def unescape(text: str) -> str:
    if "\\" not in text:
        return text
    plain = _ESCAPE.sub(_unescape_one, text)
    try:
        return plain.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        return plain


def _unescape_one(found: re.Match[str]) -> str:
    digits = found.group(1) or found.group(2)
    if digits is None:
        return _SIMPLE.get(found.group(3), found.group())
    code = int(digits, 16)
    return chr(code) if code <= 0x10FFFF else found.group()


def _complaint(text: str, position: int) -> str:
    if text[position] == '"':
        return "A text that starts with a double quote never ends. Add the closing quote."
    return f"Unexpected character {text[position]!r}."
