"""A diagram in a few lines and an instance of it in memory: what the interpreter's tests are told with."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from bpmn.reader import read_bpmn
from engine import commands, events
from engine.evaluation import services
from engine.interpreter import Instance, Program, advance
from engine.interpreter.stores import Stores

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
_HEAD = (
    '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"{}>'
)
_ZEEBE = ' xmlns:zeebe="http://camunda.org/schema/zeebe/1.0"'
_SPIFF = ' xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core"'
_CAMUNDA = (
    ' xmlns:camunda="http://camunda.org/schema/1.0/bpmn" xmlns:modeler="http://camunda.org/schema/modeler/1.0" '
    'modeler:executionPlatform="Camunda Platform"'
)


def no_decision(*_: object) -> Any:
    raise AssertionError("no decision is expected here")


def program(body: str, *paths: str, definitions: str = "", decide: Any = no_decision) -> Program:
    """*body*: flow nodes as XML. *paths*: flows like 'Start Task End'; 'A ?x>1? B' is a condition.

    The dialect is Camunda 8's or SpiffWorkflow's where its prefix is used, else Camunda 7's."""
    process = f'{definitions}<process id="p" isExecutable="true">{body}{flows(*paths)}</process></definitions>'
    dialect = _ZEEBE if "zeebe:" in process else _SPIFF if "spiffworkflow:" in process else _CAMUNDA
    xml = _HEAD.format(dialect) + process
    model, findings = read_bpmn(xml.encode(), "story.bpmn")
    problems = [str(finding) for finding in findings if finding.severity == "error"]
    assert not problems, problems
    assert model is not None
    return Program(model.processes[0], services(decide))


def flows(*paths: str) -> str:
    """Sequence flows with the ids Source_Target."""
    xml: list[str] = []
    for path in paths:
        steps = path.split()
        source = steps[0]
        condition = ""
        for step in steps[1:]:
            if step.startswith("?"):
                text = step.strip("?").replace("<", "&lt;")
                condition = f'<conditionExpression xsi:type="tFormalExpression">{text}</conditionExpression>'
                continue
            xml.append(
                f'<sequenceFlow id="{source}_{step}" sourceRef="{source}" targetRef="{step}">{condition}</sequenceFlow>'
            )
            source, condition = step, ""
    return "".join(xml)


class Story:
    """One instance; *saves*: between any two commands it is saved and loaded afresh. *stores*: its data stores."""

    stores: Stores | None = None

    def __init__(self, program: Program, *, saves: bool = True, **variables: Any) -> None:
        self.program = program
        self.saves = saves
        self.now = NOW
        self.log: list[events.Event] = []
        self.parts: dict[int, Any] = {}
        self.stored: dict[tuple[int, str], Any] = {}
        self.instance = Instance.new(program, "i")
        self.do(commands.Start, variables=variables)

    def do(self, command: type[commands.Command], **data: Any) -> list[events.Event]:
        if self.saves and self.parts:
            self.instance = Instance.load(self.program, "i", deepcopy(self.parts), dict(self.stored))
        happened = advance(self.instance, command(at=self.now, **data), self.stores)
        self.log += happened
        if command is commands.TriggerEvent:
            self.log.append(events.TimerStopped(data["activity_id"], "fired"))
        changes = self.instance.changes()
        _apply(self.parts, changes.parts, None)
        _apply(self.stored, changes.variables, events.UNSET)
        return happened

    def complete(self, element_id: str, nth: int = 0, **variables: Any) -> list[events.Event]:
        return self.do(commands.CompleteActivity, activity_id=self.waiting_ids(element_id)[nth], variables=variables)

    def error(self, element_id: str, code: str, **variables: Any) -> None:
        self.do(commands.ThrowError, activity_id=self.waiting_ids(element_id)[0], code=code, variables=variables)

    def trigger(self, element_id: str, **variables: Any) -> None:
        """The timer, message or signal that *element_id* waits for comes."""
        self.do(commands.TriggerEvent, activity_id=self.open_catchers()[element_id], variables=variables)

    def advance(self, **by: float) -> None:
        """Moves the clock and fires the timers that are due, in their order."""
        end = self.now + timedelta(**by)
        while due := sorted((timer.due_at, timer.activity_id) for timer in self.timers() if timer.due_at <= end):
            self.now = max(self.now, due[0][0])
            self.do(commands.TriggerEvent, activity_id=due[0][1])
        self.now = end

    # what can be seen

    def of(self, kind: type[events.Event]) -> list[Any]:
        return [event for event in self.log if isinstance(event, kind)]

    @property
    def path(self) -> list[str]:
        return [event.element_id for event in self.of(events.ActivityEntered) if event.kind != "multiInstanceBody"]

    @property
    def passed(self) -> Counter[str]:
        return Counter(event.element_id for event in self.of(events.ActivityCompleted))

    @property
    def outcome(self) -> str | None:
        ended = self.of(events.InstanceEnded)
        assert len(ended) < 2, "an instance ends once"
        return ended[0].outcome if ended else None

    @property
    def variables(self) -> dict[str, Any]:
        return {name: value for (scope, name), value in self.stored.items() if scope == 0}

    @property
    def incidents(self) -> list[Any]:
        resolved = Counter(event.activity_id for event in self.of(events.IncidentResolved))
        raised = self.of(events.IncidentRaised)
        return [
            event
            for event in raised
            if Counter(e.activity_id for e in raised)[event.activity_id] > resolved[event.activity_id]
        ]

    def timers(self) -> list[events.TimerStarted]:
        gone = {event.activity_id for event in self.of(events.TimerStopped)}
        return [event for event in self.of(events.TimerStarted) if event.activity_id not in gone]

    def open_catchers(self) -> dict[str, int]:
        closed = {event.activity_id for event in self.of(events.SubscriptionClosed)}
        waiting = [*self.timers(), *(e for e in self.of(events.SubscriptionOpened) if e.activity_id not in closed)]
        return {event.element_id: event.activity_id for event in waiting}

    def waiting_ids(self, element_id: str) -> list[int]:
        """The open activity instances of a task element, oldest first."""
        ended = {e.activity_id for e in (*self.of(events.ActivityCompleted), *self.of(events.ActivityCancelled))}
        entered = [e for e in self.of(events.ActivityEntered) if e.kind != "multiInstanceBody"]
        return [e.activity_id for e in entered if e.element_id == element_id and e.activity_id not in ended]

    @property
    def waiting_at(self) -> list[str]:
        ended = {e.activity_id for e in (*self.of(events.ActivityCompleted), *self.of(events.ActivityCancelled))}
        bodies = {e.parent_id for e in self.of(events.ActivityEntered)}
        return [e.element_id for e in self.of(events.ActivityEntered) if e.activity_id not in ended | bodies]


def _apply(target: dict[Any, Any], changes: dict[Any, Any], gone: Any) -> None:
    for key, value in changes.items():
        if value is gone:
            target.pop(key, None)
        else:
            target[key] = deepcopy(value)
