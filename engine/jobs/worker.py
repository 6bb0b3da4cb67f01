"""Takes due jobs and does them: handlers outside of any transaction, the engine's own jobs on the road."""

from __future__ import annotations

import logging
import math
import os
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from threading import Event, Thread

from engine import telemetry
from engine.clock import Clock
from engine.commands import Command, Continue, TriggerEvent
from engine.deferred import restored
from engine.errors import Conflict
from engine.executors.registry import Registry
from engine.executors.secrets import Secrets
from engine.hot import HotInstances
from engine.jobs.held import HeldJob
from engine.jobs.limits import Limits
from engine.jobs.outcome import Failed, Move, Outcome, RanOn
from engine.jobs.overlong import Overlong
from engine.jobs.own import OwnJobs
from engine.jobs.presence import Presence
from engine.jobs.running_on import Runner
from engine.jobs.services import Services, mishap
from engine.jobs.settling import Settled, Settling
from engine.jobs.taking import Taker
from engine.programs import Programs
from engine.session import Session
from engine.store import jobs, migrations, own_claims, relay, turns
from engine.store.jobs import LEASE
from engine.store.transaction import Store

BATCH = 32
SETTLE_AFTER = 0.005
"""Seconds for which a finished job may wait for others to share its commit."""
LOOK = 0.5
"""Seconds between looks whether the results of running jobs are still wanted."""
LOST_LEASES_LIMIT = 25
"""A job that took so many workers down with it is not given to another one."""

log = logging.getLogger("engine.jobs")


