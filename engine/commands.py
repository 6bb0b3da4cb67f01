"""What can be asked of one process instance. Each carries its time; none carries powers.

`activity_id` is the number of an activity instance within its process instance (1, 2, 3, ... in order
of entry), so ids are derived and a repeat of the same command yields the same ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any

from engine.events import UNSET
from engine.modification import Beginning, Instruction
from engine.record import record


@record(kw_only=True)
class Command:
    """*actor*: who asked ('user:ann', 'worker:host-1', 'timer', 'instance:ID', 'system')."""

    at: datetime
    actor: str = "system"


@record(kw_only=True)
class Start(Command):
    """*start_event*: the element to start at; None for the process's none start event. *arrivals*: of a multiple
    one, the numbers of the triggers that have come and what each brought, instead of *variables*.
    *initiator*: the person, for a start event that keeps it in a variable. *beginnings*: where to begin instead of at
    a start event."""

    variables: Mapping[str, Any] = field(default_factory=dict)
    start_event: str | None = None
    arrivals: tuple[tuple[int, Mapping[str, Any]], ...] = ()
    initiator: str | None = None
    beginnings: tuple[Beginning, ...] = ()


@record(kw_only=True)
class CompleteActivity(Command):
    """The work behind a waiting activity is done: a user task, a job, a receive task, a called process.

    *variables*: its result; *result*: the result as one value, of a handler that returned no dict;
    *local_variables*: for its own scope, where its output mappings find them."""

    activity_id: int
    variables: Mapping[str, Any] = field(default_factory=dict)
    result: Any = UNSET
    local_variables: Mapping[str, Any] = field(default_factory=dict)


@record(kw_only=True)
class ThrowError(Command):
    """A BPMN error out of a waiting activity."""

    activity_id: int
    code: str
    message: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict)


@record(kw_only=True)
class ThrowEscalation(Command):
    activity_id: int
    code: str
    variables: Mapping[str, Any] = field(default_factory=dict)


@record(kw_only=True)
class TriggerEvent(Command):
    """What a waiting catch event, boundary event or event gateway waited for has come.

    *activity_id*: as in the `TimerStarted` or `SubscriptionOpened` that is answered here."""

    activity_id: int
    variables: Mapping[str, Any] = field(default_factory=dict)


@record(kw_only=True)
class ReassignTask(Command):
    """A user task has another assignee, or none: its listeners are told."""

    activity_id: int
    assignee: str | None = None


@record(kw_only=True)
class SetVariables(Command):
    """*scope_id*: 0 for the process scope, else the activity id whose scope it is."""

    variables: Mapping[str, Any]
    scope_id: int = 0


@record(kw_only=True)
class RetryActivity(Command):
    """Takes up an activity where an expression or script of it failed (an open incident)."""

    activity_id: int


@record(kw_only=True)
class Continue(Command):
    """Goes on past a save point (asyncBefore, asyncAfter), or makes a call again that could not be made."""

    activity_id: int


@record(kw_only=True)
class Cancel(Command):
    reason: str = ""


@record(kw_only=True)
class Modify(Command):
    """Tokens are taken away and put elsewhere, by hand. *may_end*: the instance may be cancelled by that, when nothing
    is left in it; not one that another waits for."""

    instructions: tuple[Instruction, ...]
    reason: str = ""
    may_end: bool = True


@record(kw_only=True)
class Migrate(Command):
    """Goes on by another version of the process. *source*, *target*: the definition that it must be of, and the one
    that it will be of. *mapping*: element ids of the one to those of the other. *re_arms*: timers and subscriptions
    begin anew, as the other version has them."""

    source: str = ""
    target: str = ""
    mapping: Mapping[str, str]
    re_arms: bool = False
    reason: str = ""
