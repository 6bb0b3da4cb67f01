"""When a timer event is due, as the diagram says it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bpmn.model import Expression


class TimerKind(StrEnum):
    DATE = "date"
    DURATION = "duration"
    CYCLE = "cycle"


@dataclass(frozen=True, slots=True)
class Timer:
    """*value* gives an ISO 8601 date-time, duration or repeating interval (R[n]/...), or a cron line.

    *sunday*: its number in such a line with seconds (1 in Camunda 7). *is_single*: of a cycle, only the first
    turn is waited for.
    """

    kind: TimerKind
    value: Expression
    sunday: int = 0
    is_single: bool = False
