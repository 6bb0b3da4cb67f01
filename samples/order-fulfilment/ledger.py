"""What this application did to the world: one line of JSON each, in var/ where the engine runs.

It stands for the systems of other departments, and does what a handler must ask of them: the same
idempotency key a second time changes nothing, so a job that is repeated after a crash is done once.
"""

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NAME = f"{Path(__file__).parent.name}.jsonl"


def once(key: str, action: str, **details: Any) -> None:
    """Notes *action* unless something has been noted under *key* before; returns when it is on disk."""
    file = Path("var") / NAME
    file.parent.mkdir(exist_ok=True)
    with file.open("a+b") as ledger:
        fcntl.flock(ledger, fcntl.LOCK_EX)
        ledger.seek(0)
        lines = ledger.read().split(b"\n")
        if any(_key(line) == key for line in lines):
            return
        if lines[-1]:
            ledger.write(b"\n")  # a line that a crash cut short stays what it is: not done
        ledger.write(json.dumps({"key": key, "action": action, **details}).encode() + b"\n")
        ledger.flush()
        os.fsync(ledger.fileno())


def _key(line: bytes) -> str | None:
    try:
        entry: Mapping[str, Any] = json.loads(line)
    except ValueError:
        return None
    return entry.get("key")
