"""How many jobs of a handler a fleet may have at once, and how often it is told of one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime

from engine.executors.registry import Binding, Registry
from engine.jobs.limits import NO_LIMIT, Limits, Plan, Room
from engine.store import relay
from engine.store.relay import ReadyJob
from engine.store.types import Connection


class FleetLimits(Limits):
    """Of a handler's `max_concurrent`, over all machines: what is announced or runs is counted in the table. Its `rate`
    is kept by who *keeps_rates*, for what it sends itself; who does not sends no such jobs."""

    def __init__(self, registry: Registry, *, keeps_rates: bool) -> None:
        super().__init__(registry)
        self._keeps_rates = keeps_rates
        self._sent: dict[str, deque[datetime]] = {}

    def plan_for_fleet(self, connection: Connection, at: datetime) -> Plan:
        """What may be announced in this transaction. Whoever else plans waits for its end."""
        limited = {name: each for name, each in self._registry.limited.items() if each.limits_fleet}
        if not limited:
            return Plan(self)
        relay.lock(connection)
        relay.withdraw_suspended(connection)
        announced, running = relay.announced(connection), relay.running(connection)
        return Plan(self, [self._room_for(name, each, at, announced, running) for name, each in limited.items()])

    def note(self, ready: Iterable[ReadyJob], at: datetime) -> None:
        """These have been announced; one that is announced again counts no more than it did."""
        if self._registry.limited:
            for job in [each for each in ready if each.times == 1]:
                if (handler := self.learn(job.names)) is not None and self._registry.limited[handler].rate is not None:
                    self._sent.setdefault(handler, deque()).append(at)

    def _room_for(
        self, handler: str, binding: Binding, at: datetime, announced: Mapping[str, int], running: Mapping[str, int]
    ) -> Room:
        types = self.types_of(handler)
        waiting = sum(announced.get(each, 0) for each in types)
        count = NO_LIMIT
        if binding.said_concurrent is not None:
            count = binding.said_concurrent - waiting - sum(running.get(each, 0) for each in types)
        if (rate := binding.rate) is not None:
            sent = self._sent.get(handler, deque())
            while sent and (sent[0] <= at - rate.period or sent[0] > at):
                sent.popleft()
            count = min(count, rate.count - max(len(sent), waiting)) if self._keeps_rates else 0
        return Room(handler, types, max(count, 0), binding.is_threaded)
