"""What a script is told of where it stands, and what it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class TaskView:
    """The user task that a listener is told of. *can_change*: nobody has seen it yet."""

    assignee: str | None
    priority: int
    due_at: datetime | None = None
    follow_up_at: datetime | None = None
    can_change: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """*activity_id*: the number of the activity instance. *event*: what a listener listens to, else ''.
    *local*: the names of the variables in the script's own scope."""

    activity_id: int
    event: str = ""
    local: tuple[str, ...] = ()
    task: TaskView | None = None


@dataclass(frozen=True, slots=True)
class ScriptResult:
    """*value* of the last statement when it is an expression; the variables it *assigned*; what it printed.

    *local*: variables for its own scope. *task*: what it set of the user task: assignee, priority, dueDate,
    followUpDate, candidateUsers, candidateGroups. *error*: code and message of the BPMN error it ended in.
    """

    value: Any
    assigned: dict[str, Any] = field(default_factory=dict[str, Any])
    output: str = ""
    local: Mapping[str, Any] = field(default_factory=dict[str, Any])
    task: Mapping[str, Any] = field(default_factory=dict[str, Any])
    error: tuple[str, str] | None = None
