"""Waiting for what threads and processes do beside a test."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from engine import Job
from engine.engine import Engine

PATIENCE = 120
"""Seconds. Only what goes wrong waits so long: a machine with much else to do may stand still for a while."""


class Held:
    """A handler that says when it has begun, and ends when it may."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.may_end = threading.Event()

    def __call__(self, job: Job) -> None:
        self.begun.set()
        self.may_end.wait(PATIENCE)


def until(is_so: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to that in time"
        threading.Event().wait(0.01)


def ended(engine: Engine, key: str = "interruptible") -> int:
    """How many instances of the process have completed."""
    return engine.read.instances(key=key, state="completed", limit=1).total
