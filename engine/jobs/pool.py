"""The embedded worker pool: threads that run handlers, and one that takes jobs, saves results, and begins what runs
elsewhere (coroutines, and handlers in processes).

One thread does all the writing, so finished jobs of many instances share a commit, and the next jobs are
taken in it, too. The engine's own jobs wait for no handler: those that only move an instance on (timers, continuations)
are done by that thread; for those with transactions of their own (start timers, deliveries, batches) there is always a
thread that runs no handlers.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from contextlib import suppress
from threading import Condition, Lock, Thread, current_thread

from engine.errors import DatabaseAway, EngineError
from engine.jobs.held import HeldJob
from engine.jobs.outcome import Outcome
from engine.jobs.services import mishap
from engine.jobs.settling import Settled
from engine.jobs.worker import LOOK, SETTLE_AFTER, Worker
from engine.session import Session
from engine.store.jobs import LEASE
from engine.store.migrations import NewerDatabase
from engine.store.transaction import DatabaseError

MOVES = ("timer", "continuation", "call", "deferred")
"""Kinds of jobs that are nothing but the next command for their instance."""
OWN_AFTER = 0.02
"""Seconds without room for handlers, after which the engine's own jobs are looked for apart."""
OWN_AT_ONCE = 64
POLL = 1.0
"""Seconds between looks at the database for what other processes left there."""
QUICK = 0.02
"""Seconds that a job is expected to take before any has been run."""
AHEAD = 0.1
"""Seconds of work for all threads that are taken at once: quick jobs share a commit, slow ones are left to others."""
MOST = 128
"""Quick jobs that are taken at once, however many the threads could do."""

log = logging.getLogger("engine.jobs")