class Worker:
    """*name* says who holds a job, and lets another process on this machine see that we are gone."""

    def __init__(
        self,
        store: Store,
        settling: Settling,
        own: OwnJobs,
        registry: Registry,
        secrets: Secrets,
        clock: Clock,
        programs: Programs,
        hot: HotInstances,
    ) -> None:
        self._store = store
        self._settling = settling
        self._own = own
        self._registry = registry
        self._clock = clock
        self.name = f"{_machine()}:{os.getpid()}:{token_hex(4)}"
        self._actor = f"worker:{self.name}"
        self.presence = Presence(store, self.name, clock)
        self.limits = Limits(registry)
        self._taker = Taker(self.name, registry, self.limits, clock)
        self._overlong = Overlong()
        self.services = Services(store, registry, secrets, own, settling.judge, self.limits, clock)
        self.runner = Runner(programs, registry, hot, clock, self.name, self.services.run, self._ending)

    def work(self, *, until_idle: bool, limit: int | None) -> int:
        self.recover()
        ran = 0
        with Heartbeat(self) as heartbeat:
            held = self.take(_room(limit, ran))
            while held:
                ran += len(held)
                held = self._run_batch(held, heartbeat, _room(limit, ran) if until_idle else 0)
        return ran

    def run_one(self, job_id: str) -> None:
        with self._store.writing() as connection:
            held = self._taker.take_one(connection, job_id)
            if held is None:
                known = jobs.find(connection, job_id)
                raise Conflict(f"Job '{job_id}' cannot be taken: it is {known.state}.")
        self.limits.begin([held], self._clock.now())
        with Heartbeat(self) as heartbeat:
            self._run_batch([held], heartbeat)

    def run_announced(self, job_id: str) -> bool:
        """Runs a job that was announced to this fleet; False where there is nothing to do (any more, or yet)."""
        with self._store.writing() as connection:
            held = self._taker.take_announced(connection, job_id)
            if held is None:
                relay.withdraw(connection, [job_id])  # of a suspended instance: it is announced when that goes on
                return False
        with Heartbeat(self) as heartbeat:
            self._run_batch([held], heartbeat)
        return True

    def next_due(self, *, has_threads: bool = True) -> datetime | None:
        """*has_threads*: else only jobs count that need none of ours."""
        if not has_threads and not self._registry.limited:
            return None
        with self._store.reading() as connection:
            return self._taker.next_due(connection, has_threads=has_threads)

    def seconds_to_next_due(self, *, has_threads: bool = True) -> float:
        """Not negative; infinite when nothing waits."""
        due_at = self.next_due(has_threads=has_threads)
        return math.inf if due_at is None else max((due_at - self._clock.now()).total_seconds(), 0.005)

    def has_due(self, *, has_threads: bool = True) -> bool:
        due_at = self.next_due(has_threads=has_threads)
        return due_at is not None and due_at <= self._clock.now()

    def take(self, limit: int) -> list[HeldJob]:
        """Up to *limit* due jobs, leased, and those that run elsewhere."""
        if not self.has_due(has_threads=limit > 0):
            return []
        while True:
            with self._store.writing() as connection:
                taken = self._taker.take(connection, limit)
            if taken or not self._taker.is_cut:
                self.limits.begin(taken, self._clock.now())
                return taken

    def take_own(self, limit: int) -> tuple[list[HeldJob], float]:
        """Up to *limit* due jobs of the engine's own, and the seconds until the next timer is due, inf for none."""
        now = self._clock.now()
        with self._store.reading() as connection:
            due_at = own_claims.next_own_due(connection, now)
        if due_at is None or due_at > now:
            return [], math.inf if due_at is None else (due_at - now).total_seconds()
        with self._store.writing() as connection:
            return self._taker.take_own(connection, limit), 0.0

    @property
    def may_take_more(self) -> bool:
        """Whether there may be room for jobs that need no thread of ours."""
        return not self._registry.is_relayed and any(not each.is_threaded for each in self._registry.limited.values())

    def now(self) -> datetime:
        return self._clock.now()

    def take_in(self, session: Session, limit: int) -> list[HeldJob]:
        """As `take`, in a transaction that is about to be written; once it is, they have begun (`limits`)."""
        return self._taker.take_in(session, limit)

    def settle(self, settled: Sequence[Settled], after: Callable[[Session], None] | None = None) -> None:
        self._settling.settle(self.name, settled, after)

    def run(self, held: HeldJob) -> Outcome | None:
        """Does one job, and those after it that need no save point; None when nothing is left to settle. Raises nothing
        but what ends the program."""
        try:
            outcome = self._run_one(held)
            if outcome is None or not self.runs_on or (end := self._ending(held, outcome)) is None:
                return outcome
            stretch = self.runner.go_on(held, *end)
        except BaseException as problem:
            return mishap(held, problem)
        return outcome if stretch is None else RanOn(*end, stretch)

    def run_alone(self, held: HeldJob) -> Outcome | None:
        """As `run`, without those after it: a job of the engine's own, of which none begins a handler."""
        try:
            return self._run_one(held)
        except BaseException as problem:
            return mishap(held, problem)

    @property
    def runs_on(self) -> bool:
        """Whether a handler may follow a job without a save point."""
        return self._registry.may_run_on

    def _ending(self, held: HeldJob, outcome: Outcome) -> tuple[Command, str] | None:
        return self._settling.ending(held, outcome, self._actor)

    def _run_one(self, held: HeldJob) -> Outcome | None:
        row, at = held.row, self._clock.now()
        telemetry.job_begun(held, at)
        match row.kind:
            case "service":
                return self.services.run(held)
            case "timer":
                return Move(TriggerEvent(at=at, actor="timer", activity_id=row.activity_id))
            case "continuation" | "call":
                return Move(Continue(at=at, actor=self._actor, activity_id=row.activity_id))
            case "deferred":
                return Move(restored(held.parameters or {}, at))
            case "start_timer":
                self._own.start(held)
            case "delivery":
                self._own.deliver(held)
            case "batch":
                self._own.run_batch(held)
            case _:
                return Failed(f"This version of the engine does not know jobs of kind '{row.kind}'.")
        return None

    def give_back(self, unbegun: Sequence[HeldJob]) -> None:
        for held in unbegun:
            self.limits.end(held)
        if unbegun:
            with self._store.writing() as connection:
                jobs.give_back(connection, [held.lease for held in unbegun])
            self._store.bell.ring(has_work=True)

    def extend(self, held: Sequence[HeldJob]) -> None:
        """Renews the leases of jobs that take long."""
        with self._store.writing() as connection:
            jobs.extend(connection, [each.lease for each in held], self._clock.now() + LEASE)

    def recover(self) -> None:
        """Takes back the jobs of workers that are gone, or gave no sign of life for too long; lets messages expire."""
        now = self._clock.now()
        self._own.expire_messages()
        with self._store.reading() as connection:
            migrations.check(connection)
        with self._store.reading() as connection:
            gone = [owner for owner in jobs.owners(connection) if _is_gone(owner)]
            overlong = self._overlong.given_up(connection, now)
            has_lost = bool(gone or overlong) or jobs.has_expired(connection, now)
            are_stranded = turns.are_stranded(connection)
        if are_stranded:
            with self._store.writing() as connection:
                turns.recover(connection, now)
        if not has_lost:
            return
        with self._store.writing() as connection:
            lost = [*jobs.take_back_from(connection, gone), *jobs.expire(connection, now)]
            lost += jobs.take_back(connection, overlong)
            jobs.end_attempts(connection, [jobs.Lease(row.id, None, row.attempt) for row in lost], now, "lost")
        telemetry.lease_lost("worker", len(lost))
        for row in lost:
            log.warning("a worker is gone, its job is available again", extra={"job_id": row.id})
            if row.lost_leases >= LOST_LEASES_LIMIT:
                message = f"{row.lost_leases} workers vanished while they ran this job. See what it does, then retry."
                with suppress(Conflict):
                    self._settling.fail(row.id, message, retries=0, retry_in=None, by="system")

    def _run_batch(self, batch: list[HeldJob], heartbeat: Heartbeat, room: int = 0) -> list[HeldJob]:
        """Does the jobs and saves what became of them; the next ones, up to *room*, are taken in the same commit."""
        taken: list[HeldJob] = []

        def take(session: Session) -> None:
            taken[:] = self.take_in(session, room)

        heartbeat.watch(batch)
        finished: list[Settled] = []
        unbegun = list(batch)
        since = time.monotonic()
        try:
            while unbegun:
                held = unbegun.pop(0)
                outcome = self.run(held)
                self.limits.end(held)
                if outcome is not None:
                    finished.append((held, outcome))
                if finished and time.monotonic() - since > SETTLE_AFTER:
                    done, finished = finished, []
                    self.settle(done)
                    since = time.monotonic()
            if finished and room:
                done, finished = finished, []
                self.settle(done, take)
                self.limits.begin(taken, self._clock.now())
                if not taken and self._taker.is_cut:
                    taken = self.take(room)
            elif room:
                taken = self.take(room)
        finally:  # also when somebody stops us from the keyboard
            if finished:
                self.settle(finished)
            self.give_back(unbegun)
            heartbeat.watch([])
        return taken


