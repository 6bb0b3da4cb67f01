"""Camunda's typed variables, {"value", "type", "valueInfo"}, as our values and back. The table: docs/camunda-7.md."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, cast

from engine.errors import InvalidInput

LARGEST_INTEGER, LARGEST_LONG = 2**31 - 1, 2**63 - 1
_FILE_KEYS = {"filename", "mimetype", "encoding", "content"}
_JSON_FORMATS = ("", "application/json")


def typed_all(values: Mapping[str, Any], *, is_deserialized: bool) -> dict[str, Any]:
    return {name: typed(value, is_deserialized=is_deserialized) for name, value in values.items()}


def typed(value: Any, *, is_deserialized: bool) -> dict[str, Any]:
    """*value* as Camunda shows it. *is_deserialized*: lists and objects as themselves, typed Object; else as one text
    of JSON, typed Json, which workers parse. The content of a file is never shown, see `content_of`."""
    match value:
        case None:
            return _typed("Null", None)
        case bool():
            return _typed("Boolean", value)
        case int():
            return _typed_int(value)
        case float() | Decimal():
            number = float(value)
            return _typed("Double", number if math.isfinite(number) else str(number))
        case str():
            return _typed("String", value)
        case datetime():
            return _typed("Date", written(value))
        case date():
            return _typed("Date", written(datetime(value.year, value.month, value.day, tzinfo=UTC)))
        case bytes():
            return _typed("Bytes", base64.b64encode(value).decode())
        case dict() if is_file(cast("dict[Any, Any]", value)):
            about = {"filename": value["filename"], "mimeType": value["mimetype"], "encoding": value["encoding"]}
            return _typed("File", None, {key: said for key, said in about.items() if said})
        case dict() | list():
            return _typed_structure(value, is_deserialized)
        case _:
            return _typed("String", _plain(value))


def untyped_all(variables: object, *, name: str = "variables") -> dict[str, Any]:
    """Our values for the object *variables* of a request. Raises InvalidInput."""
    if variables is None:
        return {}
    if not isinstance(variables, dict):
        raise InvalidInput(f'{name} must be an object, like {{"amount": {{"value": 3, "type": "Integer"}}}}.')
    return {key: untyped(key, entry) for key, entry in cast("dict[str, Any]", variables).items()}


def untyped(name: str, entry: object) -> Any:
    """Our value for one typed variable. Without a type it is what its JSON is. Raises InvalidInput."""
    if not isinstance(entry, dict):
        raise InvalidInput(f'Variable \'{name}\' must be an object, like {{"value": 3, "type": "Integer"}}.')
    said = cast("dict[str, Any]", entry)
    value, kind, about = said.get("value"), said.get("type"), said.get("valueInfo")
    if kind is None or (value is None and str(kind).lower() != "null"):
        return value
    read = _READERS.get(kind.lower() if isinstance(kind, str) else "")
    if read is None:
        raise InvalidInput(f"Variable '{name}' has the type {kind!r}. Known are: {', '.join(_NAMES)}.")
    try:
        return read(value, cast("dict[str, Any]", about) if isinstance(about, dict) else {})
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error) as problem:
        raise InvalidInput(f"Variable '{name}' is no {kind}: {problem}.") from problem


def read_json(text: str | bytes) -> Any:
    """Raises ValueError, also for what is nested too deeply, for NaN, which JSON has not, and for numbers that no
    double holds."""
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError as problem:
        raise ValueError("it is nested too deeply") from problem


def content_of(value: Any) -> tuple[bytes, str, str | None]:
    """The bytes of a variable, their media type, and a file's name."""
    if isinstance(value, dict) and is_file(cast("dict[Any, Any]", value)):
        return value["content"], value["mimetype"] or "application/octet-stream", value["filename"]
    if isinstance(value, bytes):
        return value, "application/octet-stream", None
    if isinstance(value, str):
        return value.encode(errors="replace"), "text/plain", None
    return json.dumps(value, default=_plain).encode(), "application/json", None


def is_file(value: Mapping[Any, Any]) -> bool:
    return set(value) == _FILE_KEYS and isinstance(value["content"], bytes)


