"""Removing what has been kept long enough: ended instances with all that is theirs, batch by batch.

What is removed together is a root instance and the instances that it called, under the root's time. On PostgreSQL the
history of instances may be left behind, where nobody finds it, to be dropped with its partitions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import aliased

from engine.model import CleanupRecord
from engine.store import tables
from engine.store.partitions import KEYS, Span
from engine.store.tables import activity, cleanup, housekeeping, process_instance, variable, variable_change
from engine.store.types import AnyRow
from engine.store.values import in_chunks, insert_missing, release_values

LARGEST_BATCH = 100
"""Root instances in one transaction."""
ROOM = 2_000
"""Rows of history in one transaction, about; an instance with more goes in several, its own row last."""

_OWNED = tuple(
    table
    for table in reversed(tables.metadata.sorted_tables)
    if "instance_id" in table.c
    and any(key.column.table is process_instance for key in table.c.instance_id.foreign_keys)
)


@dataclass(frozen=True, slots=True)
class Due:
    """What is due at *now*: by its own removal time, or ended at or before *kept_since* and without one."""

    now: datetime
    kept_since: datetime | None

    def parts(self) -> list[tuple[ColumnElement[bool], ColumnElement[Any]]]:
        """Conditions that exclude each other, each with the column of its index."""
        columns = process_instance.c
        called = aliased(process_instance)
        goes_on = exists().where(called.c.parent_id == columns.id, called.c.ended_at.is_(None))
        parts: list[tuple[ColumnElement[bool], ColumnElement[Any]]] = [
            (and_(columns.removal_at <= self.now, ~goes_on), columns.removal_at)
        ]
        if self.kept_since is not None:
            says_nothing = and_(columns.parent_id.is_(None), columns.removal_at.is_(None))
            parts.append((and_(says_nothing, columns.ended_at <= self.kept_since, ~goes_on), columns.ended_at))
        return parts


@dataclass(frozen=True, slots=True)
class Root:
    """A root instance, the ids of the *tree* that it heads (its own among them), and about how many rows they have."""

    id: str
    definition_id: str
    ended_at: datetime
    tree: tuple[str, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Removed:
    """One batch. *is_last*: nothing else was due. *values*: large values that nobody used any more."""

    roots: tuple[Root, ...] = ()
    values: int = 0
    is_last: bool = True


def count_due(connection: Connection, due: Due) -> dict[str, int]:
    """Root instances by definition."""
    columns = process_instance.c
    counts: Counter[str] = Counter()
    for condition, _ in due.parts():
        query = select(columns.definition_id, func.count()).where(condition).group_by(columns.definition_id)
        for definition_id, count in connection.execute(query):
            counts[definition_id] += count
    return dict(sorted(counts.items()))


def remove_some(connection: Connection, due: Due, limit: int = LARGEST_BATCH, left: Sequence[Span] = ()) -> Removed:
    """Removes up to *limit* root instances, fewer where they are large; others who do the same take others.

    *left*: where history stays behind."""
    found, is_last = _lock_due(connection, due, min(limit, LARGEST_BATCH), left)
    roots = list(_with_room(found))
    if not roots:
        return Removed(is_last=is_last)
    is_last = is_last and len(roots) == len(found)
    if roots[0].size > ROOM and _remove_part(connection, roots[0], left):
        return Removed(is_last=False)
    return Removed(tuple(roots), _remove_all(connection, roots, left), is_last)


def lock_root(connection: Connection, instance_id: str) -> Root | str | None:
    """An ended instance that may be removed with all that it called; else why not. None where there is none."""
    columns = process_instance.c
    query = select(columns.id, columns.definition_id, columns.ended_at, columns.parent_id)
    row = connection.execute(query.where(columns.id == instance_id).with_for_update()).first()
    if row is None:
        return None
    if row.ended_at is None:
        return f"Process instance '{instance_id}' has not ended. Cancel it first."
    if row.parent_id is not None:
        return f"Process instance '{instance_id}' was called by '{row.parent_id}', and goes with it."
    tree = _trees(connection, [instance_id])[instance_id]
    for some in in_chunks(tree):
        going_on = select(columns.id).where(columns.id.in_(some), columns.ended_at.is_(None))
        if (running := connection.execute(going_on.limit(1)).scalar()) is not None:
            return f"'{running}', which process instance '{instance_id}' called, has not ended."
    return Root(row.id, row.definition_id, row.ended_at, tree, sum(_sizes(connection, tree).values()))


def remove_roots(connection: Connection, roots: Sequence[Root]) -> bool:
    """False where the first has too much history for one transaction: then part of that is gone, and nothing else."""
    if roots and roots[0].size > ROOM and _remove_part(connection, roots[0]):
        return False
    _remove_all(connection, roots)
    return True


def record(
    connection: Connection, run_id: str, roots: Sequence[Root], *, actor: str, started_at: datetime, now: datetime
) -> None:
    """Adds removed instances to what a run is known to have removed."""
    for definition_id in sorted({root.definition_id for root in roots}):
        gone = [root for root in roots if root.definition_id == definition_id]
        first, last = min(root.ended_at for root in gone), max(root.ended_at for root in gone)
        called = sum(len(root.tree) - 1 for root in gone)
        known = connection.execute(
            select(cleanup).where(cleanup.c.id == run_id, cleanup.c.definition_id == definition_id)
        ).first()
        if known is None:
            row = {
                "id": run_id,
                "definition_id": definition_id,
                "actor": actor,
                "started_at": started_at,
                "last_at": now,
            }
            row |= {"instances": len(gone), "called_instances": called, "first_ended_at": first, "last_ended_at": last}
            connection.execute(insert(cleanup), row)
            continue
        change = update(cleanup).where(cleanup.c.id == run_id, cleanup.c.definition_id == definition_id)
        connection.execute(
            change.values(
                last_at=now,
                instances=known.instances + len(gone),
                called_instances=known.called_instances + called,
                first_ended_at=min(known.first_ended_at, first),
                last_ended_at=max(known.last_ended_at, last),
            )
        )


def records(connection: Connection, limit: int) -> list[CleanupRecord]:
    """The newest first."""
    query = select(cleanup).order_by(cleanup.c.started_at.desc(), cleanup.c.id.desc(), cleanup.c.definition_id)
    return [
        CleanupRecord(
            run_id=row.id,
            definition_id=row.definition_id,
            actor=row.actor,
            started_at=row.started_at,
            last_at=row.last_at,
            instances=row.instances,
            called_instances=row.called_instances,
            first_ended_at=row.first_ended_at,
            last_ended_at=row.last_ended_at,
        )
        for row in connection.execute(query.limit(limit))
    ]


# one process at a time


def is_turn(connection: Connection, name: str, now: datetime, latest: datetime) -> bool:
    """*latest*: until then a turn may be put off; one that is put off further counts as due."""
    due_at = connection.execute(select(housekeeping.c.due_at).where(housekeeping.c.name == name)).scalar()
    return due_at is None or due_at <= now or due_at > latest


def take_turn(connection: Connection, name: str, holder: str, now: datetime, until: datetime, latest: datetime) -> bool:
    """Whether *holder* may do it now; nobody else before *until*. *latest*: as above."""
    insert_missing(connection, housekeeping, [{"name": name, "holder": "", "due_at": now}])
    columns = housekeeping.c
    change = update(housekeeping).where(columns.name == name, or_(columns.due_at <= now, columns.due_at > latest))
    return connection.execute(change.values(holder=holder, due_at=until)).rowcount == 1


def keep_turn(connection: Connection, name: str, holder: str, until: datetime) -> bool:
    """False when somebody else has taken it meanwhile."""
    change = update(housekeeping).where(housekeeping.c.name == name, housekeeping.c.holder == holder)
    return connection.execute(change.values(due_at=until)).rowcount == 1


def _lock_due(connection: Connection, due: Due, limit: int, left: Sequence[Span]) -> tuple[list[Root], bool]:
    """Due roots, and whether these are all."""
    columns = process_instance.c
    rows: list[AnyRow] = []
    for condition, order in due.parts():
        query = select(columns.id, columns.definition_id, columns.ended_at).where(condition).order_by(order, columns.id)
        query = query.limit(limit + 1 - len(rows)).with_for_update(skip_locked=True, of=process_instance)
        rows.extend(connection.execute(query))
    is_all = len(rows) <= limit
    rows = rows[:limit]
    trees = _trees(connection, [row.id for row in rows])
    sizes = _sizes(connection, [instance_id for tree in trees.values() for instance_id in tree], left)
    roots = [
        Root(row.id, row.definition_id, row.ended_at, trees[row.id], sum(sizes[each] for each in trees[row.id]))
        for row in rows
    ]
    return roots, is_all


def _trees(connection: Connection, roots: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Root by root the ids of everything that it called, directly or not."""
    root_of = {root: root for root in roots}
    level = list(roots)
    while level:
        following: list[str] = []
        for some in in_chunks(level):
            columns = process_instance.c
            query = select(columns.id, columns.parent_id).where(columns.parent_id.in_(some))
            for instance_id, parent_id in connection.execute(query):
                root_of[instance_id] = root_of[parent_id]
                following.append(instance_id)
        level = following
    trees: dict[str, list[str]] = {root: [] for root in roots}
    for instance_id, root in root_of.items():
        trees[root].append(instance_id)
    return {root: tuple(tree) for root, tree in trees.items()}


