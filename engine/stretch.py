"""What happened to one instance in memory, outside of any transaction, to be written in one commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

from engine.commands import Command
from engine.events import Event
from engine.hot import Hot
from engine.jobs.held import HeldJob
from engine.record import record


@record
class Step:
    """*job*: whose end the command is; None for the start of the instance."""

    command: Command
    events: Sequence[Event]
    job: HeldJob | None
    outcome: str


@dataclass(slots=True)
class Stretch:
    """What happened to an instance in memory, from *hot* on. *left*: a job at which it ended, that was not done,
    with its outcome (engine.jobs.outcome).

    Good for one transaction, which changes the instance further. *trace*: under which it goes on (engine.telemetry).
    *token*: of the lease of each of its jobs.
    """

    hot: Hot
    steps: list[Step] = field(default_factory=list)
    left: tuple[HeldJob, Any] | None = None
    is_used: bool = False
    trace: str | None = None
    token: str = field(default_factory=lambda: token_hex(8))

    @property
    def instance_id(self) -> str:
        return self.hot.instance.id