def written(moment: datetime) -> str:
    """As Camunda writes times: 2026-03-02T12:00:00.000+0000."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return f"{aware:%Y-%m-%dT%H:%M:%S}.{aware.microsecond // 1000:03d}{aware:%z}"


def read_moment(text: object) -> datetime:
    """ISO 8601 with or without an offset (then UTC). Raises ValueError."""
    if not isinstance(text, str):
        raise ValueError('write it as "2026-03-02T12:00:00.000+0000"')
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _typed(kind: str, value: Any, about: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {"type": kind, "value": value, "valueInfo": dict(about or {})}


def _typed_int(value: int) -> dict[str, Any]:
    if -LARGEST_INTEGER - 1 <= value <= LARGEST_INTEGER:
        return _typed("Integer", value)
    if -LARGEST_LONG - 1 <= value <= LARGEST_LONG:
        return _typed("Long", value)
    return _typed("Json", str(value))


def _typed_structure(value: Any, is_deserialized: bool) -> dict[str, Any]:
    text = json.dumps(value, default=_plain, skipkeys=True)
    if not is_deserialized:
        return _typed("Json", text)
    java = "java.util.ArrayList" if isinstance(value, list) else "java.util.LinkedHashMap"
    about = {"objectTypeName": java, "serializationDataFormat": "application/json"}
    return _typed("Object", json.loads(text), about)


def _plain(value: Any) -> Any:
    """What JSON has no type for."""
    match value:
        case datetime():
            return written(value)
        case date() | time():
            return value.isoformat()
        case timedelta():
            return _duration(value)
        case Decimal():
            return float(value)
        case bytes():
            return base64.b64encode(value).decode()
        case _:
            return str(value)


def _duration(value: timedelta) -> str:
    seconds = abs(value).total_seconds()
    return f"{'-' if value < timedelta() else ''}PT{seconds:.6f}".rstrip("0").rstrip(".") + "S"


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError("it has a number that no double holds")
    return number


def _text(value: Any, _: Mapping[str, Any]) -> str:
    if not isinstance(value, str):
        raise ValueError("its value must be a text in quotes")
    return value


def _flag(value: Any, _: Mapping[str, Any]) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise ValueError("its value must be true or false")
    return value


def _integer(largest: int) -> Callable[[Any, Mapping[str, Any]], int]:
    def read(value: Any, _: Mapping[str, Any]) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, str)) or (isinstance(value, str) and len(value) > 20):
            raise ValueError("its value must be a whole number")
        number = int(value)
        if not -largest - 1 <= number <= largest:
            raise ValueError(f"its value must be from {-largest - 1} to {largest}")
        return number

    return read


def _double(value: Any, _: Mapping[str, Any]) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError("its value must be a number")
    return float(value)


def _null(value: Any, _: Mapping[str, Any]) -> None:
    if value is not None:
        raise ValueError("its value must be null")


def _structure(value: Any, about: Mapping[str, Any]) -> Any:
    """Json and Object: a text of JSON, or what it says."""
    format = about.get("serializationDataFormat") or ""
    if format not in _JSON_FORMATS:
        raise ValueError(f"it is serialized as {format!r}. Serialize it as application/json")
    return read_json(value) if isinstance(value, str) else value


def _bytes(value: Any, _: Mapping[str, Any]) -> bytes:
    return base64.b64decode(_text(value, {}), validate=True)


def _file(value: Any, about: Mapping[str, Any]) -> dict[str, Any]:
    said = {key.lower(): text for key, text in about.items() if isinstance(text, str)}
    if not said.get("filename"):
        raise ValueError("its valueInfo has no filename")
    return {
        "filename": said["filename"],
        "mimetype": said.get("mimetype"),
        "encoding": said.get("encoding"),
        "content": _bytes(value, {}),
    }


_INTEGER, _LONG = _integer(LARGEST_INTEGER), _integer(LARGEST_LONG)
_READERS: dict[str, Callable[[Any, Mapping[str, Any]], Any]] = {
    "string": _text,
    "integer": _INTEGER,
    "short": _integer(2**15 - 1),
    "long": _LONG,
    "double": _double,
    "boolean": _flag,
    "date": lambda value, _: read_moment(value),
    "json": _structure,
    "object": _structure,
    "null": _null,
    "bytes": _bytes,
    "file": _file,
    "xml": _text,
    "number": _double,
    "float": _double,
}
_NAMES = ("String", "Integer", "Short", "Long", "Double", "Boolean", "Date", "Json", "Object", "Null", "Bytes", "File")
