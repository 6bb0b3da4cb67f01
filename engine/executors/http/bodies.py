"""Values as JSON has them, to be sent; and what an answer says, as values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any, cast

from engine.errors import PermanentFailure


def as_json(value: Any) -> Any:
    """Decimals become numbers, dates and times their ISO 8601 text. Raises PermanentFailure for what is neither."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case date() | time():
            return value.isoformat()
        case Mapping():
            return {str(key): as_json(inner) for key, inner in cast("Mapping[Any, Any]", value).items()}
        case list():
            return [as_json(inner) for inner in cast("list[Any]", value)]
        case _:
            raise PermanentFailure(f"A {type(value).__name__} cannot be sent as JSON. Make a text of it before.")


def from_text(text: str) -> Any:
    """JSON as what it says, nothing as null, all else as its text."""
    if not text:
        return None
    try:
        return json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        return text
