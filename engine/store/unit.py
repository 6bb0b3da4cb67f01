"""What one transaction is going to write: gathered, merged, and sent in few statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table

from engine.model import JobState
from engine.store import bulk, tables, turns
from engine.store.transaction import Overtaken
from engine.store.values import ValueWriter

Key = tuple[Any, ...]
Row = dict[str, Any]

_IN_ORDER = (  # referenced tables before those that refer to them
    tables.process_instance,
    tables.instance_state,
    tables.variable,
    tables.user_task,
    tables.task_candidate,
    tables.job,
    tables.subscription,
    tables.incident,
    tables.activity,
    tables.flow_taken,
    tables.variable_change,
    tables.job_attempt,
    tables.log,
    tables.data_store,
    tables.data_store_change,
)


class UnitOfWork:
    """Rows to insert, change and delete. A row inserted here and changed later is sent once, as it ends up."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.values = ValueWriter(connection)
        self._inserts: dict[Table, dict[Key, Row]] = defaultdict(dict)
        self._appends: dict[Table, list[Row]] = defaultdict(list)
        self._updates: dict[Table, dict[Key, Row]] = defaultdict(dict)
        self._deletes: dict[Table, set[Key]] = defaultdict(set)
        self._closed_subscriptions: set[Key] = set()
        self._first: list[bulk.Write] = []
        self.leaves_work = False  # jobs that nobody holds
        self._turns: dict[str, datetime] = {}

    def insert(self, table: Table, row: Row) -> None:
        self._inserts[table][_key_of(table)(row)] = row

    def append(self, table: Table, row: Row) -> None:
        """As `insert`, for rows that nobody in this transaction will change again."""
        self._appends[table].append(row)

    def update(self, table: Table, key: Key, changes: Row) -> None:
        if (row := self._inserts[table].get(key)) is not None:
            row.update(changes)
        else:
            self._updates[table].setdefault(key, {}).update(changes)

    def delete(self, table: Table, key: Key) -> None:
        if self._inserts[table].pop(key, None) is None:
            self._updates[table].pop(key, None)
            self._deletes[table].add(key)

    def delete_subscription(self, instance_id: str, activity_id: int, element_id: str) -> None:
        """Closes what one catching event of one activity waits for, under whatever names."""
        opened = self._inserts[tables.subscription]
        fresh = [key for key in opened if key[:3] == (instance_id, activity_id, element_id)]
        for key in fresh:
            del opened[key]
        if not fresh:
            self._closed_subscriptions.add((instance_id, activity_id, element_id))

    def pass_turn(self, instance_id: str, at: datetime) -> None:
        """Something has changed among the exclusive jobs of a locked instance: another may have its turn now."""
        self._turns[instance_id] = at

    def pending(self, table: Table) -> dict[Key, Row]:
        """Rows to be inserted, by primary key."""
        return self._inserts[table]

    def write_first(self, writes: Iterable[bulk.Write]) -> None:
        """What `flush` sends before all else, as it is."""
        self._first += writes

    def flush(self) -> None:
        """Sends what was gathered. Raises Overtaken where a guarded instance row has moved on."""
        self.values.flush()
        if not bulk.send(self.connection, [*self._taken_writes()]):
            raise Overtaken("Another command changed the process instance at the same time. Try again.")
        if self._turns:
            self.leaves_work |= turns.pass_on(self.connection, self._turns)
            self._turns = {}

    def _taken_writes(self) -> Iterator[bulk.Write]:
        """Each once."""
        yield from self._first
        self._first = []
        if self._closed_subscriptions:
            yield bulk.deletes(self.connection, tables.subscription, _SUBSCRIPTION, sorted(self._closed_subscriptions))
            self._closed_subscriptions.clear()
        for table in reversed(_IN_ORDER):
            if keys := self._deletes.pop(table, None):
                yield bulk.deletes(self.connection, table, _names_of_key(table), sorted(keys))
        for table in _IN_ORDER:
            if rows := [*self._inserts.pop(table, {}).values(), *self._appends.pop(table, [])]:
                yield bulk.inserts(self.connection, table, rows)
                if table is tables.job and any(row["state"] == JobState.AVAILABLE for row in rows):
                    self.leaves_work = True
        for table in _IN_ORDER:
            if changes := self._updates.pop(table, None):
                yield from self._updates_of(table, changes)

    def _updates_of(self, table: Table, changes: dict[Key, Row]) -> Iterator[bulk.Write]:
        by_columns: dict[tuple[str, ...], list[tuple[Key, Row]]] = defaultdict(list)
        for key, row in changes.items():
            by_columns[tuple(sorted(row))].append((key, row))
        for columns, rows in by_columns.items():
            yield from bulk.updates(self.connection, table, columns, rows)


_SUBSCRIPTION = ("instance_id", "activity_id", "element_id")


@lru_cache
def _key_of(table: Table) -> Callable[[Row], Key]:
    """Of a row."""
    names = _names_of_key(table)
    if len(names) == 1:
        return lambda row: (row[names[0]],)
    return itemgetter(*names)


@lru_cache
def _names_of_key(table: Table) -> tuple[str, ...]:
    return tuple(str(column.name) for column in table.primary_key)
