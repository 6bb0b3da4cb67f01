"""Values as text and back, with their types: JSON where JSON has the type, a tagged object where it has not.

A tagged object is {"~": tag, "v": text}. An object of the user's that has a key "~" is itself tagged, as
are objects with keys that are no strings, so everything comes back as it went in; tuples come back as lists.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import partial
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

import orjson

from bpmn.expressions.values import YearMonthDuration
from engine.errors import InvalidInput

TAG = "~"
DEPTH_LIMIT = 200
KEY_LENGTH = 255
_SMALLEST, _LARGEST = -(2**63), 2**64 - 1


class Unstorable(InvalidInput):
    """A value of a type that cannot be kept. *path* leads to it, *type_name* is what it is."""

    def __init__(self, value: object, path: str = "") -> None:
        self.path = path
        self.type_name = type(value).__qualname__
        super().__init__(
            f"{path or 'The value'} is of type '{self.type_name}', which cannot be kept. Use None, bool, int, float, "
            "Decimal, str, bytes, date, time, datetime, timedelta, or lists and dicts of these."
        )


def encode(value: Any, name: str = "") -> str:
    """*value* as text; *name* is what messages call it. Raises Unstorable (an InvalidInput)."""
    if type(value) is int and _SMALLEST <= value <= _LARGEST:
        return str(value)
    try:
        return orjson.dumps(_pack(value, name, 0)).decode()
    except TypeError as problem:  # orjson: text that is no valid Unicode
        raise InvalidInput(f"{name or 'The value'} cannot be kept: {problem}.") from problem


def encode_part(value: Any) -> str:
    """As `encode`, for the interpreter's own state: mostly plain values, so no walk unless one is needed."""
    tagged = 0

    def tag_unknown(item: Any) -> Any:
        nonlocal tagged
        tagged += 1
        packed = _pack(item, "state", 0)
        if not isinstance(packed, dict):
            raise TypeError("plain value in disguise")
        return packed

    try:
        text = orjson.dumps(value, default=tag_unknown, option=_PASSTHROUGH).decode()
    except TypeError:
        return encode(value, "state")
    if text.count('"~":') != tagged or "null" in text:  # a user's own "~", or a float that JSON has not
        return encode(value, "state")
    return text


def decode(text: str, resolve: Callable[[str], Any] | None = None) -> Any:
    """The value of `encode`'s text. *resolve*: from the hash of a value kept apart to that value."""
    value = orjson.loads(text)
    return _unpack(value, resolve) if '"~":' in text else value


