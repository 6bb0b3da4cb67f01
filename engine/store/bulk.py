"""Many rows in one statement: what a commit writes goes past the query compiler, which would look at each row.

SQLite runs a prepared statement over tuples; PostgreSQL gets whole columns as arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, LargeBinary, String, Table
from sqlalchemy.dialects import postgresql

from engine.store.types import Moment

Row = dict[str, Any]
Key = tuple[Any, ...]

GUARD: Final = "seen_version"
"""An update's extra value: the row is changed only while its column `version` has it."""

_POSTGRESQL: Final = postgresql.dialect()  # pyright: ignore[reportUnknownMemberType]


def insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """All *rows* have values for the same columns."""
    statement, bind = _insert(connection.dialect.name, table, tuple(rows[0]))
    connection.exec_driver_sql(statement, bind(rows))


def update(
    connection: Connection,
    table: Table,
    columns: tuple[str, ...],
    changes: Sequence[tuple[Key, Row]],
    only_where: str = "",
) -> int:
    """Sets *columns* (GUARD may be among them) in the rows with the given primary keys; how many there were.

    *only_where*: a further condition of ours, as SQL.
    """
    statement, bind = _update(connection.dialect.name, table, columns, only_where)
    names = [column.name for column in table.primary_key]
    rows = [row | dict(zip(names, key, strict=True)) for key, row in changes]
    return connection.exec_driver_sql(statement, bind(rows)).rowcount


def delete(connection: Connection, table: Table, names: tuple[str, ...], keys: Iterable[Key]) -> None:
    """Deletes the rows in which the columns *names* have one of the given *keys*."""
    statement, bind = _delete(connection.dialect.name, table, names)
    connection.exec_driver_sql(statement, bind([dict(zip(names, key, strict=True)) for key in keys]))


Bind = Callable[[Sequence[Row]], Any]


@lru_cache(1024)
def _insert(dialect: str, table: Table, names: tuple[str, ...]) -> tuple[str, Bind]:
    into = f"INSERT INTO {table.name} ({', '.join(map(_quoted, names))})"
    if dialect == "sqlite":
        return f"{into} VALUES ({', '.join('?' * len(names))})", _tuples(table, names)
    return f"{into} SELECT * FROM {_unnest(table, names)}", _arrays(table, names)


@lru_cache(1024)
def _update(dialect: str, table: Table, columns: tuple[str, ...], only_where: str) -> tuple[str, Bind]:
    set_columns = [name for name in columns if name != GUARD]
    keys = [column.name for column in table.primary_key]
    guard = [("version", GUARD)] if GUARD in columns else []
    condition = f" AND {only_where}" if only_where else ""
    if dialect == "sqlite":
        settings = ", ".join(f"{_quoted(name)} = ?" for name in set_columns)
        where = " AND ".join(f"{_quoted(name)} = ?" for name in [*keys, *(name for name, _ in guard)])
        ordered = (*set_columns, *keys, *(value for _, value in guard))
        return f"UPDATE {table.name} SET {settings} WHERE {where}{condition}", _tuples(table, ordered)
    ordered = (*set_columns, *keys, *(value for _, value in guard))
    values = {name: f"v{place}" for place, name in enumerate(ordered)}
    aliases = ", ".join(values.values())
    settings = ", ".join(f"{_quoted(name)} = {values[name]}" for name in set_columns)
    same = [(name, values[name]) for name in keys] + [(name, values[value]) for name, value in guard]
    where = " AND ".join(f"t.{_quoted(name)} = {value}" for name, value in same)
    source = f"{_unnest(table, ordered)} AS v({aliases})"
    return f"UPDATE {table.name} AS t SET {settings} FROM {source} WHERE {where}{condition}", _arrays(table, ordered)


@lru_cache(1024)
def _delete(dialect: str, table: Table, names: tuple[str, ...]) -> tuple[str, Bind]:
    if dialect == "sqlite":
        where = " AND ".join(f"{_quoted(name)} = ?" for name in names)
        return f"DELETE FROM {table.name} WHERE {where}", _tuples(table, names)
    columns = ", ".join(map(_quoted, names))
    where = f"({columns}) IN (SELECT * FROM {_unnest(table, names)})"
    return f"DELETE FROM {table.name} WHERE {where}", _arrays(table, names)


def _tuples(table: Table, names: tuple[str, ...]) -> Bind:
    moments = [name for name in names if name != GUARD and isinstance(table.c[name].type, Moment)]

    def bind(rows: Sequence[Row]) -> list[tuple[Any, ...]]:
        if moments:
            rows = [row | {name: _as_text(row[name]) for name in moments} for row in rows]
        return [tuple([row[name] for name in names]) for row in rows]

    return bind


def _arrays(table: Table, names: tuple[str, ...]) -> Bind:
    texts = {name for name in names if name != GUARD and isinstance(table.c[name].type, String)}

    def bind(rows: Sequence[Row]) -> tuple[list[Any], ...]:
        return tuple(
            [_plain_text(row[name]) for row in rows] if name in texts else [row[name] for row in rows] for name in names
        )

    return bind


def _unnest(table: Table, names: tuple[str, ...]) -> str:
    arrays = ", ".join(f"%s::{_type_name(table, name)}[]" for name in names)
    return f"unnest({arrays})"


def _type_name(table: Table, name: str) -> str:
    kind = table.c["version" if name == GUARD else name].type
    if isinstance(kind, String):
        return "text"  # a cast to varchar(n) would cut off what is too long, and say nothing
    if isinstance(kind, LargeBinary):
        return "bytea"
    return kind.compile(dialect=_POSTGRESQL)


def _plain_text(value: Any) -> Any:
    """The driver takes no array in which some texts are members of an enumeration."""
    return value if value is None or value.__class__ is str else str(value)


@lru_cache(4096)
def _as_text(value: datetime | None) -> str | None:
    """As `Moment` keeps it on SQLite. Most rows of a commit have the same moment."""
    if value is None:
        return None
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _quoted(name: str) -> str:
    return f'"{name}"'
