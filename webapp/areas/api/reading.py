"""JSON as it was meant: whole numbers of any size stay exact, and one that cannot be kept is pointed at."""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from typing import Any, cast

import orjson

_LONGEST = 308
"""Digits of a whole number; for the fast parser a longer one is infinite, and no JSON."""
_LARGE = re.compile(rb"[0-9]{19}|[eE][-+]?[0-9]{3}")
"""May be a number that 64 bits do not hold, of which the fast parser makes something else."""


class Misfit(Exception):
    """A number that cannot be kept. *pointer*: to its place (RFC 6901)."""

    def __init__(self, pointer: str, problem: str) -> None:
        super().__init__(f"{pointer}: {problem}")
        self.pointer = pointer
        self.problem = problem


def read_json(data: bytes) -> Any:
    """Raises Misfit, orjson.JSONDecodeError for what is no JSON, RecursionError."""
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        if _LARGE.search(data):
            with suppress(ValueError):
                _exact(data)
        raise
    return _exact(data) if _LARGE.search(data) else document


def pointer(path: str, part: object) -> str:
    """*path*, a JSON pointer, and a key or place below it."""
    return f"{path}/{str(part).replace('~', '~0').replace('/', '~1')}"


class _Unkept:
    """In the place of a number that cannot be kept."""

    def __init__(self, problem: str) -> None:
        self.problem = problem


def _exact(data: bytes) -> Any:
    """Raises Misfit, and ValueError for what is no JSON."""
    found: list[_Unkept] = []

    def unkept(problem: str) -> _Unkept:
        found.append(_Unkept(problem))
        return found[-1]

    def whole(text: str) -> Any:
        if len(text.lstrip("-")) <= _LONGEST:
            return int(text)
        return unkept(f'a number of more than {_LONGEST} digits. Send {{"$type": "integer", "value": "..."}}')

    def real(text: str) -> Any:
        number = float(text)
        is_lost = number == 0 and not set("123456789").isdisjoint(re.split("[eE]", text)[0])
        if is_lost or not math.isfinite(number):
            return unkept('a number that no double holds. Send {"$type": "decimal", "value": "..."}')
        return number

    document = json.loads(data, parse_int=whole, parse_float=real, parse_constant=_no_constant)
    if found:
        raise Misfit(_place_of(found[0], document) or "", found[0].problem)
    return document


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def _place_of(wanted: _Unkept, value: Any, path: str = "") -> str | None:
    """None where it is not in there: a later entry with the same key has replaced it."""
    if value is wanted:
        return path
    if isinstance(value, dict):
        parts = list(cast("dict[str, Any]", value).items())
    elif isinstance(value, list):
        parts = list(enumerate(cast("list[Any]", value)))
    else:
        return None
    found = (_place_of(wanted, each, pointer(path, part)) for part, each in parts)
    return next((place for place in found if place is not None), None)
