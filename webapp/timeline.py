"""From an instance's history to what its page shows: entries in order of time, and marks on the diagram."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from engine.executors.agent.transcript import Totals, totals
from engine.model import ActivityRecord, AgentStep, History, Incident, JobAttempt

BODY = "multiInstanceBody"
MINOR = frozenset({"exclusiveGateway", "parallelGateway", "inclusiveGateway", "eventBasedGateway", "complexGateway"})
DEEPEST = 3  # indentation steps


@dataclass(frozen=True, slots=True)
class Entry:
    """One activity instance with all that belongs to it."""

    activity: ActivityRecord
    depth: int
    attempts: tuple[JobAttempt, ...]
    incidents: tuple[Incident, ...]
    agent: Totals | None

    @property
    def duration(self) -> timedelta | None:
        if self.activity.ended_at is None:
            return None
        return self.activity.ended_at - self.activity.entered_at

    @property
    def state(self) -> str:
        """incident, waiting, completed or cancelled."""
        if any(incident.resolved_at is None for incident in self.incidents):
            return "incident"
        return self.activity.outcome or "waiting"

    @property
    def is_minor(self) -> bool:
        return self.activity.kind in MINOR


def entries(history: History, activities: Sequence[ActivityRecord] | None = None) -> list[Entry]:
    """One entry for each of *activities* (default: all), in order of time."""
    attempts = _by_activity(history.job_attempts)
    incidents = _by_activity(history.incidents)
    steps = agent_steps_by_activity(history)
    parents = {one.activity_id: one.parent_id for one in history.activities}
    return [
        Entry(
            activity=one,
            depth=_depth(one.activity_id, parents),
            attempts=tuple(attempts.get(one.activity_id, ())),
            incidents=tuple(incidents.get(one.activity_id, ())),
            agent=totals(steps[one.activity_id]) if one.activity_id in steps else None,
        )
        for one in (history.activities if activities is None else activities)
    ]


def _by_activity(records: Iterable[Any]) -> dict[int, list[Any]]:
    grouped: dict[int, list[Any]] = defaultdict(list)
    for record in records:
        grouped[record.activity_id].append(record)
    return grouped


def agent_steps_by_activity(history: History) -> dict[int, list[AgentStep]]:
    """A job's id is '<instance id>.<activity id>'."""
    grouped: dict[int, list[AgentStep]] = defaultdict(list)
    for step in history.agent_steps:
        _, _, number = step.job_id.rpartition(".")
        if number.isdigit():
            grouped[int(number)].append(step)
    return grouped


def _depth(activity_id: int, parents: dict[int, int]) -> int:
    depth, parent = 0, parents.get(activity_id, 0)
    while parent and depth < DEEPEST:
        depth, parent = depth + 1, parents.get(parent, 0)
    return depth


def marks(history: History) -> dict[str, Any]:
    """What assets/diagram.mjs draws: {nodes: {id: {visits, tokens, incidents, cancelled}}, flows: {id: times}}."""
    holders = {one.parent_id for one in history.activities if one.ended_at is None}
    nodes: dict[str, dict[str, int]] = defaultdict(lambda: {"visits": 0, "tokens": 0, "incidents": 0, "cancelled": 0})
    for one in history.activities:
        if one.kind == BODY:
            continue
        node = nodes[one.element_id]
        node["visits"] += 1
        node["cancelled"] += one.outcome == "cancelled"
        # A subprocess with tokens inside holds none of its own.
        node["tokens"] += one.ended_at is None and one.activity_id not in holders
    for incident in history.incidents:
        if incident.resolved_at is None:
            nodes[incident.element_id]["incidents"] += 1
    return {"nodes": nodes, "flows": Counter(history.flows_taken)}


def waiting_at(history: History) -> list[tuple[str, int]]:
    """The names of the elements at which tokens stand, with their number."""
    holders = {one.parent_id for one in history.activities if one.ended_at is None}
    standing = [one for one in history.activities if one.ended_at is None and one.activity_id not in holders]
    return list(Counter(one.name or one.element_id for one in standing).items())
