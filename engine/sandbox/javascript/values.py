"""Variables as JavaScript has them, and back.

A whole number up to 2**53 is a number, a larger one a BigInt; decimals are the nearest number; a date or a time
of a day is a Date (UTC); a time without a day and a duration are their ISO 8601 texts; bytes are a Uint8Array.
Whatever a script hands back unchanged is the value that it was given.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from bpmn.expressions import YearMonthDuration
from bpmn.expressions.feel.temporal import format_temporal

_TAG = "$"
_EXACT = 2**53
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_DEEPEST = 100


class NotForScripts(ValueError):
    """A value that JavaScript has nothing for."""


class Sending:
    """Encodes the variables of one run; *originals* are those values that a script may hand back as they are."""

    def __init__(self) -> None:
        self.originals: list[Any] = []

    def encoded(self, value: Any, depth: int = 0) -> Any:
        """Raises NotForScripts."""
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, (int, float, Decimal)):
            return _number(value)
        if isinstance(value, date):
            return self._date(value)
        if isinstance(value, (time, timedelta, YearMonthDuration)):
            return format_temporal(value)
        if isinstance(value, (bytes, bytearray)):
            return {_TAG: "bytes", "v": list(value)}
        if depth >= _DEEPEST:
            raise NotForScripts(f"values nested more than {_DEEPEST} deep")
        if isinstance(value, (list, tuple)):
            return [self.encoded(item, depth + 1) for item in value]  # pyright: ignore[reportUnknownVariableType]
        if isinstance(value, Mapping):
            pairs = [[str(key), self.encoded(entry, depth + 1)] for key, entry in value.items()]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            return {_TAG: "map", "v": pairs}
        raise NotForScripts(f"a {type(value).__name__}")

    def _date(self, value: date) -> Any:
        self.originals.append(value)
        return {_TAG: "date", "v": _milliseconds(value), "original": len(self.originals) - 1}

    def decoded(self, value: Any) -> Any:
        """What a script made of it."""
        if isinstance(value, list):
            return [self.decoded(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return _whole(value)
        if not isinstance(value, dict):
            return value
        content: Any = value["v"]
        match value[_TAG]:
            case "map":
                return {name: self.decoded(entry) for name, entry in content}
            case "int":
                return int(content)
            case "float":
                return float(content.replace("Infinity", "inf"))
            case "bytes":
                return bytes(content)
            case "date":
                original = value["original"]
                return _moment(content) if original is None else self.originals[original]
            case other:
                raise NotForScripts(f"a {other}")

    def kept(self, before: Any, after: Any) -> Any:
        """*after*, with those parts that are as they were put back as they were, types and all."""
        if isinstance(before, Mapping) and isinstance(after, dict):
            return {
                name: self.kept(before[name], entry) if name in before else entry  # pyright: ignore[reportUnknownArgumentType]
                for name, entry in after.items()
            }
        if isinstance(before, (list, tuple)) and isinstance(after, list):
            parts: list[Any] = list(before)  # pyright: ignore[reportUnknownArgumentType]
            return [self.kept(*pair) for pair in zip(parts, after, strict=False)] + after[len(parts) :]
        if isinstance(before, (Decimal, float, time, timedelta, YearMonthDuration)):
            seen = self.decoded(self.encoded(before))
            return before if type(seen) is type(after) and seen == after else after
        return after


def _number(value: int | float | Decimal) -> Any:
    if isinstance(value, int):
        return value if abs(value) <= _EXACT else {_TAG: "int", "v": str(int(value))}
    number = float(value)
    if math.isfinite(number):
        return number
    if isinstance(value, Decimal) and value.is_finite():
        raise NotForScripts("a number beyond 1.7e308")
    return {_TAG: "float", "v": "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"}


def _whole(value: int | float) -> int | float:
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT else value


def _milliseconds(value: date) -> int:
    moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _FIRST) // timedelta(milliseconds=1)


def _moment(milliseconds: int | float) -> datetime:
    try:
        return _FIRST + timedelta(milliseconds=int(milliseconds))
    except OverflowError:
        raise NotForScripts("a date outside of the years 1 to 9999") from None