def normalise(variables: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of *variables* as they would come back from the store. Raises Unstorable naming variable and type."""
    for name in variables:
        if not isinstance(cast(Any, name), str):
            raise InvalidInput(f"{name!r} cannot be the name of a variable. Use a string.")
        check_key(name, "variable's name")
    return {name: _copy(value, f"Variable '{name}'", 0) for name, value in variables.items()}


def copy_of(value: Any) -> Any:
    """*value*, which can be kept, as it would be read back."""
    return value if type(value) in IMMUTABLE else _maker_of(value)()


class Copier:
    """As `copy_of`, for many copies of the same values, none of which changes meanwhile."""

    def __init__(self) -> None:
        # By identity; with the value, so that no other gets that.
        self._makers: dict[int, tuple[Any, Callable[[], Any]]] = {}

    def copy_of(self, value: Any) -> Any:
        if type(value) in IMMUTABLE:
            return value
        if (known := self._makers.get(id(value))) is None:
            known = self._makers[id(value)] = (value, _maker_of(value))
        return known[1]()


def _maker_of(value: Any) -> Callable[[], Any]:
    """What makes copies of a value that is not immutable itself."""
    if type(value) is list and IMMUTABLE.issuperset(map(type, value)):
        return value.copy
    text = _plain_text(value)
    return partial(_copy, value, "", 0) if text is None else partial(orjson.loads, text)


def _plain_text(value: Any) -> bytes | None:
    """JSON that reads back as *value* does from the store: much faster than to walk through it. None where there may
    be more in it than JSON has (also for a null, which a float that is no number becomes, too)."""
    try:
        text = orjson.dumps(value, option=_PASSTHROUGH)
    except TypeError:
        return None
    return None if b"null" in text else text


def check_key(text: object, what: str) -> str:
    """*text* if it can serve as *what* (a business key, a name): short, and storable on every database."""
    if not isinstance(text, str):
        raise InvalidInput(f"A {what} is a text. This is of type {type(text).__name__}.")
    if not 0 < len(text) <= KEY_LENGTH or "\0" in text:
        raise InvalidInput(f"A {what} has 1 to {KEY_LENGTH} characters, and no NUL among them. This is {text[:40]!r}.")
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise InvalidInput(f"A {what} has no halves of surrogate pairs. This is {text[:40]!r}.")
    return text


def readable(text: str) -> str:
    """*text* as every database can keep it."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def reference(digest: str) -> str:
    """The text that stands for a value kept apart."""
    return f'{{"~":"ref","v":"{digest}"}}'


IMMUTABLE: Final = frozenset({str, int, float, bool, type(None)})
_PASSTHROUGH = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS


def _pack(value: Any, path: str, depth: int) -> Any:
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int:
        return value if _SMALLEST <= value <= _LARGEST else {TAG: "int", "v": str(value)}
    if kind is float:
        return value if math.isfinite(value) else {TAG: "float", "v": repr(value)}
    if depth > DEPTH_LIMIT:
        raise InvalidInput(f"{path.split('.')[0]} is nested more than {DEPTH_LIMIT} levels deep.")
    if kind is dict:
        return _pack_dict(value, path, depth)
    if kind is list or kind is tuple:
        return [_pack(item, path, depth + 1) for item in value]
    return _pack_tagged(value, path, depth)


def _pack_dict(value: dict[Any, Any], path: str, depth: int) -> dict[str, Any]:
    if TAG in value or not all(type(key) is str for key in value):
        pairs = [[_pack(key, path, depth + 1), _pack(item, path, depth + 1)] for key, item in value.items()]
        return {TAG: "map", "v": pairs}
    return {key: _pack(item, f"{path}.{key}", depth + 1) for key, item in value.items()}


def _pack_tagged(value: Any, path: str, depth: int) -> Any:
    if isinstance(value, Decimal):
        return {TAG: "decimal", "v": str(value)}
    if isinstance(value, datetime):
        return _pack_datetime(value)
    if isinstance(value, date):
        return {TAG: "date", "v": value.isoformat()}
    if isinstance(value, time):
        return _zoned({TAG: "time", "v": value.replace(tzinfo=None).isoformat()}, value, value.utcoffset())
    if isinstance(value, timedelta):
        return {TAG: "duration", "v": [value.days, value.seconds, value.microseconds]}
    if isinstance(value, (bytes, bytearray)):
        return {TAG: "bytes", "v": base64.b64encode(value).decode()}
    if isinstance(value, Mapping):
        return _pack_dict(dict(cast(Mapping[Any, Any], value)), path, depth)
    if isinstance(value, YearMonthDuration):
        return {TAG: "months", "v": str(value.months)}
    for plain in (str, int, float, list, tuple):  # subclasses: an enum, a named tuple
        if isinstance(value, plain) and not hasattr(value, "_asdict"):
            return _pack(plain(cast(Any, value)), path, depth)
    raise Unstorable(value, path)


def _pack_datetime(value: datetime) -> dict[str, Any]:
    return _zoned({TAG: "datetime", "v": value.replace(tzinfo=None).isoformat()}, value, value.utcoffset())


def _zoned(packed: dict[str, Any], value: datetime | time, offset: timedelta | None) -> dict[str, Any]:
    key = getattr(value.tzinfo, "key", None)
    if key is not None:
        packed["zone"] = key
    elif offset is not None:
        packed["offset"] = offset.total_seconds()
    if value.fold:
        packed["fold"] = 1
    return packed


def _unpack(value: Any, resolve: Callable[[str], Any] | None) -> Any:
    if isinstance(value, list):
        return [_unpack(item, resolve) for item in cast(list[Any], value)]
    if not isinstance(value, dict):
        return value
    items = cast(dict[str, Any], value)
    if TAG not in items:
        return {key: _unpack(item, resolve) for key, item in items.items()}
    tag, content = items[TAG], items["v"]
    if tag == "map":
        return {_unpack(key, resolve): _unpack(item, resolve) for key, item in content}
    if tag == "ref":
        if resolve is None:
            raise LookupError(f"Value {content} is kept apart and cannot be reached from here.")
        return resolve(content)
    return _READERS[tag](content, items)


def _timezone(items: dict[str, Any]) -> ZoneInfo | timezone | None:
    if "zone" in items:
        return ZoneInfo(items["zone"])
    if "offset" in items:
        return timezone(timedelta(seconds=items["offset"])) if items["offset"] else UTC
    return None


_READERS: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "int": lambda text, _: int(text),
    "float": lambda text, _: float(text),
    "decimal": lambda text, _: Decimal(text),
    "date": lambda text, _: date.fromisoformat(text),
    "datetime": lambda text, at: datetime.fromisoformat(text).replace(tzinfo=_timezone(at), fold=at.get("fold", 0)),
    "time": lambda text, at: time.fromisoformat(text).replace(tzinfo=_timezone(at), fold=at.get("fold", 0)),
    "duration": lambda parts, _: timedelta(parts[0], parts[1], parts[2]),
    "bytes": lambda text, _: base64.b64decode(text),
    "months": lambda text, _: YearMonthDuration(int(text)),
}


def _copy(value: Any, path: str, depth: int) -> Any:
    """As decode(encode(value)), without the detour through text."""
    kind = type(value)
    if kind is str or kind is bool or value is None or kind is int or kind is float:
        return value
    if depth > DEPTH_LIMIT:
        raise InvalidInput(f"{path.split('.')[0]} is nested more than {DEPTH_LIMIT} levels deep.")
    if kind is list or kind is tuple:
        return [_copy(item, path, depth + 1) for item in value]
    if kind is dict:
        return {key: _copy(item, f"{path}.{key}", depth + 1) for key, item in value.items()}
    packed = _pack_tagged(value, path, depth)
    return _unpack(packed, None)
