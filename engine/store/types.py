"""Column types that read the same on every database; and the names of what the rest of the engine hands on
unseen, connections and rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Connection as Connection
from sqlalchemy import DateTime, Dialect, String, TypeDecorator
from sqlalchemy import Row as Row
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeEngine

AnyRow = Row[*tuple[Any, ...]]


def text_of(moment: datetime) -> str:
    """As SQLite keeps an aware datetime: a text that sorts, '2026-01-02T03:04:05.000006Z'."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    # It takes a quarter of the time of isoformat, and leaves out a fraction of zero.
    text = orjson.dumps(moment, option=orjson.OPT_UTC_Z).decode()[1:-1]
    return text if moment.microsecond else f"{text[:-1]}.000000Z"


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime to the microsecond: timestamptz, or text that sorts (SQLite)."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        return dialect.type_descriptor(String(27))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return text_of(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        return datetime.fromisoformat(value)
