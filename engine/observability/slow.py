"""The log of slow commits: which instances, and where the time went."""

from __future__ import annotations

import logging
from collections.abc import Callable

from engine import telemetry

THRESHOLD = 1.0
"""Seconds."""
_MOST = 20  # ids in one line

log = logging.getLogger("engine.slow")


class SlowLog(telemetry.Watcher):
    """*threshold*: seconds of a transaction, the wait for its turn included, or of one step of one instance in it.
    *on_slow*: called for each line."""

    def __init__(self, threshold: float = THRESHOLD, on_slow: Callable[[], None] | None = None) -> None:
        self._threshold = threshold
        self._on_slow = on_slow

    def committed(self, commit: telemetry.Commit) -> None:
        if commit.seconds >= self._threshold:
            self._tell(commit)

    def _tell(self, commit: telemetry.Commit) -> None:
        ids = list(dict.fromkeys(step.live.id for step in commit.steps))
        fields: dict[str, object] = {f"{part}_ms": _ms(seconds) for part, seconds in commit.parts.items()}
        fields |= {"total_ms": _ms(commit.seconds), "tries": commit.tries, "instances": len(ids)}
        fields |= {"instance_ids": ids[:_MOST], "job_ids": [ended.held.row.id for ended in commit.jobs][:_MOST]}
        if commit.steps:
            slowest = max(commit.steps, key=lambda step: step.seconds)
            fields |= {
                "slowest_instance_id": slowest.live.id,
                "slowest_process_key": slowest.live.row.process_key,
                "slowest_command": type(slowest.command).__name__,
                "slowest_activity_id": getattr(slowest.command, "activity_id", None),
                "slowest_ms": _ms(slowest.seconds),
            }
        log.warning("a commit was slow", extra=fields)
        if self._on_slow is not None:
            self._on_slow()


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