class WorkerPool:
    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._lock = Lock()
        self._work = Condition(self._lock)  # there are jobs for the threads
        self._own_work = Condition(self._lock)  # there are jobs of the engine's own that take long
        self._news = Condition(self._lock)  # there is something to do for the pump
        self._waiting: deque[HeldJob] = deque()
        self._running: dict[int, HeldJob] = {}
        self._own: deque[HeldJob] = deque()
        self._elsewhere: dict[int, HeldJob] = {}  # on the event loop, in processes, and in *_own*
        self._finished: list[Settled] = []
        self._threads: list[Thread] = []
        self._pump: Thread | None = None
        self._own_thread: Thread | None = None
        self._is_stopping = False
        self._is_woken = False
        self._is_outdated = False
        self._usual_seconds = QUICK
        self._share_for = SETTLE_AFTER
        self._own_look_at = 0.0
        self.turned_at = 0.0  # when the pump was last seen at work, by time.monotonic()

    def start(self, count: int) -> None:
        """Raises ValueError for less than one thread, RuntimeError when the pool runs already."""
        if count < 1:
            raise ValueError(f"{count} workers: at least one is needed.")
        if self._pump is not None:
            raise RuntimeError("The workers run already. Stop them first.")
        self._is_stopping = False
        self._is_woken = True
        self.turned_at = time.monotonic()
        self._threads = [Thread(target=self._run_jobs, name=f"fermata worker {n}", daemon=True) for n in range(count)]
        self._own_thread = Thread(target=self._run_own_jobs, name="fermata own jobs", daemon=True)
        self._pump = Thread(target=self._pump_jobs, args=(count,), name="fermata pump", daemon=True)
        for thread in (*self._threads, self._own_thread, self._pump):
            thread.start()

    def stop(self) -> None:
        if self._pump is None:
            return
        with self._lock:
            self._is_stopping = True
            unbegun = [*self._waiting, *self._own]
            for held in self._own:
                del self._elsewhere[id(held)]
            self._waiting.clear()
            self._own.clear()
            self._work.notify_all()
            self._own_work.notify()
            self._news.notify()
        for thread in (*self._threads, self._own_thread):
            if thread is not None:
                thread.join()
        with self._lock:
            self._news.notify()
        self._pump.join()
        self._threads, self._own_thread, self._pump = [], None, None
        try:
            self._worker.give_back(unbegun)
            self._worker.presence.leave()
        except (*DatabaseError, EngineError) as problem:
            fields = {"error": type(problem).__name__, "jobs": len(unbegun)}
            log.warning("the workers stop without telling the database, where their leases run out", extra=fields)

    def wake(self) -> None:
        """Something was committed: there may be work. What the pump commits itself, it has looked at."""
        if self._pump is not None and current_thread() is not self._pump:
            with self._lock:
                self._is_woken = True
                self._news.notify()

    # the threads that run handlers

    def _run_jobs(self) -> None:
        while (held := self._next_job()) is not None:
            started = time.monotonic()
            outcome = self._worker.run(held)
            self._worker.limits.end(held)
            with self._lock:
                del self._running[id(held)]
                self._usual_seconds += (time.monotonic() - started - self._usual_seconds) / 8
                if outcome is not None:
                    self._finished.append((held, outcome))
                if len(self._finished) <= 1 or not self._waiting:
                    self._news.notify()

    def _next_job(self) -> HeldJob | None:
        with self._lock:
            while not (self._waiting or self._own or self._is_stopping):
                self._work.wait()
            if self._waiting:
                held = self._waiting.popleft()
            elif self._own:
                held = self._own.popleft()
                del self._elsewhere[id(held)]
            else:
                return None
            self._running[id(held)] = held
            return held

    # what runs elsewhere

    def _run_own_jobs(self) -> None:
        while (held := self._next_own()) is not None:
            self._end(held, self._worker.run_alone(held))

    def _next_own(self) -> HeldJob | None:
        with self._lock:
            while not self._own and not self._is_stopping:
                self._own_work.wait()
            return self._own.popleft() if self._own else None

    def _begin(self, held: HeldJob) -> None:
        with self._lock:
            self._elsewhere[id(held)] = held
        try:
            self._worker.services.begin(held, self._end)
        except BaseException as problem:
            self._end(held, mishap(held, problem))

    def _end(self, held: HeldJob, outcome: Outcome | None) -> None:
        self._worker.limits.end(held)
        with self._lock:
            del self._elsewhere[id(held)]
            if outcome is not None:
                self._finished.append((held, outcome))
            self._news.notify()

    # the thread that takes jobs and saves results

    def _pump_jobs(self, count: int) -> None:
        beat_at = look_at = time.monotonic()
        room = 0
        finished: list[Settled] = []
        while True:
            self.turned_at = time.monotonic()
            try:
                with self._lock:
                    finished, self._finished = self._finished, []
                    is_last = self._is_stopping and not self._is_busy
                    has_news = bool(finished) or self._is_woken
                    self._is_woken = False
                    room = 0 if self._is_stopping or self._is_outdated else self._room(count)
                began = time.monotonic()
                had_room, had_finished = room > 0, bool(finished)
                room -= self._save_and_take(finished, room)
                finished = []
                if had_finished:
                    self._share_for = max(SETTLE_AFTER, (time.monotonic() - began) / 2)
                if is_last and not had_finished:
                    return
                self._look_for_own(had_room, has_room=room > 0, has_news=has_news)
                if time.monotonic() >= beat_at:
                    beat_at = time.monotonic() + LEASE.total_seconds() / 3
                    self._keep_house()
                if time.monotonic() >= look_at:
                    look_at = time.monotonic() + LOOK
                    self._worker.services.look()
            except NewerDatabase as problem:
                log.error("this version of the engine takes no more jobs", extra={"reason": str(problem)})
                self._is_outdated = True
            except DatabaseAway as problem:
                log.error("the database is away, the worker pool tries again", extra={"reason": str(problem)})
                self._keep(finished)
                time.sleep(POLL)  # not all that says so has been waited for
            except BaseException:  # also what a resolver or a clock of somebody's raises: the pump lives on
                log.exception("the worker pool could not save or take jobs, it tries again")
                self._save_one_by_one(finished)
                time.sleep(POLL)
            self._rest(min(beat_at, look_at) if self._is_busy else beat_at, has_room=room > 0)

    @property
    def _is_busy(self) -> bool:
        return bool(self._running or self._elsewhere)

    def _keep(self, finished: list[Settled]) -> None:
        """What could not be saved is saved later; of what was saved after all, the lease is gone."""
        with self._lock:
            if not self._is_stopping:
                self._finished[:0] = finished

    def _save_one_by_one(self, finished: list[Settled]) -> None:
        """What is wrong with one of them, or with taking more, is not the others' loss. For one that cannot be saved at
        all, its lease makes up."""
        for place, each in enumerate(finished):
            try:
                self._worker.settle([each])
            except DatabaseAway:
                self._keep(finished[place:])
                return
            except BaseException:
                log.exception("the result of a job could not be saved", extra={"job_id": each[0].row.id})

    def _room(self, count: int) -> int:
        wanted = max(count, min(int(count * AHEAD / self._usual_seconds), MOST))
        return wanted - len(self._running) - len(self._waiting) - len(self._own)

    def _save_and_take(self, finished: list[Settled], room: int) -> int:
        """How many jobs were taken."""
        taken: list[HeldJob] = []

        def take(session: Session) -> None:
            taken[:] = self._worker.take_in(session, room)

        takes = self._may_take and (room > 0 or self._worker.may_take_more)
        if finished:
            self._worker.settle(finished, take if takes else None)
            self._worker.limits.begin(taken, self._worker.now())
        elif takes:
            taken = self._worker.take(room)
        if taken:
            self._offer(taken)
        return len(taken)

    @property
    def _may_take(self) -> bool:
        return not (self._is_stopping or self._is_outdated)

    def _look_for_own(self, had_room: bool, *, has_room: bool, has_news: bool) -> None:
        """Where there was room, the engine's own jobs were taken with the others. Else they are looked for soon after
        something was committed, when the next timer is due, and as often as all else."""
        if had_room:
            self._own_look_at = time.monotonic() + OWN_AFTER
        elif has_news:
            self._own_look_at = min(self._own_look_at, self.turned_at + OWN_AFTER)
        if has_room or self.turned_at < self._own_look_at or not self._may_take:
            return
        taken, seconds = self._worker.take_own(max(OWN_AT_ONCE - len(self._own), 1))
        self._own_look_at = time.monotonic() + min(max(seconds, 0.005), POLL)
        if taken:
            self._offer(taken)

    def _offer(self, taken: list[HeldJob]) -> None:
        own = [held for held in taken if held.row.kind != "service"]
        elsewhere = self._worker.services.elsewhere(taken)
        apart = {id(held) for held in (*own, *elsewhere)}
        ours = [held for held in taken if id(held) not in apart] if apart else taken
        moves: list[HeldJob] = []
        with self._lock:
            if not (is_stopping := self._is_stopping):
                self._waiting.extend(ours)
                self._work.notify(len(ours))
                moves = self._share_out(own) if own else own
        if is_stopping:
            self._worker.give_back(taken)
            return
        for held in elsewhere:
            self._begin(held)
        if moves:
            self._move(moves)

    def _share_out(self, own: list[HeldJob]) -> list[HeldJob]:
        """Those of the engine's own jobs that are the pump's. Where handlers may run on after a move, a thread does it
        if one is free."""
        free = len(self._threads) - len(self._running) - len(self._waiting) if self._worker.runs_on else 0
        moves: list[HeldJob] = []
        for held in own:
            if held.row.kind not in MOVES:
                self._own.append(held)
                self._elsewhere[id(held)] = held
                self._own_work.notify()
            elif free <= 0:
                moves.append(held)
                continue
            else:
                self._waiting.append(held)
                free -= 1
            self._work.notify()
        return moves

    def _move(self, moves: list[HeldJob]) -> None:
        began = time.monotonic()
        outcomes = [(held, self._worker.run_alone(held)) for held in moves]
        seconds = max((time.monotonic() - began) / len(moves), 1e-6)
        with self._lock:
            self._finished += [(held, outcome) for held, outcome in outcomes if outcome is not None]
            if not self._running:
                self._usual_seconds += (seconds - self._usual_seconds) / 8

    def _keep_house(self) -> None:
        with self._lock:
            held = [*self._running.values(), *self._elsewhere.values(), *self._waiting]
        if held:
            self._worker.extend(held)
        self._worker.recover()
        self._worker.presence.beat(len(self._threads))

    def _rest(self, beat_at: float, has_room: bool) -> None:
        """Until something is finished, committed or due, and no longer than a poll."""
        longest = min(POLL, max(beat_at - time.monotonic(), 0.0))
        if not has_room and self._may_take:
            longest = min(longest, max(self._own_look_at - time.monotonic(), 0.0))
        if (has_room or self._worker.may_take_more) and not self._has_news():
            with suppress(Exception):  # whoever takes the next jobs meets it again
                longest = min(longest, self._worker.seconds_to_next_due(has_threads=has_room))
        with self._lock:
            self._news.wait_for(self._has_news, longest)
            if self._finished and self._waiting:  # let others share the commit
                self._news.wait_for(self._is_urgent, self._share_for)

    def _has_news(self) -> bool:
        return bool(self._finished) or self._is_woken or (self._is_stopping and not self._is_busy)

    def _is_urgent(self) -> bool:
        """Whether threads may be out of work until the finished jobs are saved."""
        return not self._waiting or self._is_stopping
