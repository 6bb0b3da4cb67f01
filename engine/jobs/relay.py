"""Tells a fleet of workers elsewhere which jobs are ready. The job table stays the truth, and a message only a hint.

A job is announced after the commit that made it, and again when nobody has taken it for a while: a message may be
lost. Who gets one takes the job under a lease of the table, or finds that there is nothing to do: a message may come
twice, or late.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from threading import Event, Lock, Thread

from engine.clock import Clock
from engine.executors.registry import Registry
from engine.jobs.fleet_limits import FleetLimits
from engine.store import relay
from engine.store.relay import ReadyJob
from engine.store.transaction import DatabaseError, Store

POLL = 1.0
"""Seconds between looks at the table for what nobody told us of."""
AT_ONCE = 100

Send = Callable[[ReadyJob], object]
"""Publishes a message about a job; raises where it cannot."""

log = logging.getLogger("engine.jobs")


class Relay:
    """*again_after*: when a job that nobody has taken is announced again; *ahead*: how many may wait in queues, so
    that those of higher priority, which come later, still go first; *keeps_rates*: it is this one that sends the jobs
    of handlers with a rate."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        clock: Clock,
        send: Send,
        *,
        again_after: timedelta = timedelta(minutes=1),
        ahead: int = 1000,
        keeps_rates: bool = True,
    ) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock
        self._send = send
        self._again_after = again_after
        self._ahead = ahead
        self._limits = FleetLimits(registry, keeps_rates=keeps_rates)
        self._news = Event()
        self._is_stopping = False
        self._turn = Lock()
        self._thread: Thread | None = None

    def start(self) -> None:
        self._is_stopping = False
        self._thread = Thread(target=self._run, name="fermata relay", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._is_stopping = True
        self._news.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def wake(self) -> None:
        self._news.set()

    def publish(self) -> int:
        """Announces what is ready; how many jobs. Raises what *send* raises: the rest is announced the next time."""
        count = 0
        with self._turn:
            while (ready := self._announce()) != []:
                count += len(ready or ())
                self._send_all(ready or [])
        return count

    def _announce(self) -> list[ReadyJob] | None:
        """None where there may be some behind those that are left to others."""
        now = self._clock.now()
        with self._store.reading() as connection:
            if not relay.has_ready(connection, now):
                return []
        with self._store.writing() as connection:
            until = now + self._again_after
            plan = self._limits.plan_for_fleet(connection, now)
            ready = relay.announce(connection, now, until, AT_ONCE, self._ahead, self._registry.leaves, plan)
        self._limits.note(ready or (), now)
        return ready

    def _send_all(self, ready: list[ReadyJob]) -> None:
        unsent = list(ready)
        try:
            while unsent:
                self._send(unsent[0])
                unsent.pop(0)
        finally:
            if unsent:
                with self._store.writing() as connection:
                    relay.withdraw(connection, [each.id for each in unsent])

    def _run(self) -> None:
        while not self._is_stopping:
            self._news.clear()
            try:
                self.publish()
            except DatabaseError:
                log.exception("the relay could not reach its database, it tries again")
            except Exception as problem:  # the broker's, whatever it is
                log.error("jobs could not be announced, it is tried again", extra={"error": type(problem).__name__})
                self._news.clear()
            self._news.wait(POLL)
