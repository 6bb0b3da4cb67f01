"""Which language a text is in, by the names and URIs that editors write."""

from __future__ import annotations

import re
from typing import Final

from bpmn.model import Expression, Language

_BY_NAME: Final = {
    "python": Language.PYTHON,
    "python3": Language.PYTHON,
    "text/x-python": Language.PYTHON,
    "text/python": Language.PYTHON,
    "application/python": Language.PYTHON,
    "application/x-python": Language.PYTHON,
    "feel": Language.FEEL,
    "friendly-enough-expression-language": Language.FEEL,
    "juel": Language.JUEL,
    "javascript": Language.JAVASCRIPT,
    "ecmascript": Language.JAVASCRIPT,
    "js": Language.JAVASCRIPT,
    "text/javascript": Language.JAVASCRIPT,
    "application/javascript": Language.JAVASCRIPT,
    "groovy": Language.GROOVY,
    "text/groovy": Language.GROOVY,
    "application/groovy": Language.GROOVY,
    "json": Language.JSON,
    "application/json": Language.JSON,
}
# Written by editors as a default, whatever the expressions really are in: it says nothing.
_MEANINGLESS: Final = ("", "http://www.w3.org/1999/xpath", "http://www.w3.org/1999/xpath/", "expression")
_NUMBER: Final = re.compile(r"[+-]?\d+")


class UnknownLanguage(ValueError):
    """*name* is a language that no engine part reads."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def language_named(name: str) -> Language | None:
    """None when *name* says nothing; raises UnknownLanguage."""
    lowered = name.strip().lower()
    if lowered in _MEANINGLESS:
        return None
    if lowered in _BY_NAME:
        return _BY_NAME[lowered]
    if "/feel" in lowered or lowered.startswith(("https://www.omg.org/spec/dmn/", "http://www.omg.org/spec/dmn/")):
        return Language.FEEL
    for part, language in (
        ("groovy", Language.GROOVY),
        ("python", Language.PYTHON),
        ("javascript", Language.JAVASCRIPT),
    ):
        if part in lowered:
            return language
    if lowered in ("http://java.sun.com/products/jsp", "http://www.java.com/javatypes", "uel"):
        return Language.JUEL
    raise UnknownLanguage(name)


def is_juel(text: str) -> bool:
    return "${" in text or "#{" in text


def written(text: str, line: int, otherwise: Language) -> Expression:
    """By how *text* is written: '=' begins FEEL, '${' or '#{' anywhere is JUEL; or else *otherwise*."""
    text = text.strip()
    if text.startswith("="):
        return Expression(Language.FEEL, text[1:].strip(), line)
    if is_juel(text):
        return Expression(Language.JUEL, text, line)
    return Expression(otherwise, text, line)


def constant(text: str, line: int) -> Expression:
    """A fixed text, or a fixed integer where it is written as one."""
    text = text.strip()
    return Expression(Language.JSON if _NUMBER.fullmatch(text) else Language.LITERAL, text.removeprefix("+"), line)
