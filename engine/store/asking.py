"""Questions that are asked again and again: compiled once, and several of them in one round trip where a database is
elsewhere (PostgreSQL's pipeline)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Select
from sqlalchemy.engine import Dialect

from engine.record import record
from engine.store import straight

Answer = list[tuple[Any, ...]]
Convert = Callable[[Any], Any]


@record
class Question:
    """A query that lives as long as the program, and the values of its parameters by name."""

    query: Select[*tuple[Any, ...]]
    values: Mapping[str, Any]


def ask(connection: Connection, *questions: Question) -> list[Answer]:
    """The rows of each, as tuples; they are asked in order."""
    if not connection.in_transaction():
        connection.begin()
    prepared = [_prepared(each.query, connection.dialect) for each in questions]
    statements = [(known.text, known.bound(each.values)) for known, each in zip(prepared, questions, strict=True)]
    with straight.ran(connection, statements) as cursors:
        return [known.read(cursor.fetchall()) for known, cursor in zip(prepared, cursors, strict=True)]


@dataclass(frozen=True, slots=True)
class _Prepared:
    text: str
    _literals: Mapping[str, Any]
    _binds: Mapping[str, Convert]
    _columns: Mapping[int, Convert]

    def bound(self, values: Mapping[str, Any]) -> dict[str, Any]:
        bound = {**self._literals, **values}
        for name, convert in self._binds.items():
            bound[name] = convert(bound[name])
        return bound

    def read(self, rows: Sequence[tuple[Any, ...]]) -> Answer:
        if not self._columns:
            return list(rows)
        return [
            tuple([self._columns[place](value) if place in self._columns else value for place, value in enumerate(row)])
            for row in rows
        ]


@lru_cache(1024)
def _prepared(query: Select[*tuple[Any, ...]], dialect: Dialect) -> _Prepared:
    compiled: Any = query.compile(dialect=_spelling(dialect))
    binds = {name: _of_type(each.type, dialect).bind_processor(dialect) for name, each in compiled.binds.items()}
    columns = [_of_type(each.type, dialect).result_processor(dialect, None) for each in query.selected_columns]
    return _Prepared(
        str(compiled),
        {name: value for name, value in compiled.params.items() if value is not None},
        {name: convert for name, convert in binds.items() if convert is not None},
        {place: convert for place, convert in enumerate(columns) if convert is not None},
    )


def _of_type(kind: Any, dialect: Dialect) -> Any:
    return kind.dialect_impl(dialect)


def _spelling(dialect: Dialect) -> Dialect:
    """As the driver takes named parameters."""
    kind: Any = type(dialect)
    return kind(paramstyle="named") if dialect.name == "sqlite" else dialect
