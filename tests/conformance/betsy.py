"""Betsy's 136 standard tests, each case on an engine of its own: a real store, a clock that is moved."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from engine.clock import VirtualClock
from engine.engine import Engine
from engine.errors import BpmnError, DeploymentRefused
from engine.model import ActivityRecord, History, InstanceState, Job, JobState, Resource
from engine.testing.fresh import fresh_database, open_engine
from tests.conformance.macros import LASTS, THROWS, runnable
from tests.conformance.material import FOLDER, Outcome, outcome

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
LASTING = timedelta(seconds=10)
_MOST_MOMENTS = 500

# What betsy calls the outcomes, and what is seen of them here.
REFUSED, INCIDENT, UNCAUGHT, QUIET = "refused at deployment", "an incident", "an uncaught error", "no error"
_ACCEPTED: Mapping[str | None, frozenset[str]] = {
    None: frozenset({QUIET}),
    "runtime_error": frozenset({INCIDENT}),
    "any_error(deploy-or-runtime)": frozenset({REFUSED, INCIDENT}),
    "process_ends_with_uncaught_bpmn_error": frozenset({UNCAUGHT}),
}


def cases() -> Iterator[Outcome]:
    folder = FOLDER / "betsy"
    for test in json.loads((folder / "catalogue.json").read_text())["tests"]:
        diagram = runnable((folder / test["bpmn"]).read_bytes())
        for case in test["cases"]:
            resource = Resource(Path(test["bpmn"]).name, diagram)
            yield outcome(_name(test, case), partial(_play, test, case, resource))


def _name(test: Mapping[str, Any], case: Mapping[str, Any]) -> str:
    if len(test["cases"]) == 1:
        return f"{test['group']}/{test['name']}"
    variables = case["start_variables"]
    shown = ["test"] if "test" in variables else ["integerVariable"]
    return f"{test['group']}/{test['name']} ({', '.join(f'{name}={variables[name]}' for name in shown)})"


def _play(test: Mapping[str, Any], case: Mapping[str, Any], diagram: Resource) -> str:
    """Why the case fails; empty when it passes."""
    accepted = _ACCEPTED[case["expected_outcome"]]
    with Play(test["step_labels"]) as play:
        try:
            play.engine.deploy(diagram)
        except DeploymentRefused as refusal:
            return "" if REFUSED in accepted else f"refused: {refusal}"
        play.run(case["start_processes"], case["start_variables"], case["delay_seconds"])
        came, trace = play.outcome(), sorted(play.trace(wants_marker="MARKER" in case["expected_trace_multiset"]))
    expected = sorted(case["expected_trace_multiset"])
    if came not in accepted:
        return f"expected {' or '.join(sorted(accepted))}, came to {came}{play.told()}"
    if trace != expected:
        return f"expected [{', '.join(expected)}], passed [{', '.join(trace)}]"
    return ""


class Play:
    """One case under way. *labels*: the macro of each script task, by element id."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        self._labels = labels
        self._clock = VirtualClock(START)
        self._database = fresh_database()
        self._lasting: dict[str, datetime] = {}  # job ids, and when their ten seconds are over
        self._histories: list[History] = []
        self.engine: Engine = open_engine(self._database, self._clock)
        self.engine.handler(THROWS)(_throw)
        for macro in LASTS:
            self.engine.register_external(macro)

    def __enter__(self) -> Play:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.engine.close()
        shutil.rmtree(self._database.parent, ignore_errors=True)

    def run(self, keys: Sequence[str], variables: Mapping[str, Any], seconds: float) -> None:
        """Starts the processes *keys* and lets *seconds* pass, from one due time to the next."""
        for key in keys:
            self.engine.start(key, variables=variables)
        end = self._clock.now() + timedelta(seconds=seconds)
        self._settle()
        for _ in range(_MOST_MOMENTS):
            due = [*self._lasting.values(), *filter(None, [self.engine.next_due()])]
            moment = min((at for at in due if at <= end), default=None)
            if moment is None:
                break
            self._clock.move_to(max(moment, self._clock.now()))
            self._settle()
        else:
            raise AssertionError(f"More than {_MOST_MOMENTS} moments at which something is due.")
        instances = self.engine.read.instances(limit=1000).items
        self._histories = [self.engine.read.history(instance.id) for instance in instances]

    def outcome(self) -> str:
        if any(history.incidents for history in self._histories):
            return INCIDENT
        failed = any(history.instance.state is InstanceState.FAILED for history in self._histories)
        return UNCAUGHT if failed else QUIET

    def told(self) -> str:
        """What its incidents say."""
        messages = [incident.message for history in self._histories for incident in history.incidents]
        return f": {messages[0]}" if messages else ""

    def trace(self, wants_marker: bool) -> list[str]:
        """The labels that betsy's scripts would have logged."""
        found: list[str] = []
        lasted: dict[str, ActivityRecord] = {}
        for history in self._histories:
            for activity in history.activities:
                macro = self._labels.get(activity.element_id, "")
                if activity.outcome != "completed" or activity.kind == "multiInstanceBody":
                    continue
                if macro.startswith("SCRIPT_"):
                    found.append(macro.removeprefix("SCRIPT_"))
                elif macro == "INCREMENT_INTEGER_VARIABLE_AND_LOG":
                    found.append("INCREMENT")
                elif macro == "LOG_DATA" and _logged(history, activity) == "String":
                    found.append("DATA_CORRECT")
                elif macro == "CREATE_MARKER_FILE" and wants_marker and "MARKER" not in found:
                    found.append("MARKER")
                elif macro.startswith("CREATE_TIMESTAMP_LOG_"):
                    lasted[macro] = activity
        return [*found, "EXECUTION_PARALLEL"] if _overlap(list(lasted.values())) else found

    def _settle(self) -> None:
        """Does all that is due now."""
        while True:
            self.engine.work()
            now = self._clock.now()
            for job in self.engine.read.jobs(state=JobState.AVAILABLE):
                if job.type in LASTS:
                    self._lasting.setdefault(job.id, now + LASTING)
            over = [job_id for job_id, until in self._lasting.items() if until <= now]
            if not over:
                break
            for job_id in over:
                del self._lasting[job_id]
                if any(job.id == job_id for job in self.engine.read.jobs()):  # it may have been interrupted
                    self.engine.complete_job(job_id)


def _throw(job: Job) -> None:
    raise BpmnError("ERR_CODE")


def _logged(history: History, activity: ActivityRecord) -> Any:
    changes = [change for change in history.variable_changes if change.activity_id == activity.activity_id]
    return next((change.after for change in changes if change.name == "logged"), None)


def _overlap(lasted: Sequence[ActivityRecord]) -> bool:
    """Both were under way at one moment."""
    if len(lasted) != 2:
        return False
    (one, other) = lasted
    assert one.ended_at is not None
    assert other.ended_at is not None
    return one.entered_at < other.ended_at and other.entered_at < one.ended_at
