"""Tells a fleet of workers elsewhere which jobs are ready. The job table stays the truth, and a message only a hint.

A job is announced after the commit that made it, and again when nobody has taken it for a while: a message may be
lost. Since it may as well wait in a queue that nobody serves just now, the pauses between grow. Who gets one takes the
job under a lease of the table, or finds that there is nothing to do: a message may come twice, or late.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from threading import Event, Lock, Thread
from typing import TypedDict

from engine.clock import Clock
from engine.executors.registry import Registry
from engine.jobs.fleet_limits import FleetLimits
from engine.store import relay
from engine.store.relay import ReadyJob
from engine.store.transaction import DatabaseError, Store

POLL = 1.0
"""Seconds between looks at the table for what nobody told us of."""
PATIENCE = 10.0
"""Seconds for a message that is just being sent, when the relay is stopped."""
REMINDER = 60.0
"""Seconds between lines of the log about a broker that still takes nothing."""
AT_ONCE = 100
LONGEST_PAUSE = timedelta(hours=1)

Send = Callable[[ReadyJob], object]
"""Publishes a message about a job; raises where it cannot."""

log = logging.getLogger("engine.jobs")


def pause_after(times: int, first: timedelta) -> timedelta:
    """Until a job that has been announced *times* (1-based) is announced again: *first* doubling, at most an hour."""
    return first if first >= LONGEST_PAUSE else min(first * 2 ** min(times - 1, 20), LONGEST_PAUSE)


class RelayOptions(TypedDict, total=False):
    """What `Relay` can be told, by name."""

    again_after: timedelta
    ahead: int
    queue_of: Callable[[Sequence[str]], str]
    leads: bool


class Relay:
    """*again_after*: the first pause before a job that nobody has taken is announced again; *ahead*: how many may wait
    in each queue, so that those of higher priority, which come later, still go first; *queue_of*: where a job goes, by
    its names; *leads*: it is this one that announces again, and that sends the jobs of handlers with a rate."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        clock: Clock,
        send: Send,
        *,
        again_after: timedelta = timedelta(minutes=1),
        ahead: int = 1000,
        queue_of: Callable[[Sequence[str]], str] = lambda names: "",
        leads: bool = True,
    ) -> None:
        self._store = store
        self._clock = clock
        self._send = send
        self._how = relay.Announcing(
            AT_ONCE,
            ahead,
            lambda times: pause_after(times, again_after),
            repeats=leads,
            leaves=registry.leaves,
            queue_of=queue_of,
        )
        self._limits = FleetLimits(registry, keeps_rates=leads)
        self._news = Event()
        self._is_stopping = False
        self._turn = Lock()
        self._thread: Thread | None = None
        self._trouble = _Trouble()

    def start(self) -> None:
        self._is_stopping = False
        self._thread = Thread(target=self._run, name="fermata relay", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Waits for a message that is being sent, but not for ever."""
        self._is_stopping = True
        self._news.set()
        if self._thread is not None:
            self._thread.join(PATIENCE)
            if self._thread.is_alive():
                log.warning("the broker does not answer, the relay stops without it", extra={"seconds": PATIENCE})
            self._thread = None

    def wake(self) -> None:
        self._news.set()

    def publish(self) -> int:
        """Announces what is ready, unless it was stopped; how many jobs. Raises what *send* raises: the rest is
        announced the next time."""
        count = 0
        with self._turn:
            while not self._is_stopping and (ready := self._announce()) != []:
                count += len(ready or ())
                self._send_all(ready or [])
        return count

    def _announce(self) -> list[ReadyJob] | None:
        """None where there may be some behind those that are left to others."""
        now = self._clock.now()
        with self._store.reading() as connection:
            if not relay.has_ready(connection, now, repeats=self._how.repeats):
                return []
        with self._store.writing() as connection:
            plan = self._limits.plan_for_fleet(connection, now)
            ready = relay.announce(connection, now, self._how, plan)
        self._limits.note(ready or (), now)
        return ready

    def _send_all(self, ready: list[ReadyJob]) -> None:
        unsent = list(ready)
        try:
            while unsent and not self._is_stopping:
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
                if self.publish():
                    self._trouble.is_over()
            except DatabaseError:
                log.exception("the relay could not reach its database, it tries again")
            except Exception as problem:  # the broker's, whatever it is
                self._trouble.goes_on(problem)
                self._news.clear()
            if not self._is_stopping:
                self._news.wait(POLL)


class _Trouble:
    """Says in the log when a broker begins to fail, now and then while it does, and when it is well again."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._said = 0.0

    def goes_on(self, problem: Exception) -> None:
        now = time.monotonic()
        if self._since is None or now - self._said >= REMINDER:
            log.error("jobs could not be announced, it is tried again", extra={"error": type(problem).__name__})
            self._said = now
        self._since = self._since or now

    def is_over(self) -> None:
        if self._since is not None:
            seconds = round(time.monotonic() - self._since, 1)
            log.warning("the broker takes messages again", extra={"seconds": seconds})
            self._since = None
