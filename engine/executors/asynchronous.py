"""Runs `async def` functions as handlers: many at once, on one event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from inspect import CORO_CLOSED, getcoroutinestate
from threading import Lock, Thread
from typing import Any

from engine.executors.python import Quit, TookTooLong
from engine.model import Job

PATIENCE = 5.0
"""Seconds for coroutines that were cancelled to end."""
ANSWERS_WITHIN = 2 * PATIENCE
"""Seconds for the event loop to say what has become of them, unless one blocks it."""

AsyncHandler = Callable[[Job], Coroutine[Any, Any, Any]]

log = logging.getLogger("engine.jobs")


class Loop:
    """An event loop that runs from its first coroutine on, until it is stopped."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._lock = Lock()

    def submit(self, coroutine: Coroutine[Any, Any, Any]) -> Future[Any]:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = Thread(target=_run, args=(self._loop,), name="fermata event loop", daemon=True)
                self._thread.start()
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def later(self, seconds: float, callback: Callable[[], object]) -> None:
        """Unless it is stopped before."""
        with self._lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._loop.call_later, seconds, callback)

    def stop(self) -> None:
        """Cancels what still runs, and waits for it, but not for ever: a coroutine can only be told."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        ending = asyncio.run_coroutine_threadsafe(_cancel_others(), loop)
        try:
            left = ending.result(ANSWERS_WITHIN)
        except TimeoutError:
            log.warning("a coroutine blocks the event loop, which is left behind", extra={"seconds": ANSWERS_WITHIN})
            return
        if left:
            log.warning("coroutines do not heed that they are cancelled, and are left behind", extra={"count": left})
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@dataclass(slots=True, eq=False)
class Running:
    """The coroutines of one attempt."""

    coroutines: list[Coroutine[Any, Any, Any]] = field(default_factory=list[Coroutine[Any, Any, Any]])

    def is_alive(self) -> bool:
        return any(getcoroutinestate(each) != CORO_CLOSED for each in self.coroutines)


class AsyncExecutor:
    """*timeout*: the coroutine is cancelled after that, and left behind where it does not heed it."""

    def __init__(self, function: AsyncHandler, timeout: timedelta | None, loop: Loop) -> None:
        self._function = function
        self._timeout = timeout
        self._loop = loop

    def __call__(self, job: Job, journal: Any, /) -> Any:
        """As `begin`, waited for."""
        future, running = self._begun(job, None)
        try:
            return future.result()
        finally:
            self._leave(job, running)  # the future's own call of it may come after its result

    def begin(self, job: Job, timeout: timedelta | None = None) -> Future[Any]:
        """The future is cancelled when the job is; it ends with TookTooLong after the shorter of the time limits."""
        return self._begun(job, timeout)[0]

    def _begun(self, job: Job, timeout: timedelta | None) -> tuple[Future[Any], Running]:
        limit = min((each for each in (self._timeout, timeout) if each is not None), default=None)
        context = contextvars.copy_context()
        running = Running()
        running.coroutines.append(self._run(job, limit, running))
        future = context.run(self._loop.submit, running.coroutines[0])
        future.add_done_callback(lambda _: self._leave(job, running))
        job.cancellation.on_cancel(future.cancel)
        return future, running

    def _leave(self, job: Job, running: Running) -> None:
        """Nobody awaits the attempt any more."""
        if running.is_alive() and running not in job.cancellation.left_behind:
            job.cancellation.left_behind = (*job.cancellation.left_behind, running)
            self._loop.later(PATIENCE, lambda: _complain(job, running))

    async def _run(self, job: Job, limit: timedelta | None, running: Running) -> Any:
        work = self._done(job)
        running.coroutines.append(work)
        if limit is None:
            return await work
        task = asyncio.create_task(work)
        try:
            await asyncio.wait([task], timeout=limit.total_seconds())
            if not task.done():
                task.cancel()
                await asyncio.wait([task], timeout=PATIENCE)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if task.done() and not task.cancelled():
            return task.result()
        raise TookTooLong(f"The handler for '{job.type}' took longer than {limit}.")

    async def _done(self, job: Job) -> Any:
        try:
            return await self._function(job)
        except (SystemExit, KeyboardInterrupt, GeneratorExit) as problem:  # the loop is not the handler's to end
            raise Quit.of(problem) from problem
        except asyncio.CancelledError as problem:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise Quit.of(problem) from problem


def _complain(job: Job, running: Running) -> None:
    if running.is_alive():
        told = {"job_id": job.id, "job_type": job.type, "attempt": job.attempt}
        log.warning("a coroutine does not heed that it is cancelled, and keeps its place", extra=told)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    """Until the loop is stopped, whatever the tasks that handlers begin raise in it."""
    while True:
        try:
            loop.run_forever()
        except BaseException:  # asyncio lets some end its loop, on which others rely
            log.exception("a task on the event loop tried to end it")
        else:
            return


async def _cancel_others() -> int:
    """How many have not ended by then."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.wait([asyncio.gather(*others, return_exceptions=True)], timeout=PATIENCE)
    return sum(not task.done() for task in others)
