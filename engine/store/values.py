"""Typed values in columns; large ones are kept once, under the hash of their text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import orjson
from sqlalchemy import Connection, Table, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from engine.store import tables
from engine.store.codec import decode, encode, reference

_REFERENCE = reference("")[:-2]
LARGE = 4096  # characters of text from which a value is kept apart

Key = TypeVar("Key")
Item = TypeVar("Item")


class ValueWriter:
    """Turns values into column texts, and keeps the large ones until `flush`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._apart: dict[str, str] = {}

    def cell(self, value: Any, name: str) -> str:
        """Raises InvalidInput where *value* (called *name* in messages) cannot be kept."""
        text = encode(value, name)
        if len(text) < LARGE:
            return text
        digest = hashlib.sha256(text.encode()).hexdigest()
        self._apart[digest] = text
        return reference(digest)

    def mapping(self, values: Mapping[str, Any]) -> str:
        """One text for all of *values*; a large entry is shared with whatever else has the same value."""
        if not values:
            return "{}"
        cells = [f"{orjson.dumps(name).decode()}:{self.cell(value, name)}" for name, value in values.items()]
        if "~" in values:  # as the codec writes an object that has the key of its tags
            return self.cell(dict(values), "values")
        return "{" + ",".join(cells) + "}"

    def flush(self) -> None:
        if not self._apart:
            return
        rows = [{"hash": digest, "data": text} for digest, text in sorted(self._apart.items())]
        insert_missing(self._connection, tables.value, rows)
        self._apart.clear()


class ValueReader:
    """Turns column texts into values, fetching those kept apart when they are asked for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[str, str] = {}
        self._expected: set[str] = set()

    def expect(self, texts: Iterable[str]) -> None:
        """Values among these that are kept apart are fetched together when the first of them is asked for."""
        self._expected.update(text[len(_REFERENCE) : -2] for text in texts if text.startswith(_REFERENCE))

    def value(self, text: str) -> Any:
        return decode(text, self._fetch)

    def mapping(self, text: str | None) -> dict[str, Any] | None:
        return None if text is None else self.value(text)

    def _fetch(self, digest: str) -> Any:
        if digest not in self._known:
            for some in in_chunks(sorted(self._expected | {digest})):
                query = select(tables.value.c.hash, tables.value.c.data).where(tables.value.c.hash.in_(some))
                self._known |= {row.hash: row.data for row in self._connection.execute(query)}
            self._expected.clear()
        return decode(self._known[digest])


class LazyValues(Mapping[Key, Any]):
    """Values by key, decoded when first asked for. Valid while the transaction of its reader lasts."""

    def __init__(self, texts: Mapping[Key, str], reader: ValueReader) -> None:
        self._texts = texts
        self._reader = reader
        reader.expect(texts.values())
        self._values: dict[Key, Any] = {}

    def __getitem__(self, key: Key) -> Any:
        if key not in self._values:
            self._values[key] = self._reader.value(self._texts[key])
        return self._values[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def __contains__(self, key: object) -> bool:
        return key in self._texts


def in_chunks(items: Sequence[Item], size: int = 500) -> Iterator[list[Item]]:
    """*items* by so many as any database takes for one IN."""
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def insert_missing(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Inserts the *rows* whose primary key is not there yet."""
    build = insert_sqlite if connection.dialect.name == "sqlite" else insert_postgresql
    connection.execute(build(table).on_conflict_do_nothing(), rows)


def insert_all(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    if rows := list(rows):
        connection.execute(insert(table), rows)
