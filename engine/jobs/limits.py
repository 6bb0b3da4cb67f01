"""How many jobs of a type this process may run at once, and how often it may begin one."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

import orjson

from engine.cancellation import Cancellation
from engine.executors.registry import Binding, Registry
from engine.jobs.held import HeldJob
from engine.store.jobs import TakenJob

NO_LIMIT = 1_000_000


@dataclass(slots=True)
class Room:
    """For the jobs of one handler, of *types*: how many of them may be taken now, and whether they need a thread of
    the pool. *opens_at*: when its rate lets another one begin, where only that keeps it."""

    handler: str
    types: Collection[str]
    count: int
    is_threaded: bool
    opens_at: datetime | None = None


@dataclass(slots=True)
class Plan:
    """What may be taken in one go, of handlers that have limits."""

    limits: Limits
    rooms: list[Room] = field(default_factory=list[Room])

    @property
    def types(self) -> list[str]:
        return [each for room in self.rooms for each in room.types]

    def admits(self, job_type: str, names: str | Sequence[str]) -> bool:
        """Takes a place for a job that goes by *names* (a list, or its JSON); False where there is none."""
        room = self._room_of(job_type, names) if self.rooms else None
        if room is None:
            return True
        room.count -= 1
        return room.count >= 0

    def is_threaded(self, job_type: str) -> bool:
        return all(room.is_threaded for room in self.rooms if job_type in room.types)

    def _room_of(self, job_type: str, names: str | Sequence[str]) -> Room | None:
        for room in self.rooms:
            if job_type in room.types:
                return room
        handler = self.limits.learn(orjson.loads(names) if isinstance(names, str) else names)
        return next((room for room in self.rooms if room.handler == handler), None)


class Limits:
    """Counts jobs from when they are taken until they are done or given back; those whose handler was left behind in
    its thread or on the event loop, until that has ended."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._running: Counter[str] = Counter()
        self._left_behind: dict[str, list[Cancellation]] = {}
        self._begun: dict[str, deque[datetime]] = {}
        self._counted: dict[tuple[str, str | None], str] = {}
        self._aliases: dict[str, set[str]] = {}  # what diagrams call a handler first, by its own name
        self._lock = Lock()

    def plan(self, at: datetime) -> Plan:
        limited = self._registry.limited
        if not limited:
            return Plan(self)
        with self._lock:
            return Plan(self, [self._room(handler, binding, at) for handler, binding in limited.items()])

    def learn(self, names: Sequence[str]) -> str | None:
        """The handler with limits that does the jobs of *names*."""
        handler = self._registry.limited_name(names)
        if handler is not None and names[0] != handler:
            with self._lock:
                self._aliases.setdefault(handler, set()).add(names[0])
        return handler

    def begin(self, taken: Iterable[HeldJob], at: datetime) -> None:
        """These jobs are ours now."""
        if not self._registry.limited:
            return
        for held in taken:
            handler = self.learn(held.names) if held.row.kind == "service" else None
            if handler is not None:
                with self._lock:
                    self._running[handler] += 1
                    self._counted[_key(held.row)] = handler
                    self._begun.setdefault(handler, deque()).append(at)

    def end(self, held: HeldJob) -> None:
        if self._counted:
            with self._lock:
                handler = self._counted.pop(_key(held.row), None)
                if handler is not None:
                    self._running[handler] -= 1

    def linger(self, held: HeldJob, cancellation: Cancellation) -> None:
        """The attempt is over, not so what it left behind, which keeps its place."""
        with self._lock:
            handler = self._counted.pop(_key(held.row), None)
            if handler is not None:
                self._left_behind.setdefault(handler, []).append(cancellation)

    def types_of(self, handler: str) -> set[str]:
        """The job types that it is known to do."""
        return {handler, *self._aliases.get(handler, ())}

    def _room(self, handler: str, binding: Binding, at: datetime) -> Room:
        types = self.types_of(handler)
        count = (binding.max_concurrent or NO_LIMIT) - self._running[handler]
        if (left := self._left_behind.get(handler)) is not None:
            for each in [each for each in left if not each.is_at_work]:
                left.remove(each)
                self._running[handler] -= 1
                count += 1
        opens_at = None
        begun = self._begun.get(handler, deque())
        if (rate := binding.rate) is None:
            begun.clear()
        else:
            while begun and (begun[0] <= at - rate.period or begun[0] > at):  # the clock may have been put back
                begun.popleft()
            if count > 0 and len(begun) >= rate.count:
                opens_at = begun[0] + rate.period
            count = min(count, rate.count - len(begun))
        return Room(handler, types, max(count, 0), binding.is_threaded, opens_at)


def _key(row: TakenJob) -> tuple[str, str | None]:
    return row.id, row.lease_token
