"""Data stores: values that processes share and that outlive them. One transaction's view, and the API's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.clock import Clock
from engine.commands import Command
from engine.errors import InvalidInput
from engine.events import DataStoreWritten, Event
from engine.interpreter.stores import Stored
from engine.live import Live
from engine.model import DataStoreChange, DataStoreValue
from engine.store import data_stores
from engine.store.codec import check_key, normalise
from engine.store.transaction import Overtaken, Store
from engine.store.types import Connection
from engine.store.unit import UnitOfWork


class SharedData:
    """The stores as one transaction sees them: what it has written, it reads (engine.interpreter.stores.Stores)."""

    def __init__(self, connection: Connection, unit: UnitOfWork) -> None:
        self._connection = connection
        self._unit = unit
        self._seen: dict[str, Stored] = {}
        self._locked: set[str] = set()

    def read(self, key: str, *, to_write: bool = False) -> Stored:
        """*to_write*: locked from here on. Raises Overtaken where it has changed since it was read without a lock."""
        seen = self._seen.get(key)
        if seen is not None and (key in self._locked or not to_write):
            return seen
        row = data_stores.find(self._connection, key, lock=to_write)
        found = Stored() if row is None else Stored(row.value, row.version, row.changed_by)
        if seen is not None and seen.version != found.version:
            raise Overtaken(f"Data store '{key}' was changed at the same time. Try again.")
        if to_write:
            self._locked.add(key)
        self._seen[key] = found
        return found

    def apply(self, live: Live, command: Command, events: Sequence[Event]) -> None:
        """Writes what an instance has written. Raises InvalidInput for a value that cannot be kept."""
        for event in events:
            if type(event) is DataStoreWritten:
                actor = f"instance:{live.id}"
                change = DataStoreChange(
                    event.store,
                    event.version,
                    event.value,
                    command.at,
                    actor,
                    live.id,
                    event.activity_id,
                    event.element_id,
                )
                self.change(change)

    def change(self, change: DataStoreChange) -> None:
        """*change* carries the version after the one that `read` gave."""
        is_first = self.read(change.key, to_write=True).version == 0
        data_stores.write(self._unit, change, is_first=is_first)
        self._seen[change.key] = Stored(change.value, change.version, change.actor)


class DataStores:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def set(self, key: str, value: Any, *, by: str, version: int | None) -> DataStoreValue:
        """*version*: only if the store still has it (0: no value). Raises Overtaken, InvalidInput."""
        check_key(key, "data store")
        plain = normalise({key: value})[key]
        return self._store.retrying(lambda: self._set(key, plain, by, version))

    def _set(self, key: str, value: Any, by: str, version: int | None) -> DataStoreValue:
        with self._store.writing() as connection:
            unit = UnitOfWork(connection)
            shared = SharedData(connection, unit)
            seen = shared.read(key, to_write=True)
            if version is not None and version != seen.version:
                raise InvalidInput(
                    f"Data store '{key}' has version {seen.version}, not {version}: {seen.by or 'nobody'} was there "
                    "first. Look at its value and set it again."
                )
            at = self._clock.now()
            shared.change(DataStoreChange(key, seen.version + 1, value, at, by))
            unit.flush()
        return DataStoreValue(key, seen.version + 1, value, at, by)
