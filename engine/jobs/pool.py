"""The embedded worker pool: threads that run handlers, and one that takes jobs, saves results, and begins what runs
elsewhere (coroutines, and handlers in processes).

One thread does all the writing, so finished jobs of many instances share a commit, and the next jobs are
taken in it, too.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from contextlib import suppress
from threading import Condition, Lock, Thread, current_thread

from engine.errors import DatabaseAway
from engine.jobs.held import HeldJob
from engine.jobs.outcome import Failed, Outcome, put_off
from engine.jobs.settling import Settled
from engine.jobs.worker import LOOK, SETTLE_AFTER, Worker
from engine.session import Session
from engine.store.jobs import LEASE
from engine.store.migrations import NewerDatabase

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
        self._news = Condition(self._lock)  # there is something to do for the pump
        self._waiting: deque[HeldJob] = deque()
        self._running: dict[int, HeldJob] = {}
        self._elsewhere: dict[int, HeldJob] = {}  # on the event loop and in processes
        self._finished: list[Settled] = []
        self._threads: list[Thread] = []
        self._pump: Thread | None = None
        self._is_stopping = False
        self._is_woken = False
        self._is_outdated = False
        self._usual_seconds = QUICK
        self._share_for = SETTLE_AFTER
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
        self._pump = Thread(target=self._pump_jobs, args=(count,), name="fermata pump", daemon=True)
        for thread in (*self._threads, self._pump):
            thread.start()

    def stop(self) -> None:
        if self._pump is None:
            return
        with self._lock:
            self._is_stopping = True
            unbegun = list(self._waiting)
            self._waiting.clear()
            self._work.notify_all()
            self._news.notify()
        for thread in self._threads:
            thread.join()
        with self._lock:
            self._news.notify()
        self._pump.join()
        self._worker.give_back(unbegun)
        with suppress(DatabaseAway):
            self._worker.presence.leave()
        self._threads, self._pump = [], None

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
            try:
                outcome = self._worker.run(held)
            except DatabaseAway as problem:
                outcome = put_off(problem)
            except Exception as problem:  # not the handler's: the engine's own, around it
                log.exception("a job could not be run", extra={"job_id": held.row.id})
                outcome = Failed(f"{type(problem).__name__}: {problem}")
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
            while not self._waiting and not self._is_stopping:
                self._work.wait()
            if not self._waiting:
                return None
            held = self._waiting.popleft()
            self._running[id(held)] = held
            return held

    # what runs elsewhere

    def _begin(self, held: HeldJob) -> None:
        with self._lock:
            self._elsewhere[id(held)] = held
        try:
            self._worker.services.begin(held, self._end)
        except DatabaseAway as problem:
            self._end(held, put_off(problem))
        except Exception as problem:  # the engine's own, as above
            log.exception("a job could not be run", extra={"job_id": held.row.id})
            self._end(held, Failed(f"{type(problem).__name__}: {problem}"))

    def _end(self, held: HeldJob, outcome: Outcome) -> None:
        self._worker.limits.end(held)
        with self._lock:
            del self._elsewhere[id(held)]
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
                    self._is_woken = False
                    room = 0 if self._is_stopping or self._is_outdated else self._room(count)
                began = time.monotonic()
                room -= self._save_and_take(finished, room)
                if finished:
                    self._share_for = max(SETTLE_AFTER, (time.monotonic() - began) / 2)
                if is_last and not finished:
                    return
                if time.monotonic() >= look_at:
                    look_at = time.monotonic() + LOOK
                    self._worker.services.look()
                if time.monotonic() >= beat_at:
                    beat_at = time.monotonic() + LEASE.total_seconds() / 3
                    self._keep_house()
            except NewerDatabase as problem:
                log.error("this version of the engine takes no more jobs", extra={"reason": str(problem)})
                self._is_outdated = True
            except DatabaseAway as problem:
                log.error("the database is away, the worker pool tries again", extra={"reason": str(problem)})
                self._keep(finished)
            except Exception:  # leases make up for what was not saved
                log.exception("the worker pool could not save or take jobs, it tries again")
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

    def _room(self, count: int) -> int:
        wanted = max(count, min(int(count * AHEAD / self._usual_seconds), MOST))
        return wanted - len(self._running) - len(self._waiting)

    def _save_and_take(self, finished: list[Settled], room: int) -> int:
        """How many jobs were taken."""
        taken: list[HeldJob] = []

        def take(session: Session) -> None:
            taken[:] = self._worker.take_in(session, room)

        takes = not (self._is_stopping or self._is_outdated) and (room > 0 or self._worker.may_take_more)
        if finished:
            self._worker.settle(finished, take if takes else None)
            self._worker.limits.begin(taken, self._worker.now())
        elif takes:
            taken = self._worker.take(room)
        if taken:
            self._offer(taken)
        return len(taken)

    def _offer(self, taken: list[HeldJob]) -> None:
        elsewhere = [held for held in taken if self._worker.services.runs_elsewhere(held)]
        ours = [held for held in taken if held not in elsewhere] if elsewhere else taken
        with self._lock:
            if not (is_stopping := self._is_stopping):
                self._waiting.extend(ours)
                self._work.notify(len(ours))
        if is_stopping:
            self._worker.give_back(taken)
            return
        for held in elsewhere:
            self._begin(held)

    def _keep_house(self) -> None:
        self._worker.recover()
        with self._lock:
            held = [*self._running.values(), *self._elsewhere.values(), *self._waiting]
        if held:
            self._worker.extend(held)
        self._worker.presence.beat(len(self._threads))

    def _rest(self, beat_at: float, has_room: bool) -> None:
        """Until something is finished, committed or due, and no longer than a poll."""
        longest = min(POLL, max(beat_at - time.monotonic(), 0.0))
        if (has_room or self._worker.may_take_more) and not self._has_news():
            with suppress(DatabaseAway):
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
