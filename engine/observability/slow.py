"""The log of what is slow: commits, with where the time went, and instances that run for longer than they should."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable

from engine import telemetry
from engine.clock import moment_of
from engine.events import InstanceEnded

THRESHOLD = 1.0
"""Seconds."""
_MOST = 20  # ids in one line
_MOST_TOLD = 10_000

log = logging.getLogger("engine.slow")


class SlowLog(telemetry.Watcher):
    """*threshold*: seconds of a transaction, the wait for its turn included. *on_slow*: called for each such line.
    *longest_run*: seconds from an instance's start, after which it is told of at its next step, once in each process,
    and at its end; None: never."""

    def __init__(
        self,
        threshold: float = THRESHOLD,
        on_slow: Callable[[], None] | None = None,
        longest_run: float | None = None,
    ) -> None:
        self._threshold = threshold
        self._on_slow = on_slow
        self._longest_run = longest_run
        self._told: OrderedDict[str, None] = OrderedDict()

    def committed(self, commit: telemetry.Commit) -> None:
        if commit.seconds >= self._threshold:
            self._tell(commit)
        if self._longest_run is not None:
            for step in commit.steps:
                self._look_at(step, self._longest_run)

    def _look_at(self, step: telemetry.Step, longest: float) -> None:
        seconds = (step.command.at - moment_of(step.live.id)).total_seconds()
        if seconds < longest:
            return
        end = next((event for event in step.events if isinstance(event, InstanceEnded)), None)
        if end is None and step.live.id in self._told:
            return
        row = step.live.row
        fields: dict[str, object] = {
            "instance_id": row.id,
            "process_key": row.process_key,
            "seconds": round(seconds, 3),
        }
        fields |= {"definition_id": row.definition_id, "activity_id": getattr(step.command, "activity_id", None)}
        log.warning("an instance runs for long" if end is None else "an instance ran for long", extra=fields)
        if end is not None:
            self._told.pop(row.id, None)
            return
        self._told[row.id] = None
        if len(self._told) > _MOST_TOLD:
            self._told.popitem(last=False)

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
