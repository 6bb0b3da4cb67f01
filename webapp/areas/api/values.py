"""Values of variables in JSON: as they are where JSON has the type, else an object that names it.

`{"$type": "decimal", "value": "1.10"}`. An object of the user's that has a key "$type" is itself written as pairs, so
that everything comes back as it went in.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, cast
from zoneinfo import ZoneInfo

from bpmn.expressions.values import YearMonthDuration
from engine.errors import InvalidInput
from engine.timing import TimerError, read_duration
from webapp.areas.api.reading import pointer

TYPE, VALUE, ZONE = "$type", "value", "zone"
_EXACT = 2**53
"""Up to here every reader of JSON keeps a whole number exact."""
_DEEPEST = 200


def to_json(value: Any) -> Any:
    match value:
        case None | bool() | str():
            return value
        case int():
            return value if abs(value) <= _EXACT else _typed("integer", str(value))
        case float():
            return value if math.isfinite(value) else _typed("float", repr(value))
        case list() | tuple():
            return [to_json(item) for item in cast("list[Any]", value)]
        case Mapping():
            return _object(cast("Mapping[Any, Any]", value))
        case _:
            return _tagged(value)


def variables_to_json(variables: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: to_json(value) for name, value in (variables or {}).items()}


def from_json(value: Any, path: str = "", depth: int = 0) -> Any:
    """Raises InvalidInput, whose fields name the place."""
    if depth > _DEEPEST:
        raise _wrong(path, f"it is nested more than {_DEEPEST} levels deep")
    if isinstance(value, list):
        return [from_json(item, pointer(path, n), depth + 1) for n, item in enumerate(cast("list[Any]", value))]
    if not isinstance(value, dict):
        return value
    items = cast("dict[str, Any]", value)
    if TYPE not in items:
        return {key: from_json(item, pointer(path, key), depth + 1) for key, item in items.items()}
    return _read(items, path, depth)


def variables_from_json(variables: Mapping[str, Any], path: str = "/variables") -> dict[str, Any]:
    """Raises InvalidInput, whose fields name the place."""
    return {name: from_json(value, pointer(path, name)) for name, value in variables.items()}


def _typed(name: str, value: Any) -> dict[str, Any]:
    return {TYPE: name, VALUE: value}


def _object(items: Mapping[Any, Any]) -> dict[str, Any]:
    if TYPE in items or not all(isinstance(key, str) for key in items):
        return _typed("object", [[to_json(key), to_json(item)] for key, item in items.items()])
    return {key: to_json(item) for key, item in items.items()}


def _tagged(value: Any) -> dict[str, Any]:
    match value:
        case Decimal():
            return _typed("decimal", str(value))
        case datetime():
            return _zoned("datetime", value)
        case date():
            return _typed("date", value.isoformat())
        case time():
            return _zoned("time", value)
        case timedelta():
            return _typed("duration", _iso(value))
        case YearMonthDuration():
            return _typed("duration", f"{'-' if value.months < 0 else ''}P{abs(value.months)}M")
        case bytes() | bytearray():
            return _typed("bytes", base64.b64encode(value).decode())
        case _:
            raise TypeError(f"a value of type {type(value).__name__} has no JSON")


def _zoned(name: str, value: datetime | time) -> dict[str, Any]:
    key = getattr(value.tzinfo, "key", None)
    if key is None:
        return _typed(name, value.isoformat())
    return _typed(name, value.isoformat()) | {ZONE: key}


def _iso(value: timedelta) -> str:
    sign, span = ("-", -value) if value < timedelta() else ("", value)
    seconds = Decimal(span.seconds) + Decimal(span.microseconds) / 1_000_000
    return f"{sign}P{span.days}DT{seconds.normalize():f}S"


def _read(items: dict[str, Any], path: str, depth: int) -> Any:
    name, content = items[TYPE], items.get(VALUE)
    if not isinstance(name, str) or not items.keys() <= {TYPE, VALUE, ZONE}:
        raise _wrong(path, f'an object with "{TYPE}" has beside it "{VALUE}" and, for a time, "{ZONE}"')
    if name == "object":
        return _pairs(content, path, depth)
    read = _READERS.get(name)
    if read is None:
        raise _wrong(path, f"there is no type '{name[:40]}'. There are: {', '.join([*_READERS, 'object'])}")
    if not isinstance(content, str) or len(content) > 10_000_000:
        raise _wrong(path, f'the "{VALUE}" of a {name} is a text')
    try:
        return _in_zone(read(content), items.get(ZONE))
    except (ValueError, InvalidOperation, TimerError, OverflowError, binascii.Error, LookupError, OSError) as problem:
        raise _wrong(path, f"'{content[:40]}' is no {name}") from problem


def _in_zone(value: Any, zone: Any) -> Any:
    if zone is None:
        return value
    if not isinstance(zone, str) or not isinstance(value, (datetime, time)):
        raise ValueError("only times have a zone")
    return value.replace(tzinfo=ZoneInfo(zone))


def _pairs(content: Any, path: str, depth: int) -> dict[Any, Any]:
    result: dict[Any, Any] = {}
    pairs: list[Any] = cast("list[Any]", content) if isinstance(content, list) else [None]
    for n, pair in enumerate(pairs):
        if not isinstance(pair, list) or len(cast("list[Any]", pair)) != 2:
            raise _wrong(path, "an object is a list of pairs of key and value")
        key, item = cast("list[Any]", pair)
        place = f"{path}/{VALUE}/{n}"
        read = from_json(key, f"{place}/0", depth + 1)
        if isinstance(read, (dict, list)):
            raise _wrong(path, "a key is no object and no list")
        result[read] = from_json(item, f"{place}/1", depth + 1)
    return result


def _integer(text: str) -> int:
    if len(text) > 4000:
        raise ValueError("too long")
    return int(text)


def _duration(text: str) -> timedelta | YearMonthDuration:
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text)
    read = read_duration(rest)
    span = timedelta(read.days) + read.rest
    if read.months and span:
        raise ValueError("months and days in one duration")
    is_of_months = read.months or set("TDW").isdisjoint(rest)
    return YearMonthDuration(sign * read.months) if is_of_months else sign * span


_READERS: dict[str, Callable[[str], Any]] = {
    "integer": _integer,
    "float": float,
    "decimal": Decimal,
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
    "time": time.fromisoformat,
    "duration": _duration,
    "bytes": lambda text: base64.b64decode(text, validate=True),
}


def _wrong(path: str, what: str) -> InvalidInput:
    return InvalidInput(f"The value at {path or '/'} cannot be read: {what}.", {path or "/": what})
