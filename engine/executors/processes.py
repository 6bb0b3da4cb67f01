"""Runs functions as handlers in processes of their own: for work that keeps a processor busy, and that can be stopped.

A process does one job after another. One whose job takes too long, or is not wanted any more, is killed.
"""

from __future__ import annotations

import math
import os
import pickle
import sys
import time
import traceback
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from multiprocessing import get_context, parent_process
from multiprocessing import process as python_process
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from threading import Lock, Thread
from typing import Any

from engine.cancellation import Cancellation, Reason
from engine.executors.python import Quit, TookTooLong
from engine.handlers import Handler
from engine.model import Job

LOOK = 1.0
"""Seconds between looks whether a process that has not answered still lives."""
_spawn = get_context("spawn")
_beginning = Lock()
_APPLICATION = "fermata_application_"


class ProcessEnded(Exception):
    """The process of a handler is gone: it was killed, ran out of memory, or ended itself."""


class Raised(Exception):
    """What a handler raised in its process, where that cannot be sent from there to here."""


class _Trace(Exception):
    """The stack of what was raised in another process."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


class Processes:
    """Processes that wait for work, made when they are first needed."""

    def __init__(self) -> None:
        self._idle: deque[_Process] = deque()
        self._busy: set[_Process] = set()
        self._lock = Lock()

    def take(self) -> _Process:
        with self._lock:
            while self._idle:
                process = self._idle.pop()
                if process.is_alive:
                    self._busy.add(process)
                    return process
        process = _Process()
        with self._lock:
            self._busy.add(process)
        return process

    def give_back(self, process: _Process) -> None:
        with self._lock:
            self._busy.discard(process)
            if process.is_alive:
                self._idle.append(process)

    def stop(self) -> None:
        with self._lock:
            processes = [*self._idle, *self._busy]
            self._idle.clear()
            self._busy.clear()
        for process in processes:
            process.kill()


class ProcessExecutor:
    """*function*: of a module's top level. Raises ValueError for another one."""

    def __init__(self, function: Handler, timeout: timedelta | None, processes: Processes) -> None:
        self._place = _place_of(function)
        self._timeout = timeout
        self._processes = processes

    def __call__(self, job: Job, journal: Any, /) -> Any:
        """Raises TookTooLong, ProcessEnded, and what the function raises."""
        sent = pickle.dumps((*self._place, replace(job, cancellation=Cancellation())))
        process = self._processes.take()
        process.begin(job)
        job.cancellation.on_cancel(lambda: process.stop(job))
        try:
            process.send(sent)
            if not process.answers_within(self._timeout):
                process.kill()
                raise TookTooLong(f"The handler for '{job.type}' took longer than {self._timeout}; it was killed.")
            has_returned, value, trace = process.answer()
        except (EOFError, OSError) as problem:
            process.kill()
            if job.cancellation.reason is Reason.INTERRUPTED:
                raise ProcessEnded("It was stopped: its result is not wanted any more.") from None
            raise ProcessEnded(f"The process of the handler for '{job.type}' ended: {process.exit()}.") from problem
        finally:
            process.begin(None)
            self._processes.give_back(process)
        if has_returned:
            return value
        raise value from _Trace(trace)


class _Process:
    def __init__(self) -> None:
        self._pipe, theirs = _spawn.Pipe()
        self._process = _begun(theirs)
        theirs.close()
        self._job: Job | None = None
        self._lock = Lock()

    @property
    def is_alive(self) -> bool:
        return self._process.is_alive()

    def send(self, data: bytes) -> None:
        self._pipe.send_bytes(data)

    def answers_within(self, limit: timedelta | None) -> bool:
        """Raises EOFError where it has ended without an answer. Its end of the pipe says so at once, unless another
        process has that, too: one that the handler began."""
        until = math.inf if limit is None else time.monotonic() + limit.total_seconds()
        while not self._pipe.poll(min(max(until - time.monotonic(), 0.0), LOOK)):
            if not self.is_alive and not self._pipe.poll():
                raise EOFError
            if time.monotonic() >= until:
                return False
        return True

    def answer(self) -> tuple[bool, Any, str]:
        return pickle.loads(self._pipe.recv_bytes())

    def begin(self, job: Job | None) -> None:
        """From now on the process works on *job*, or on none."""
        with self._lock:
            self._job = job

    def stop(self, job: Job) -> None:
        """Kills the process if it works on *job*: it may have gone on to another one."""
        with self._lock:
            if self._job is job:
                self._process.kill()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def exit(self) -> str:
        code = self._process.exitcode
        return f"exit status {code}" if code is None or code >= 0 else f"signal {-code}"


def _begun(pipe: Connection) -> SpawnProcess:
    """A process that serves *pipe*, and ends with this one."""
    with _may_begin_others():
        process = _spawn.Process(target=_serve, args=(pipe,), name="fermata handler", daemon=True)
        process.start()
    return process


@contextmanager
def _may_begin_others() -> Generator[None]:
    """A process of Celery's pool is a daemon, which Python lets have no children, since it would leave them behind, and
    of a class that no child could be told of. Ours see by themselves that whoever began them is gone."""
    with _beginning:
        ours = python_process.current_process()
        if ours.daemon:
            stand_in = python_process.BaseProcess(daemon=False)
            stand_in.authkey = bytes(ours.authkey)
            python_process._current_process = stand_in  # pyright: ignore[reportAttributeAccessIssue]
        try:
            yield
        finally:
            python_process._current_process = ours  # pyright: ignore[reportAttributeAccessIssue]


def _place_of(function: Handler) -> tuple[str, str, str]:
    """Folder of the application (else ''), module and name."""
    module, name = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
    if not name or "<" in name:
        raise ValueError(
            f"{name or function!r} cannot run in a process of its own: it is no function of a module's top level. "
            "Define it there."
        )
    if not module.startswith(_APPLICATION):
        return "", module, name
    package, _, rest = module.partition(".")
    return sys.modules[package].__path__[0], rest, name


# what runs in the process


def _serve(pipe: Connection) -> None:
    Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            data = pipe.recv_bytes()
        except EOFError:
            return
        pipe.send_bytes(_answer(data))


def _end_with_parent() -> None:
    if (parent := parent_process()) is not None:
        wait([parent.sentinel])
        os._exit(1)


def _answer(data: bytes) -> bytes:
    try:
        folder, module, name, job = pickle.loads(data)
        return pickle.dumps((True, _function(folder, module, name)(job), ""))
    except Exception as problem:  # whatever it is, it is raised again where the job was taken
        return _raised(problem)
    except BaseException as problem:  # neither ends the process, nor the thread that waits for it
        return _raised(Quit.of(problem), problem)


def _raised(problem: Exception, cause: BaseException | None = None) -> bytes:
    trace = "".join(traceback.format_exception(cause or problem))
    try:
        data = pickle.dumps((False, problem, trace))
        pickle.loads(data)
    except Exception:  # its class cannot be sent: what it says can
        return pickle.dumps((False, Raised(_said(problem)), trace))
    return data


def _said(problem: Exception) -> str:
    try:
        return f"{type(problem).__name__}: {problem}"
    except Exception:
        return type(problem).__name__


def _function(folder: str, module: str, name: str) -> Handler:
    if folder:
        from engine.application import import_module_of

        found: Any = import_module_of(folder, module)
    else:
        __import__(module)
        found = sys.modules[module]
    for part in name.split("."):
        found = getattr(found, part)
    return found
