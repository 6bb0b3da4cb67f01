"""The history of one instance by the page: each goes on after the record that the page before ended with, so that a
page of a long history costs a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Select, Table, and_, literal, or_, select, tuple_

from engine.errors import InvalidInput
from engine.store.history import activity_of, attempt_of, change_of, log_entry_of
from engine.store.tables import activity, job_attempt, log, variable_change
from engine.store.types import AnyRow
from engine.store.values import ValueReader

_AT_ONCE = 200
"""Earlier changes that are looked at in one query."""

Scoped = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Part:
    """*key*: the columns that order it within an instance; *records*: what the rows of a page tell."""

    table: Table
    key: tuple[str, ...]
    records: Callable[[Connection, Sequence[AnyRow]], list[Any]]
    left_out: tuple[str, ...] = ()


def page(
    connection: Connection, part: Part, instance_id: str, after: str | None, limit: int
) -> tuple[list[Any], str | None]:
    """Up to *limit* records, and what to go on after: None on the last page. Raises InvalidInput for an *after* that
    is none of these."""
    columns = [part.table.c[name] for name in part.key]
    query = _of_instance(part, instance_id)
    if after is not None:
        query = query.where(tuple_(*columns) > tuple_(*_read(after, columns)))
    rows = connection.execute(query.order_by(*columns).limit(limit + 1)).all()
    shown = rows[:limit]
    following = _written(shown[-1], part.key) if len(rows) > limit else None
    return part.records(connection, shown), following


def _of_instance(part: Part, instance_id: str) -> Select[Any]:
    told = [column for column in part.table.c if column.name not in part.left_out]
    return select(*told).where(part.table.c.instance_id == instance_id)


def _written(row: AnyRow, key: Sequence[str]) -> str:
    return orjson.dumps([getattr(row, name) for name in key]).decode()


def _read(text: str, columns: Sequence[ColumnElement[Any]]) -> list[ColumnElement[Any]]:
    try:
        given = orjson.loads(text)
        if not isinstance(given, list) or len(given) != len(columns):
            raise ValueError
        return [literal(_proper(each, column), column.type) for each, column in zip(given, columns, strict=True)]
    except (ValueError, TypeError, OverflowError) as problem:
        raise InvalidInput(f"'{text}' is not where a page ended. Give what the page before gave.") from problem


def _proper(value: Any, column: ColumnElement[Any]) -> Any:
    wanted = column.type.python_type
    if wanted is datetime:
        return datetime.fromisoformat(value).astimezone(UTC)
    if type(value) is not wanted or (wanted is int and abs(value) >= 2**31) or (wanted is str and "\0" in value):
        raise ValueError
    return value


def _activities(connection: Connection, rows: Sequence[AnyRow]) -> list[Any]:
    return [activity_of(row) for row in rows]


def _attempts(connection: Connection, rows: Sequence[AnyRow]) -> list[Any]:
    return [attempt_of(row) for row in rows]


def _log_entries(connection: Connection, rows: Sequence[AnyRow]) -> list[Any]:
    reader = ValueReader(connection)
    return [log_entry_of(row, reader) for row in rows]


def _changes(connection: Connection, rows: Sequence[AnyRow]) -> list[Any]:
    """What was before a change is what the one before it left, perhaps long before this page."""
    if not rows:
        return []
    reader = ValueReader(connection)
    last = _left_before(connection, rows)
    reader.expect(text for text in (*last.values(), *(row.after for row in rows)) if text is not None)
    found: list[Any] = []
    for row in rows:
        before = last.get((row.scope_id, row.name))
        found.append(change_of(row, reader, before is not None, None if before is None else reader.value(before)))
        last[row.scope_id, row.name] = row.after
    return found


def _left_before(connection: Connection, rows: Sequence[AnyRow]) -> dict[Scoped, str | None]:
    """What the variables of *rows* had before the first of them. Looked for backwards, since most change often."""
    columns = variable_change.c
    first = rows[0]
    missing = {(row.scope_id, row.name) for row in rows}
    found: dict[Scoped, str | None] = {}
    bound = (first.step, first.position)
    while missing:
        query = (
            select(columns.step, columns.position, columns.scope_id, columns.name, columns.after)
            .where(
                columns.instance_id == first.instance_id,
                tuple_(columns.step, columns.position) < tuple_(*map(literal, bound)),
                _is_one_of(missing),
            )
            .order_by(columns.step.desc(), columns.position.desc())
            .limit(_AT_ONCE)
        )
        earlier = connection.execute(query).all()
        for row in earlier:
            found.setdefault((row.scope_id, row.name), row.after)
        if len(earlier) < _AT_ONCE:
            break
        missing -= found.keys()
        bound = (earlier[-1].step, earlier[-1].position)
    return found


def _is_one_of(variables: set[Scoped]) -> ColumnElement[bool]:
    columns = variable_change.c
    by_scope: dict[int, list[str]] = {}
    for scope, name in sorted(variables):
        by_scope.setdefault(scope, []).append(name)
    return or_(*(and_(columns.scope_id == scope, columns.name.in_(names)) for scope, names in by_scope.items()))


PARTS: Mapping[str, Part] = {
    "activities": Part(activity, ("activity_id",), _activities, left_out=("inputs", "outputs")),
    "variable_changes": Part(variable_change, ("step", "position"), _changes),
    "job_attempts": Part(job_attempt, ("started_at", "activity_id", "attempt", "job_id"), _attempts),
    "log": Part(log, ("sequence",), _log_entries),
}
