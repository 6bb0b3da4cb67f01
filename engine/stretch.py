"""What happened to one instance in memory, outside of any transaction, to be written in one commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.commands import Command
from engine.events import Event
from engine.hot import Hot
from engine.jobs.held import HeldJob


@dataclass(frozen=True, slots=True)
class Step:
    """*job*: whose end the command is, begun at *begun_at*; None for the start of the instance."""

    command: Command
    events: Sequence[Event]
    job: HeldJob | None
    begun_at: datetime
    outcome: str


@dataclass(slots=True)
class Stretch:
    """What happened to an instance in memory, from *hot* on. *left*: a job at which it ended, that was not done,
    with its outcome (engine.jobs.outcome).

    Good for one transaction, which changes the instance further. *trace*: under which it goes on (engine.telemetry).
    """

    hot: Hot
    steps: list[Step] = field(default_factory=list[Step])
    left: tuple[HeldJob, Any] | None = None
    is_used: bool = False
    trace: str | None = None

    @property
    def instance_id(self) -> str:
        return self.hot.instance.id