def _sizes(connection: Connection, ids: Sequence[str], left: Sequence[Span] = ()) -> Mapping[str, int]:
    """About how many rows each instance has, those apart that are left."""
    sizes: Counter[str] = Counter()
    for table in (activity, variable_change, tables.log, *([variable] if left else [])):
        for some in in_chunks(_to_go(table, ids, left)):
            query = select(table.c.instance_id, func.count()).where(table.c.instance_id.in_(some))
            for instance_id, count in connection.execute(query.group_by(table.c.instance_id)):
                sizes[instance_id] += count
    return sizes


def _with_room(roots: Sequence[Root]) -> Iterator[Root]:
    """The first of *roots*, at least one, as far as there is room for them."""
    room = ROOM
    for number, root in enumerate(roots):
        room -= root.size
        if number and room < 0:
            return
        yield root


def _to_go(table: Table, ids: Sequence[str], left: Sequence[Span]) -> Sequence[str]:
    """Those of which the rows in *table* are to be deleted."""
    if table.name not in KEYS or not left:
        return ids
    return [each for each in ids if not any(span.has(each) for span in left)]


def _remove_all(connection: Connection, roots: Sequence[Root], left: Sequence[Span] = ()) -> int:
    """How many large values went with them, since nobody uses them any more."""
    ids = [instance_id for root in roots for instance_id in root.tree]
    for table in _OWNED:
        for some in in_chunks(_to_go(table, ids, left)):
            connection.execute(delete(table).where(table.c.instance_id.in_(some)))
    for some in in_chunks([root.id for root in roots]):
        connection.execute(delete(process_instance).where(process_instance.c.id.in_(some)))
    return release_values(connection, ids)


def _remove_part(connection: Connection, root: Root, left: Sequence[Span] = ()) -> bool:
    """Takes rows from an instance that has too many for one transaction; False when few enough are left."""
    room = ROOM
    for table in _OWNED:
        for some in in_chunks(_to_go(table, root.tree, left)):
            room -= _remove_rows(connection, table, some, room)
            if room <= 0:
                return True
    return False


def _remove_rows(connection: Connection, table: Table, ids: Sequence[str], limit: int) -> int:
    columns = list(table.primary_key)
    key: Any = columns[0] if len(columns) == 1 else tuple_(*columns)
    some = select(*columns).where(table.c.instance_id.in_(ids)).limit(limit)
    return connection.execute(delete(table).where(key.in_(some))).rowcount
