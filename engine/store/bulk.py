"""Many rows in one statement: what a commit writes goes past the query compiler, which would look at each row.

SQLite runs a prepared statement over tuples; PostgreSQL gets all rows as one JSON text, and all statements of a commit
before it is asked what came of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

import orjson
from sqlalchemy import Connection, String, Table
from sqlalchemy.dialects import postgresql

from engine.record import record
from engine.store import straight
from engine.store.months import Month, by_month
from engine.store.types import Moment, text_of

Row = dict[str, Any]
Key = tuple[Any, ...]

GUARD: Final = "seen_version"
"""An update's extra value: the row is changed only while its column `version` has it."""

_POSTGRESQL: Final = postgresql.dialect()  # pyright: ignore[reportUnknownMemberType]


Bind = Callable[[Sequence[Row]], Any]


@record
class Write:
    """A statement and its rows. *is_guarded*: it must change as many rows as it names."""

    statement: str
    bind: Bind
    rows: Sequence[Row]
    is_guarded: bool = False


def inserts(connection: Connection, table: Table, rows: Sequence[Row]) -> Write:
    """All *rows* have values for the same columns."""
    return Write(*_insert(connection.dialect.name, table, tuple(rows[0])), rows)


def updates(
    connection: Connection,
    table: Table,
    columns: tuple[str, ...],
    changes: Sequence[tuple[Key, Row]],
    only_where: str = "",
) -> Iterator[Write]:
    """Sets *columns* (GUARD may be among them) in the rows with the given primary keys.

    *only_where*: a further condition of ours, as SQL that says whose column it means.
    """
    names = [str(column.name) for column in table.primary_key]
    for month, some in by_month(connection, table.name, changes):
        statement, bind = _update(connection.dialect.name, table, columns, only_where, month)
        rows = [row | dict(zip(names, key, strict=True)) for key, row in some]
        yield Write(statement, bind, rows, is_guarded=GUARD in columns)


def deletes(
    connection: Connection, table: Table, names: tuple[str, ...], keys: Collection[Key], only_where: str = ""
) -> Write:
    """Deletes the rows in which the columns *names* have one of the given *keys*. *only_where*: as for `updates`."""
    statement, bind = _delete(connection.dialect.name, table, names, only_where)
    return Write(statement, bind, [dict(zip(names, key, strict=True)) for key in keys])


def send(connection: Connection, writes: Sequence[Write]) -> bool:
    """Runs *writes* in order; whether all that are guarded have changed as many rows as they name."""
    if not writes:
        return True
    statements = [(write.statement, write.bind(write.rows)) for write in writes]
    with straight.ran(connection, statements, many=connection.dialect.name == "sqlite") as cursors:
        return all(
            not write.is_guarded or cursor.rowcount in (len(write.rows), -1)
            for write, cursor in zip(writes, cursors, strict=True)
        )


@lru_cache(1024)
def _insert(dialect: str, table: Table, names: tuple[str, ...]) -> tuple[str, Bind]:
    columns = ", ".join(map(_quoted, names))
    if dialect == "sqlite":
        return f"INSERT INTO {table.name} ({columns}) VALUES ({', '.join('?' * len(names))})", _tuples(table, names)
    return f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {_records(table, names)}", _json


@lru_cache(1024)
def _update(
    dialect: str, table: Table, columns: tuple[str, ...], only_where: str, month: Month | None
) -> tuple[str, Bind]:
    changed = [name for name in columns if name != GUARD]
    keys = [str(column.name) for column in table.primary_key]
    same = [(name, name) for name in keys] + ([("version", GUARD)] if GUARD in columns else [])
    condition = f" AND {only_where}" if only_where else ""
    names = (*changed, *(value for _, value in same))
    if dialect == "sqlite":
        settings = ", ".join(f"{_quoted(name)} = ?" for name in changed)
        where = " AND ".join(f"{_quoted(name)} = ?" for name, _ in same)
        return f"UPDATE {table.name} SET {settings} WHERE {where}{condition}", _tuples(table, names)
    settings = ", ".join(f"{_quoted(name)} = v.{_quoted(name)}" for name in changed)
    where = " AND ".join(f"{table.name}.{_quoted(name)} = v.{_quoted(value)}" for name, value in same)
    if month is not None:
        key = f"{table.name}.{keys[0]}"  # a plain range would be taken for a few rows, and read from end to end
        where += f" AND {key} >= '{month[0]}' AND {key} < ANY (ARRAY['{month[1]}'])"
    source = _keys_to_look_up(table, names, keys[0])
    return f"UPDATE {table.name} SET {settings} FROM {source} WHERE {where}{condition}", _json


@lru_cache(1024)
def _delete(dialect: str, table: Table, names: tuple[str, ...], only_where: str) -> tuple[str, Bind]:
    condition = f" AND {only_where}" if only_where else ""
    if dialect == "sqlite":
        where = " AND ".join(f"{_quoted(name)} = ?" for name in names)
        return f"DELETE FROM {table.name} WHERE {where}{condition}", _tuples(table, names)
    where = " AND ".join(f"{table.name}.{_quoted(name)} = v.{_quoted(name)}" for name in names)
    source = _keys_to_look_up(table, names, names[0])
    return f"DELETE FROM {table.name} USING {source} WHERE {where}{condition}", _json


def _tuples(table: Table, names: tuple[str, ...]) -> Bind:
    moments = [place for place, name in enumerate(names) if name != GUARD and isinstance(table.c[name].type, Moment)]
    if len(names) == 1:
        return lambda rows: [(row[names[0]],) for row in rows]
    values_of = itemgetter(*names)
    if not moments:
        return lambda rows: list(map(values_of, rows))

    def bind(rows: Sequence[Row]) -> list[list[Any]]:
        bound = [list(values_of(row)) for row in rows]
        for values in bound:
            for place in moments:
                values[place] = _as_text(values[place])
        return bound

    return bind


def _json(rows: Sequence[Row]) -> tuple[str]:
    return (orjson.dumps(rows).decode(),)


def _records(table: Table, names: tuple[str, ...]) -> str:
    columns = ", ".join(f"{_quoted(name)} {_type_name(table, name)}" for name in names)
    return f"json_to_recordset(%s::json) AS v({columns})"


def _keys_to_look_up(table: Table, names: tuple[str, ...], key: str) -> str:
    """Records that PostgreSQL takes for a single one, and so looks each of them up in the index of *table*.

    It would expect 100 of any JSON, and read a table that was still small when the statement was first prepared from
    end to end each time, long after it has grown. *key*: a text among *names*; nothing is known of how often a value
    equals another one, which counts as seldom.
    """
    return f"(SELECT * FROM {_records(table, names)} WHERE v.{_quoted(key)} = v.{_quoted(key)} || '') AS v"


def _type_name(table: Table, name: str) -> str:
    kind = table.c["version" if name == GUARD else name].type
    if isinstance(kind, String):
        return "text"  # varchar(n) would cut off what is too long, and say nothing
    return kind.compile(dialect=_POSTGRESQL)


@lru_cache(4096)
def _as_text(value: datetime | None) -> str | None:
    """As `Moment` keeps it on SQLite. Most rows of a commit have the same moment."""
    return None if value is None else text_of(value)


def _quoted(name: str) -> str:
    return f'"{name}"'
