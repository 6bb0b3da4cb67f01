"""Many rows in one statement: what a commit writes goes past the query compiler, which would look at each row.

SQLite runs a prepared statement over tuples; PostgreSQL gets all rows as one JSON text.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

import orjson
from sqlalchemy import Connection, String, Table
from sqlalchemy.dialects import postgresql

from engine.store.faults import wrapped
from engine.store.months import Month, by_month
from engine.store.types import Moment

Row = dict[str, Any]
Key = tuple[Any, ...]

GUARD: Final = "seen_version"
"""An update's extra value: the row is changed only while its column `version` has it."""

_POSTGRESQL: Final = postgresql.dialect()  # pyright: ignore[reportUnknownMemberType]


def insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """All *rows* have values for the same columns."""
    _run(connection, *_insert(connection.dialect.name, table, tuple(rows[0])), rows)


def update(
    connection: Connection,
    table: Table,
    columns: tuple[str, ...],
    changes: Sequence[tuple[Key, Row]],
    only_where: str = "",
) -> int:
    """Sets *columns* (GUARD may be among them) in the rows with the given primary keys; how many there were.

    *only_where*: a further condition of ours, as SQL that says whose column it means.
    """
    names = [str(column.name) for column in table.primary_key]
    count = 0
    for month, some in by_month(connection, table.name, changes):
        statement, bind = _update(connection.dialect.name, table, columns, only_where, _at_most(len(some)), month)
        rows = [row | dict(zip(names, key, strict=True)) for key, row in some]
        count += _run(connection, statement, bind, rows)
    return count


def delete(connection: Connection, table: Table, names: tuple[str, ...], keys: Collection[Key]) -> None:
    """Deletes the rows in which the columns *names* have one of the given *keys*."""
    statement, bind = _delete(connection.dialect.name, table, names, _at_most(len(keys)))
    _run(connection, statement, bind, [dict(zip(names, key, strict=True)) for key in keys])


def _run(connection: Connection, statement: str, bind: Bind, rows: Sequence[Row]) -> int:
    if connection.dialect.name != "sqlite":
        return connection.exec_driver_sql(statement, bind(rows)).rowcount
    cursor = connection.connection.cursor()
    try:
        cursor.executemany(statement, bind(rows))
        return cursor.rowcount
    except connection.dialect.loaded_dbapi.Error as problem:
        raise wrapped(problem, statement, connection.dialect) from problem
    finally:
        cursor.close()


Bind = Callable[[Sequence[Row]], Any]


@lru_cache(1024)
def _insert(dialect: str, table: Table, names: tuple[str, ...]) -> tuple[str, Bind]:
    columns = ", ".join(map(_quoted, names))
    if dialect == "sqlite":
        return f"INSERT INTO {table.name} ({columns}) VALUES ({', '.join('?' * len(names))})", _tuples(table, names)
    return f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {_records(table, names)}", _json


@lru_cache(1024)
def _update(
    dialect: str, table: Table, columns: tuple[str, ...], only_where: str, limit: int, month: Month | None
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
        where += f" AND {table.name}.{keys[0]} >= '{month[0]}' AND {table.name}.{keys[0]} < '{month[1]}'"
    source = _few_records(table, names, limit)
    return f"UPDATE {table.name} SET {settings} FROM {source} WHERE {where}{condition}", _json


@lru_cache(1024)
def _delete(dialect: str, table: Table, names: tuple[str, ...], limit: int) -> tuple[str, Bind]:
    if dialect == "sqlite":
        where = " AND ".join(f"{_quoted(name)} = ?" for name in names)
        return f"DELETE FROM {table.name} WHERE {where}", _tuples(table, names)
    where = " AND ".join(f"{table.name}.{_quoted(name)} = v.{_quoted(name)}" for name in names)
    return f"DELETE FROM {table.name} USING {_few_records(table, names, limit)} WHERE {where}", _json


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


def _few_records(table: Table, names: tuple[str, ...], limit: int) -> str:
    """PostgreSQL expects 100 rows of any JSON, and would rather read a table of some thousand rows than look so many
    up; a limit tells it how many come."""
    return f"(SELECT * FROM {_records(table, names)} LIMIT {limit}) AS v"


def _at_most(count: int) -> int:
    """Few different limits, and so few different statements: powers of four."""
    limit = 1
    while limit < count:
        limit *= 4
    return limit


def _type_name(table: Table, name: str) -> str:
    kind = table.c["version" if name == GUARD else name].type
    if isinstance(kind, String):
        return "text"  # varchar(n) would cut off what is too long, and say nothing
    return kind.compile(dialect=_POSTGRESQL)


@lru_cache(4096)
def _as_text(value: datetime | None) -> str | None:
    """As `Moment` keeps it on SQLite. Most rows of a commit have the same moment."""
    if value is None:
        return None
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def _quoted(name: str) -> str:
    return f'"{name}"'
