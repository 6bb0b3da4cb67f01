"""What a scenario file may say: its records, and the tables of what is allowed where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DEFAULT_NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)

FILE_KEYS = ("models", "process", "handlers", "stubs", "now", "hold_jobs", "deploy_error", "scenarios")
SCENARIO_KEYS = ("name", "start", "steps", "expect")
START_KEYS = ("variables", "business_key", "message", "signal", "form")
STUB_KEYS = ("return", "fail", "bpmn_error", "increment", "increment_field", "log")
COMMON_STEP_KEYS = ("instance", "expect", "fails")
STATES = ("running", "completed", "terminated", "suspended")
TASK_KEYS = (
    "id",
    "name",
    "assignee",
    "candidate_users",
    "candidate_groups",
    "priority",
    "form_key",
    "due",
    "follow_up",
)
SETTLEMENTS = ("run", "complete", "fail", "bpmn_error")

_TASK = {"where": "table", "nth": "position"}
_SETTLE = {
    "do": "settlement",
    "variables": "table",
    "error": "text",
    "retries": "count",
    "code": "text",
    "message": "text",
    "retry_in": "duration",
}


@dataclass(frozen=True, slots=True)
class VerbFormat:
    """*value*: the kind of what follows the verb; *options*: the kind of each key that may stand beside it."""

    value: str
    options: Mapping[str, str] = field(default_factory=dict[str, str])


VERBS: Mapping[str, VerbFormat] = {
    "start": VerbFormat("text", {"variables": "table", "business_key": "text", "form": "table", "as": "text"}),
    "complete": VerbFormat("text", {"variables": "table", **_TASK}),
    "claim": VerbFormat("text", {"user": "text", **_TASK}),
    "submit_form": VerbFormat("text", {"variables": "table", **_TASK}),
    "task_error": VerbFormat("text", {"code": "text", "message": "text", "variables": "table", **_TASK}),
    "task_escalation": VerbFormat("text", {"code": "text", "variables": "table", **_TASK}),
    "message": VerbFormat(
        "text",
        {"variables": "table", "business_key": "text", "correlate": "any", "all": "boolean", "as": "text"},
    ),
    "signal": VerbFormat("text", {"variables": "table", "as": "text"}),
    "trigger": VerbFormat("text", {"variables": "table"}),
    "evaluate_conditions": VerbFormat("none", {"variables": "table", "as": "text"}),
    "set_variables": VerbFormat("table", {"element": "text"}),
    "advance": VerbFormat("duration"),
    "advance_to": VerbFormat("time"),
    "run_jobs": VerbFormat("none"),
    "job": VerbFormat("text", _SETTLE),
    "external": VerbFormat("text", _SETTLE),
    "stub": VerbFormat("text", {"with": "stub"}),
    "set_retries": VerbFormat("text", {"retries": "count"}),
    "retry": VerbFormat("text"),
    "suspend": VerbFormat("none"),
    "activate": VerbFormat("none"),
    "cancel": VerbFormat("none"),
}

EXPECTATIONS: Mapping[str, str] = {
    "active": "texts",
    "state": "state",
    "ended": "ended",
    "ended_at": "texts",
    "visited": "texts",
    "not_visited": "texts",
    "path": "texts",
    "visits": "counts",
    "completed": "counts",
    "cancelled": "counts",
    "variables": "table",
    "absent_variables": "texts",
    "task_variables": "tables",
    "tasks": "tasks",
    "called_variables": "tables",
    "running_instances": "count",
    "instances": "counts",
    "incidents": "incidents",
    "stub_calls": "counts",
    "stub_order": "texts",
}


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What one call of a stub does. At most one of *returns*, *fail*, *error* is meant."""

    returns: Any = None
    fail: str | None = None
    error: tuple[str, str, Mapping[str, Any]] | None = None  # code, message, variables
    increment: str | None = None
    increment_field: str | None = None
    log: str | None = None


Stub = tuple[Behaviour, ...]  # one per call, the last repeats


@dataclass(frozen=True, slots=True)
class StartPlan:
    """*kind*: plain, message, signal, form or none. *name*: of the message or signal."""

    kind: str = "plain"
    name: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    business_key: str | None = None
    correlate: Any = None


@dataclass(frozen=True, slots=True)
class Expectation:
    values: Mapping[str, Any]
    line: int


@dataclass(frozen=True, slots=True)
class Step:
    """*value*: what follows the verb, already converted to its kind, as *options* are."""

    number: int  # 1-based
    line: int
    verb: str
    value: Any
    options: Mapping[str, Any]
    instance: str | None = None
    fails: str | None = None
    expect: Expectation | None = None

    @property
    def title(self) -> str:
        value = f" {self.value}" if isinstance(self.value, str) else ""
        return f"step {self.number} ({self.verb}{value})"


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    line: int
    start: StartPlan
    steps: tuple[Step, ...]
    expect: Expectation | None


@dataclass(frozen=True, slots=True)
class ScenarioFile:
    """*models* and *handlers* are whole paths. *deploy_error*: a pattern; None where deploying must succeed."""

    path: Path
    models: tuple[Path, ...]
    process: str | None
    handlers: Path | None
    stubs: Mapping[str, Stub]
    now: datetime
    hold_jobs: bool
    deploy_error: str | None
    scenarios: tuple[Scenario, ...]
