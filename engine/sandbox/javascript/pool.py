"""The worker processes that run JavaScript: started on first use, one pool a process, new after a fork."""

from __future__ import annotations

import atexit
import importlib.util
import json
import os
import selectors
import signal
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

_WORKER = Path(__file__).with_name("worker.py")
_WAIT_FOR_WORKER = 60.0  # seconds
_RUNS_PER_WORKER = 1_000
_WALL_CLOCK = 10.0  # seconds for each second of computing, on a machine with much else to do
_LARGEST_ANSWER = 64 * 1024 * 1024  # bytes


class NoWorker(RuntimeError):
    """No process became free in time, or none could be started."""


class WorkerEnded(RuntimeError):
    """The process ended while it ran a script. *ran_too_long*: it was stopped for that. *is_new*: it was its first."""

    def __init__(self, ran_too_long: bool, is_new: bool) -> None:
        super().__init__("the process ended")
        self.ran_too_long = ran_too_long
        self.is_new = is_new


class Worker:
    def __init__(self) -> None:
        self.runs = 0
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_WORKER), _folder()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"TZ": "UTC"},
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout

    def ask(self, message: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Raises WorkerEnded."""
        self.runs += 1
        data = json.dumps(message).encode()
        deadline = time.monotonic() + (1 + seconds) * _WALL_CLOCK
        try:
            self._in.write(struct.pack(">I", len(data)) + data)
            self._in.flush()
            (size,) = struct.unpack(">I", self._read(4, deadline))
            if size > _LARGEST_ANSWER:
                raise self._ended(False)
            return json.loads(self._read(size, deadline))
        except (OSError, ValueError, struct.error):
            raise self._ended(False) from None

    def _read(self, size: int, deadline: float) -> bytes:
        found = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._out, selectors.EVENT_READ)
            while len(found) < size:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise self._ended(True)
                part = os.read(self._out.fileno(), min(size - len(found), 1 << 20))
                if not part:
                    raise self._ended(self._process.wait() == -signal.SIGPROF)
                found += part
        return found

    def _ended(self, ran_too_long: bool) -> WorkerEnded:
        return WorkerEnded(ran_too_long, is_new=self.runs == 1)

    @property
    def process_id(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._in, self._out):
            with suppress(OSError):  # what could not be written any more
                pipe.close()


class Pool:
    def __init__(self, size: int) -> None:
        self._free = threading.BoundedSemaphore(size)
        self._idle: list[Worker] = []
        self._lock = threading.Lock()

    def ask(self, message: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The answer of a worker. Raises NoWorker, WorkerEnded."""
        if not self._free.acquire(timeout=_WAIT_FOR_WORKER):
            raise NoWorker("No sandbox process became free in time. Run fewer scripts at once.")
        try:
            try:
                return self._answer(self._taken(), message, seconds)
            except WorkerEnded as problem:
                if problem.ran_too_long or problem.is_new:
                    raise
            return self._answer(_started(), message, seconds)  # it may have been ended while it was idle
        finally:
            self._free.release()

    @property
    def idle(self) -> list[Worker]:
        with self._lock:
            return list(self._idle)

    def close(self) -> None:
        """Ends the idle workers; the next script starts new ones."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.close()

    def _answer(self, worker: Worker, message: dict[str, Any], seconds: float) -> dict[str, Any]:
        try:
            answer = worker.ask(message, seconds)
        except BaseException:
            worker.close()
            raise
        self._give_back(worker)
        return answer

    def _taken(self) -> Worker:
        with self._lock:
            idle = self._idle.pop() if self._idle else None
        if idle and idle.is_alive:
            return idle
        if idle:
            idle.close()
        return _started()

    def _give_back(self, worker: Worker) -> None:
        if worker.runs >= _RUNS_PER_WORKER:
            worker.close()
            return
        with self._lock:
            self._idle.append(worker)


def _started() -> Worker:
    try:
        return Worker()
    except OSError as problem:
        raise NoWorker(f"No sandbox process could be started: {problem.strerror}.") from None


@lru_cache(maxsize=1)
def _folder() -> str:
    """Where the interpreter's module lies: the worker is started without the paths of this process."""
    spec = importlib.util.find_spec("quickjs")
    if spec is None or spec.origin is None:
        raise NoWorker("JavaScript needs the package quickjs-ng. Install it.")
    return str(Path(spec.origin).parent.parent)


def _new_pool() -> Pool:
    return Pool(max(2, os.cpu_count() or 2))


_pool = _new_pool()


def ask(message: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Hands *message* to a worker of this process. Safe to call from any thread. Raises NoWorker, WorkerEnded."""
    return _pool.ask(message, seconds)


def idle_workers() -> list[Worker]:
    return _pool.idle


def close_pool() -> None:
    _pool.close()


def _renew_after_fork() -> None:
    """The inherited workers are the parent's: they are neither asked nor ended here."""
    global _pool
    _inherited.append(_pool)
    _pool = _new_pool()


_inherited: list[Pool] = []
os.register_at_fork(after_in_child=_renew_after_fork)
atexit.register(close_pool)
