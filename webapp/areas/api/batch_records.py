"""What programs are told of batches, and how they ask for one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from engine.batch import BatchState, ItemState
from engine.model import InstanceState
from webapp.areas.api.records import Asked, Name, Paged, Reasoned, Told, Variables, Version

MOST_IDS = 10_000

Kind = Literal["cancel", "suspend", "activate", "retry", "set-variables", "modify", "migrate", "delete"]
ActivityNumber = Annotated[int, Field(ge=0, le=2**31 - 1)]


class BatchWhere(Asked):
    """All of it holds. *element_id*: with an activity under way there; of a retry, whose incident is there. *state*: of
    the instances."""

    process_key: Name | None = None
    definition_id: Name | None = None
    version: Version | None = None
    business_key: Name | None = None
    state: Annotated[InstanceState, Field(strict=False)] | None = None
    element_id: Name | None = None


class BatchInstruction(Asked):
    """*do* says what else there is: `cancel_activity` has *activity_id*, `cancel_element` *element_id*, `move`
    *from_element* and *to_element*; `start_before` and `start_after` *element_id*, `start_on` *flow_id*, each of these
    three with *variables*, *local_variables* and *within* if you like."""

    do: Literal["cancel_activity", "cancel_element", "move", "start_before", "start_after", "start_on"]
    activity_id: ActivityNumber | None = None
    element_id: Name | None = None
    flow_id: Name | None = None
    from_element: Name | None = None
    to_element: Name | None = None
    variables: Variables | None = None
    local_variables: Variables | None = None
    within: ActivityNumber | None = None


class BatchMigration(Asked):
    """From the newest other version to the newest one, unless it says which. *mapping*: elements that are not those of
    the same id, or null for none. *re_arm*: timers, messages and signals begin anew, as the other version has them."""

    process_key: Name
    source_version: Version | None = None
    target_version: Version | None = None
    mapping: Annotated[dict[Name, Name | None], Field(max_length=10_000)] = Field(default_factory=dict)
    re_arm: bool = False


class StartBatch(Reasoned):
    """*ids*: of process instances; of a retry, of incidents. Or *where*: all that fit now. *retries* belongs to a
    retry, *variables* to set-variables, *instructions* to modify, *migration* to migrate."""

    kind: Kind
    ids: Annotated[list[Name], Field(min_length=1, max_length=MOST_IDS)] | None = None
    where: BatchWhere | None = None
    retries: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    variables: Variables | None = None
    instructions: Annotated[list[BatchInstruction], Field(min_length=1, max_length=1000)] | None = None
    migration: BatchMigration | None = None


class BatchFilter(Paged):
    state: BatchState | None = None
    kind: Kind | None = None


class RetriedTold(Told):
    """What has become of the incidents by now. *messages*: of those that failed again, how many have each."""

    completed: int
    failed_again: int
    under_way: int
    cancelled: int
    messages: dict[str, int]


class BatchTold(Told):
    """*total*: items, each of which is counted as waiting, done, skipped, failed or cancelled. *selection* and
    *summary* are for people to read. *retried*: of a retry alone."""

    id: str
    kind: str
    state: BatchState
    actor: str
    reason: str
    selection: str
    created_at: datetime
    ended_at: datetime | None
    total: int
    waiting: int
    done: int
    skipped: int
    failed: int
    cancelled: int
    summary: str
    retried: RetriedTold | None


class BatchChangeTold(Told):
    """The state that it had from then on."""

    state: BatchState
    at: datetime
    actor: str
    reason: str


class BatchShown(BatchTold):
    """*changes*: who paused or cancelled it or let it go on, in order."""

    changes: list[BatchChangeTold]


class BatchItemFilter(Paged):
    state: ItemState | None = None


class BatchItemTold(Told):
    """*instance_id*: null for an incident of no instance. *message*: why it was skipped or failed."""

    number: int
    instance_id: str | None
    incident_id: str | None
    state: ItemState
    message: str
    ended_at: datetime | None
