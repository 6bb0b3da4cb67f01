"""The worker processes: started on first use, one pool a process, new after a fork."""

from __future__ import annotations

import atexit
import ctypes
import os
import threading

import pydantic_monty as monty

_WAIT_FOR_WORKER = 60.0  # seconds
_RUNS_PER_WORKER = 10_000

_lock = threading.Lock()
_pool: monty.Monty | None = None
_is_unusable = False


class SandboxUnavailable(RuntimeError):
    """This process was forked from one whose workers had started, and cannot have its own."""


def sandbox_pool() -> monty.Monty:
    """The pool of this process. Safe to call from any thread. Raises SandboxUnavailable."""
    global _pool
    if _is_unusable:
        raise SandboxUnavailable("A process forked after a script has run cannot run scripts. Start it with 'spawn'.")
    pool = _pool
    if pool is not None:
        return pool
    with _lock:
        if _pool is None:
            pool = monty.Monty(
                min_processes=1,
                max_processes=max(2, os.cpu_count() or 2),
                checkout_timeout=_WAIT_FOR_WORKER,
                max_checkouts_per_worker=_RUNS_PER_WORKER,
            )
            pool.__enter__()
            _pool = pool
        return _pool


def close_pool() -> None:
    """End the workers; the next script starts new ones."""
    global _pool
    with _lock:
        pool, _pool = _pool, None
    if pool is not None:
        pool.__exit__(None, None, None)


def _forget_after_fork() -> None:
    """The interpreter's threads do not survive a fork: a second pool would wait for them for ever, and to
    close the inherited one would end the parent's workers."""
    global _pool, _lock, _is_unusable
    _lock = threading.Lock()
    if _pool is not None:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(_pool))
        _pool, _is_unusable = None, True


os.register_at_fork(after_in_child=_forget_after_fork)
atexit.register(close_pool)