def _room(limit: int | None, ran: int) -> int:
    return BATCH if limit is None else min(BATCH, limit - ran)


class Heartbeat:
    """While a batch is worked on in this thread, looks after it and renews its leases from another one."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._held: list[HeldJob] = []
        self._stopped = Event()
        self._thread: Thread | None = None

    def watch(self, held: list[HeldJob]) -> None:
        self._held = held
        if held and self._thread is None:
            self._thread = Thread(target=self._beat, name="fermata heartbeat", daemon=True)
            self._thread.start()

    def _beat(self) -> None:
        beat_at = time.monotonic() + LEASE.total_seconds() / 3
        while not self._stopped.wait(LOOK):
            if held := self._held:
                try:
                    if time.monotonic() >= beat_at:
                        beat_at = time.monotonic() + LEASE.total_seconds() / 3
                        self._worker.extend(held)
                    self._worker.services.look()
                except Exception:  # whatever it is: tried again at the next beat, and the lease lasts for three
                    log.exception("running jobs could not be looked after, it is tried again")

    def __enter__(self) -> Heartbeat:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()


def _machine() -> str:
    """Where process numbers mean the same thing: this host, this container."""
    with suppress(OSError):
        return f"{socket.gethostname()}/{os.readlink('/proc/self/ns/pid').strip('pid:[]')}"
    return socket.gethostname()


def _is_gone(owner: str) -> bool:
    """Whether *owner* is a process of this machine that no longer runs."""
    machine, _, rest = owner.partition(":")
    number = rest.partition(":")[0]
    if machine != _machine() or not number.isdigit() or "/" not in machine:
        return False
    return not Path(f"/proc/{number}").exists()
