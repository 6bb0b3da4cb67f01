"""A new engine on an empty store, in milliseconds: a migrated database is made once and then copied."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from engine.clock import Clock
from engine.engine import Engine


def fresh_engine(clock: Clock, *, save_restore: bool = False) -> Engine:
    """An engine whose store is gone once it is closed.

    *save_restore*: keep no instance in memory, so that each command loads it from the store.
    """
    raise NotImplementedError


@cache
def _workspace() -> Path:
    """A folder for the databases of this process, in memory where the system offers it."""
    shared_memory = Path("/dev/shm")
    parent = shared_memory if os.access(shared_memory, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="fermata-scenarios-", dir=parent))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
