"""Processes of a run: forked ready to work, in groups of their own, gone when the run is."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_SET_DEATH_SIGNAL = 1
CLONE_NEWNET, CLONE_NEWUTS, CLONE_NEWNS = 0x40000000, 0x04000000, 0x00020000


def die_with_parent() -> None:
    """For a child, right after the fork: whoever kills the run leaves nothing behind."""
    _LIBC.prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)


def unshare(flags: int) -> None:
    """Raises PermissionError."""
    if _LIBC.unshare(flags):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "unshare")


def enter(pid: int, kind: str) -> None:
    """Goes into the namespace (net, uts) of process *pid*."""
    space = os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY)
    failed = _LIBC.setns(space, 0)
    os.close(space)
    if failed:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "setns")


def mount(kind: str, target: str, options: str) -> None:
    if _LIBC.mount(b"none", target.encode(), kind.encode(), 0, options.encode()):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), target)


def own_mounts() -> None:
    """From now on what this process and its children mount is seen by nobody else, and gone with them."""
    unshare(CLONE_NEWNS)
    recursively_private = 0x4000 | 0x40000
    if _LIBC.mount(b"none", b"/", None, recursively_private, None):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "/")


def is_stopped(pid: int) -> bool:
    """Whether it stands still, as it does a moment after SIGSTOP."""
    until = time.monotonic() + 0.2
    while time.monotonic() < until:
        with suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T":
                return True
        time.sleep(0.002)
    return False


@dataclass(slots=True)
class Child:
    """*work*: what it does, told the descriptor to write to when it is up; its result is the exit status."""

    name: str
    work: Callable[[int], int]
    pid: int = 0
    died: int = 0
    _is_up: int = field(default=-1, repr=False)

    def start(self) -> None:
        self._is_up, comes_up = os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(comes_up)
            return
        status = 1
        try:
            os.setsid()
            die_with_parent()
            status = self.work(comes_up)
        except BaseException as problem:
            with suppress(OSError):
                os.write(2, f"{self.name}: {type(problem).__name__}: {problem}\n".encode())
        finally:
            os._exit(status)

    def await_up(self, seconds: float) -> bool:
        """Whether it has come up (or died, which ends the waiting) in time."""
        return bool(select.select([self._is_up], [], [], seconds)[0])

    def signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self._gone()

    def ended(self) -> int | None:
        """Its exit status if it has ended by itself; negative: by a signal."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if not pid:
            return None
        self._gone()
        return os.waitstatus_to_exitcode(status)

    def stop(self, seconds: float) -> int | None:
        """Asks it to end; its exit status, None where it had to be killed."""
        self.signal(signal.SIGTERM)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if (status := self.ended()) is not None:
                return status
            time.sleep(0.02)
        self.kill()
        return None

    def _gone(self) -> None:
        os.close(self._is_up)
        self.pid = 0
        self.died += 1
