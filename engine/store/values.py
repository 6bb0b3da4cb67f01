"""Typed values in columns; large ones are kept once, under the hash of their text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import orjson
from sqlalchemy import Connection, Table, delete, exists, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from engine.store import tables
from engine.store.codec import decode, encode, reference

_REFERENCE = reference("")[:-2]
LARGE = 4096  # characters of text from which a value is kept apart
FOR_EVER = ""  # the owner of values that nothing removes

Key = TypeVar("Key")
Item = TypeVar("Item")


class ValueWriter:
    """Turns values into column texts, and keeps the large ones until `flush`.

    *owner*: the process instance, or the change of a data store, whose rows have the text; a large value is there as
    long as one of its owners.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._apart: dict[str, str] = {}
        self._uses: set[tuple[str, str]] = set()

    def cell(self, value: Any, name: str, owner: str = FOR_EVER) -> str:
        """Raises InvalidInput where *value* (called *name* in messages) cannot be kept."""
        text = encode(value, name)
        if len(text) < LARGE:
            return text
        digest = hashlib.sha256(text.encode()).hexdigest()
        self._apart[digest] = text
        self._uses.add((digest, owner))
        return reference(digest)

    def size_of(self, cell: str) -> int:
        """Characters that the value of *cell*, just made, takes."""
        return len(self._apart.get(_digest(cell), cell)) if cell.startswith(_REFERENCE) else len(cell)

    def mapping(self, values: Mapping[str, Any], owner: str = FOR_EVER) -> str:
        """One text for all of *values*; a large entry is shared with whatever else has the same value."""
        if not values:
            return "{}"
        cells = [f"{orjson.dumps(name).decode()}:{self.cell(value, name, owner)}" for name, value in values.items()]
        if "~" in values:  # as the codec writes an object that has the key of its tags
            return self.cell(dict(values), "values", owner)
        return "{" + ",".join(cells) + "}"

    def flush(self) -> None:
        """The foreign key of a use holds its value against `release_values`, or fails where that came first:
        then the transaction is one that lost a race, and is tried again."""
        if not self._apart:
            return
        rows = [{"hash": digest, "data": text} for digest, text in sorted(self._apart.items())]
        insert_missing(self._connection, tables.value, rows)
        uses = [{"hash": digest, "owner": owner} for digest, owner in sorted(self._uses)]
        insert_missing(self._connection, tables.value_use, uses)
        self._apart.clear()
        self._uses.clear()


class ValueReader:
    """Turns column texts into values, fetching those kept apart when they are asked for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[str, str] = {}
        self._expected: set[str] = set()

    def expect(self, texts: Iterable[str]) -> None:
        """Values among these that are kept apart are fetched together when the first of them is asked for."""
        self._expected.update(_digest(text) for text in texts if text.startswith(_REFERENCE))

    def size_of(self, text: str) -> int:
        """Characters that the value of *text* takes, once it was read."""
        return len(self._known.get(_digest(text), text)) if text.startswith(_REFERENCE) else len(text)

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


def _digest(cell: str) -> str:
    """Of the value that a reference stands for."""
    return cell[len(_REFERENCE) : -2]


def in_chunks(items: Sequence[Item], size: int = 500) -> Iterator[list[Item]]:
    """*items* by so many as any database takes for one IN."""
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def insert_missing(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Inserts the *rows* whose primary key is not there yet."""
    build = insert_sqlite if connection.dialect.name == "sqlite" else insert_postgresql
    connection.execute(build(table).on_conflict_do_nothing(), rows)


def insert_new(connection: Connection, table: Table, row: dict[str, Any]) -> bool:
    """False where its primary key is there already."""
    build = insert_sqlite if connection.dialect.name == "sqlite" else insert_postgresql
    statement = build(table).values(row).on_conflict_do_nothing().returning(*table.primary_key)
    return connection.execute(statement).first() is not None


def release_values(connection: Connection, owners: Sequence[str]) -> int:
    """Forgets what *owners* use, and deletes the values that nobody uses any more; how many.

    A writer that refers to one of them in the same moment holds its row by its use's foreign key: locking the row
    waits for that writer, and the next statement sees its use.
    """
    released: set[str] = set()
    for some in in_chunks(owners):
        uses = delete(tables.value_use).where(tables.value_use.c.owner.in_(some))
        released.update(connection.execute(uses.returning(tables.value_use.c.hash)).scalars())
    count = 0
    is_used = exists().where(tables.value_use.c.hash == tables.value.c.hash)
    for some in in_chunks(sorted(released)):
        theirs = tables.value.c.hash.in_(some)
        connection.execute(select(tables.value.c.hash).where(theirs).order_by(tables.value.c.hash).with_for_update())
        count += connection.execute(delete(tables.value).where(theirs, ~is_used)).rowcount
    return count


def insert_all(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    if rows := list(rows):
        connection.execute(insert(table), rows)
