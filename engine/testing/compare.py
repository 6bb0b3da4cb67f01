"""Whether a value is the one expected: numbers by value, dates also against their ISO text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeGuard, cast

from engine.timing import TimerError, read_date, read_duration


def same(expected: Any, actual: Any) -> bool:
    """Deep equality. A boolean is no number; lists keep their order; mappings have the same keys."""
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, int | float | Decimal) and isinstance(actual, int | float | Decimal):
        return _same_number(expected, actual)
    if isinstance(expected, str) and not isinstance(actual, str):
        return _same_time(expected, actual)
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        ours, theirs = cast("Mapping[Any, Any]", expected), cast("Mapping[Any, Any]", actual)
        return ours.keys() == theirs.keys() and all(same(value, theirs[key]) for key, value in ours.items())
    if _is_list(expected) and _is_list(actual):
        return _same_entries(expected, actual)
    return bool(expected == actual)


def show(value: Any) -> str:
    """*value* as one would write it in a scenario file, shortened."""
    text = _plain(value)
    return text if len(text) <= 400 else text[:397] + "..."


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value).items()
        return "{" + ", ".join(f"{key}: {_plain(entry)}" for key, entry in items) + "}"
    if _is_list(value):
        return "[" + ", ".join(_plain(entry) for entry in value) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return value if value.replace("-", "").replace("_", "").isalnum() and not value[0].isdigit() else f'"{value}"'
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)


def _same_entries(expected: Sequence[Any], actual: Sequence[Any]) -> bool:
    return len(expected) == len(actual) and all(map(same, expected, actual))


def _same_number(expected: float | Decimal, actual: float | Decimal) -> bool:
    """A float is compared as what it prints as, so that 0.1 equals the decimal 0.1."""
    return expected == actual or Decimal(str(expected)) == Decimal(str(actual))


def _same_time(expected: str, actual: Any) -> bool:
    try:
        if isinstance(actual, datetime):
            return read_date(actual) == read_date(expected)
        if isinstance(actual, date | time):
            return type(actual).fromisoformat(expected) == actual
        if isinstance(actual, timedelta):
            duration = read_duration(expected)
            return not duration.months and timedelta(days=duration.days) + duration.rest == actual
    except (TimerError, ValueError):
        return False
    return False


def _is_list(value: Any) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)
