"""Data stores as one command sees them: values handed in, writes told as events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from bpmn.data import DataStore
from engine.events import UNSET, DataStoreRead, DataStoreWritten
from engine.interpreter.errors import ActivityFailed
from engine.interpreter.token import Token


@dataclass(frozen=True, slots=True)
class Stored:
    """*value*: UNSET where the store has none. *version*: counts its changes. *by*: who made the last one."""

    value: Any = UNSET
    version: int = 0
    by: str = ""


class Stores(Protocol):
    """What hands in the values: the same within one command, whatever others do meanwhile."""

    def read(self, key: str, *, to_write: bool = False) -> Stored:
        """*to_write*: nobody else writes it until this is over."""
        ...


class NoStores:
    def read(self, key: str, *, to_write: bool = False) -> Stored:
        return Stored()


class StoresInUse:
    """Those that one command has read or written; what it has written, it reads."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._written: dict[str, Stored] = {}

    def read(self, token: Token, store: DataStore, *, to_write: bool) -> Any:
        """UNSET where there is no value. The activity has seen this version, and writes over no other unawares."""
        found = self._find(store.key, to_write=to_write)
        if to_write:
            token.memory.setdefault("stores", {})[store.key] = found.version
        token.workflow.emit(DataStoreRead(token.id, token.spec.node.id, store.key, found.version))
        return found.value

    def peek(self, store: DataStore) -> Any:
        return self._find(store.key, to_write=False).value

    def current(self, store: DataStore) -> Any:
        return self._find(store.key, to_write=True).value

    def write(self, token: Token, store: DataStore, value: Any, line: int) -> None:
        """Raises ActivityFailed where another has changed it since *token* read it; a retry then writes over that."""
        found = self._find(store.key, to_write=True)
        seen: dict[str, int] = token.memory.get("stores", {})
        if seen.get(store.key, found.version) != found.version:
            before = seen[store.key]
            seen[store.key] = found.version
            raise ActivityFailed(
                "data",
                f"Data store '{store.label}' has been changed by {found.by} since '{token.spec.node.id}' read it "
                f"(version {before}, now {found.version}). Nothing is lost yet: look at its value, then retry to "
                "write over it, or put the values together by hand.",
                line,
            )
        if store.capacity is not None and isinstance(value, list) and len(value) > store.capacity:
            raise ActivityFailed(
                "data",
                f"Data store '{store.label}' holds {store.capacity} items at most, and '{token.spec.node.id}' would "
                f"write {len(value)}. Raise its capacity in the diagram, or shorten the list and retry.",
                line,
            )
        seen[store.key] = found.version + 1
        self._written[store.key] = Stored(value, found.version + 1, token.workflow.instance_id)
        token.workflow.emit(DataStoreWritten(token.id, token.spec.node.id, store.key, found.version + 1, value))

    def _find(self, key: str, *, to_write: bool) -> Stored:
        return self._written.get(key) or self._stores.read(key, to_write=to_write)
