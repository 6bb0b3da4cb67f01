"""XPath regular expressions (DMN 1.5, 10.3.4.3) on the `regex` package, each match bounded in time."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import regex

from bpmn.expressions.budget import LARGEST, Budget
from bpmn.expressions.errors import OverBudget

TIMEOUT = 1.0  # seconds
_FLAGS = {"s": regex.DOTALL, "m": regex.MULTILINE, "i": regex.IGNORECASE, "x": regex.VERBOSE, "q": 0}
_INITIAL = r"[\p{L}\p{Nl}_:]"
_NAME_CHARACTER = r"[\p{L}\p{Nl}\p{Nd}\p{M}_:.\-\u00b7]"


@lru_cache(maxsize=1024)
def compiled_pattern(pattern: str, flags: str | None) -> Any:
    """The compiled pattern, None when it or its flags are no XPath regular expression."""
    flags = flags or ""
    if any(flag not in _FLAGS for flag in flags) or len(pattern) > 10_000:
        return None
    options = regex.VERSION1
    for flag in flags:
        options |= _FLAGS[flag]
    if "q" in flags:
        return regex.compile(regex.escape(pattern), options & ~regex.VERBOSE)
    translated = _translated(_without_blanks(pattern) if "x" in flags else pattern, "s" in flags)
    if translated is None:
        return None
    try:
        return regex.compile(translated, options & ~regex.VERBOSE)
    except (regex.error, OverflowError, RecursionError):
        return None


def found_in(pattern: Any, text: str) -> bool:
    try:
        return pattern.search(text, timeout=TIMEOUT) is not None
    except TimeoutError:
        raise _too_slow() from None


def replaced(pattern: Any, replacement: str, text: str, is_literal: bool, budget: Budget) -> str | None:
    pieces = [replacement] if is_literal else _replacement(replacement, pattern.groups)
    if pieces is None:
        return None
    size = len(text)

    def expand(found: Any) -> str:
        nonlocal size
        new = "".join(piece if isinstance(piece, str) else (found.group(piece) or "") for piece in pieces)
        size += len(new)
        if size > LARGEST:
            budget.grow(size)
        return new

    try:
        result: str = pattern.sub(expand, text, timeout=TIMEOUT)
    except TimeoutError:
        raise _too_slow() from None
    budget.grow(len(result))
    return result


def split_by(pattern: Any, text: str, budget: Budget) -> list[str]:
    budget.grow(len(text))
    pieces: list[str] = []
    start = 0
    try:
        for found in pattern.finditer(text, timeout=TIMEOUT):
            if found.end() > found.start():
                pieces.append(text[start : found.start()])
                start = found.end()
    except TimeoutError:
        raise _too_slow() from None
    return [*pieces, text[start:]]


def _too_slow() -> OverBudget:
    return OverBudget("A regular expression exceeded its budget of one second. Simplify the pattern.")


def _without_blanks(pattern: str) -> str:
    """Flag 'x': white space outside of character classes does not count."""
    kept: list[str] = []
    depth = 0
    for at, character in enumerate(pattern):
        if character in "[]" and pattern[at - 1 : at] != "\\":
            depth += 1 if character == "[" else -1
        if depth > 0 or not character.isspace():
            kept.append(character)
    return "".join(kept)


def _translated(pattern: str, dot_is_anything: bool) -> str | None:
    """Outside Python's dialect: \\i, \\c, class subtraction [a-z-[aeiou]], Is blocks; (?...) is not XPath's."""
    out: list[str] = []
    depth = 0
    at = 0
    while at < len(pattern):
        character = pattern[at]
        following = pattern[at + 1 : at + 2]
        if character == "\\":
            if following in "iIcC" and following:
                inner = _INITIAL if following in "iI" else _NAME_CHARACTER
                if following.isupper():
                    inner = "[^" + inner[1:]
                out.append(inner)
            elif pattern.startswith(("p{Is", "P{Is"), at + 1):
                out.append(f"\\{following}{{In")
                at += 3
            elif depth and following.isdigit():
                return None
            elif following and (following in "nrt\\|.?*+(){}[]^$-dDsSwWpP" or following.isdigit()):
                out.append(character + following)
            else:
                return None
            at += 2
            continue
        if character == "[":
            depth += 1
            if depth > 1 and out and out[-1] == "-":
                out[-1] = "--"
            out.append("[")
        elif character == "]" and depth:
            depth -= 1
            out.append("]")
        elif character == "(" and following == "?" and not depth and pattern[at + 2 : at + 3] != ":":
            return None
        elif character == "." and not depth and not dot_is_anything:
            out.append(r"[^\n\r]")
        elif depth and character in "&|~" and following == character:
            out.append("\\" + character)
        else:
            out.append(character)
        at += 1
    return "".join(out)


def _replacement(text: str, groups: int) -> list[str | int] | None:
    """Texts and group numbers; '$1' is a group, '\\$' and '\\\\' are themselves. None where it is malformed."""
    pieces: list[str | int] = []
    at = 0
    while at < len(text):
        character = text[at]
        if character == "\\":
            if text[at + 1 : at + 2] not in ("\\", "$"):
                return None
            pieces.append(text[at + 1])
            at += 2
        elif character == "$":
            end = at + 1
            while end < len(text) and text[end].isdigit() and (end == at + 1 or int(text[at + 1 : end + 1]) <= groups):
                end += 1
            if end == at + 1:
                return None
            number = int(text[at + 1 : end])
            if number <= groups:
                pieces.append(number)
            at = end
        else:
            pieces.append(character)
            at += 1
    return pieces
