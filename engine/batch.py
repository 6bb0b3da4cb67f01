"""Operations on many instances at once, as records: what to do, and what has come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from engine.migration import MigrationPlan
from engine.model import Incident, ProcessInstance
from engine.modification import Instruction, instruction_from, kept
from engine.searching import Located


class BatchState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"  # nothing is left to do, whatever came of it
    CANCELLED = "cancelled"


class ItemState(StrEnum):
    WAITING = "waiting"
    DONE = "done"
    SKIPPED = "skipped"  # there was nothing to do any more
    FAILED = "failed"  # refused or broken; nothing of it has changed
    CANCELLED = "cancelled"  # the batch was, before it came to this one


@dataclass(frozen=True, slots=True)
class CancelAll:
    """Ends the instances, what they called included."""


@dataclass(frozen=True, slots=True)
class SuspendAll:
    pass


@dataclass(frozen=True, slots=True)
class ActivateAll:
    pass


@dataclass(frozen=True, slots=True)
class RetryAll:
    """Tries incidents again. *retries*: attempts that a job gets (None: as at first)."""

    retries: int | None = None


@dataclass(frozen=True, slots=True)
class SetVariablesOfAll:
    """In the scope of the process."""

    variables: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ModifyAll:
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True, slots=True)
class MigrateAll:
    plan: MigrationPlan
    re_arms: bool = False


@dataclass(frozen=True, slots=True)
class DeleteAll:
    """Removes ended instances with their history and that of all they called."""


Operation = CancelAll | SuspendAll | ActivateAll | RetryAll | SetVariablesOfAll | ModifyAll | MigrateAll | DeleteAll

_KINDS: dict[str, type[Any]] = {
    "cancel": CancelAll,
    "suspend": SuspendAll,
    "activate": ActivateAll,
    "retry": RetryAll,
    "set-variables": SetVariablesOfAll,
    "modify": ModifyAll,
    "migrate": MigrateAll,
    "delete": DeleteAll,
}


def kind_of(operation: Operation) -> str:
    return next(kind for kind, each in _KINDS.items() if each is type(operation))


def arguments_of(operation: Operation) -> dict[str, Any]:
    """Plain data, from which `operation_from` makes it again."""
    match operation:
        case RetryAll(retries=retries):
            return {"retries": retries}
        case SetVariablesOfAll(variables=variables):
            return {"variables": dict(variables)}
        case ModifyAll(instructions=instructions):
            return {"instructions": [kept(each) for each in instructions]}
        case MigrateAll(plan=plan, re_arms=re_arms):
            return {"plan": asdict(plan) | {"problems": []}, "re_arms": re_arms}
        case _:
            return {}


def operation_from(kind: str, arguments: Mapping[str, Any]) -> Operation:
    match kind:
        case "modify":
            return ModifyAll(tuple(instruction_from(each) for each in arguments["instructions"]))
        case "migrate":
            given: dict[str, Any] = dict(arguments["plan"])
            given |= {"unmapped": tuple(given["unmapped"]), "problems": ()}
            plan = MigrationPlan(**given)
            return MigrateAll(plan, arguments["re_arms"])
        case _:
            return _KINDS[kind](**arguments)


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of the incidents that were tried again: now, as long as they are under way."""

    completed: int = 0
    failed_again: int = 0
    under_way: int = 0
    cancelled: int = 0
    messages: Mapping[str, int] = field(default_factory=dict[str, int])  # of those that failed again, how many have it


@dataclass(frozen=True, slots=True)
class Batch:
    """*selection*: what it was started for, for people to read. *retried*: of a retry alone."""

    id: str
    kind: str
    state: BatchState
    actor: str
    reason: str
    selection: str
    total: int
    created_at: datetime
    ended_at: datetime | None = None
    waiting: int = 0
    done: int = 0
    skipped: int = 0
    failed: int = 0
    cancelled: int = 0
    retried: Retried | None = None

    @property
    def summary(self) -> str:
        """For example: 12 retried, 11 completed, 1 failed again with 'no route to host' (1)."""
        counts = [(self.done, _DONE[self.kind])]
        said = [f"{number} {what}" for number, what in counts]
        if self.retried is not None:
            said += _said_of(self.retried)
        rest = [
            (self.skipped, "skipped"),
            (self.failed, "failed"),
            (self.waiting, "waiting"),
            (self.cancelled, "left out"),
        ]
        return ", ".join([*said, *(f"{number} {what}" for number, what in rest if number)])


@dataclass(frozen=True, slots=True)
class Preview:
    """*total*: how many items a batch would have; *first*: the first of the instances, or incidents, that it is for."""

    total: int
    first: tuple[ProcessInstance | Located[Incident], ...]


@dataclass(frozen=True, slots=True)
class BatchChange:
    """Somebody paused or cancelled a batch, or let it go on: the *state* that it had from then on."""

    state: BatchState
    at: datetime
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class BatchItem:
    """*message*: why it was skipped or failed. *instance_id*: empty for an incident of no instance."""

    batch_id: str
    number: int
    instance_id: str
    state: ItemState
    incident_id: str | None = None
    message: str = ""
    ended_at: datetime | None = None


_DONE = {
    "cancel": "cancelled",
    "suspend": "suspended",
    "activate": "activated",
    "retry": "retried",
    "set-variables": "changed",
    "modify": "modified",
    "migrate": "migrated",
    "delete": "deleted",
}


def _said_of(retried: Retried) -> list[str]:
    counts = [(retried.completed, "completed"), (retried.cancelled, "cancelled"), (retried.under_way, "under way")]
    said = [f"{number} {what}" for number, what in counts if number]
    if retried.failed_again:
        messages = "; ".join(f"'{message}' ({number})" for message, number in retried.messages.items())
        said.append(f"{retried.failed_again} failed again with {messages}")
    return said
