"""The one function that moves a process instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from SpiffWorkflow.util.task import TaskState

from bpmn.model import Process
from engine.commands import (
    Cancel,
    Command,
    CompleteActivity,
    Continue,
    Migrate,
    Modify,
    ReassignTask,
    RetryActivity,
    SetVariables,
    Start,
    ThrowError,
    ThrowEscalation,
    TriggerEvent,
)
from engine.errors import Conflict, InvalidInput, NotFound
from engine.events import BY_OPERATOR, Event, IncidentRaised, IncidentResolved, InstanceStarted, UserTaskClosed
from engine.interpreter.compiling import assign_local
from engine.interpreter.elements.call_activity import CallActivitySpec
from engine.interpreter.elements.flow_node import FlowNodeSpec
from engine.interpreter.elements.listeners import ListenersSpec
from engine.interpreter.elements.throwing import throw_error, throw_escalation
from engine.interpreter.elements.user_task import UserTaskSpec
from engine.interpreter.migrating import foreseen, migrated
from engine.interpreter.modifying import begin_at, modify, planned_beginnings
from engine.interpreter.program import Program
from engine.interpreter.snapshot import Changes, restore, take_changes
from engine.interpreter.stores import NoStores, Stores, StoresInUse
from engine.interpreter.token import Phase, Token
from engine.interpreter.workflow import LiveWorkflow
from engine.migration import Migration

STEP_LIMIT = 1_000_000
"""Steps of one command after which a token is parked with an incident: an endless loop in a diagram."""


class Instance:
    """A process instance in memory: its program, and its live workflow."""

    def __init__(self, workflow: LiveWorkflow, instance_id: str) -> None:
        self.id = instance_id
        self._workflow = workflow
        workflow.instance_id = instance_id

    @classmethod
    def new(cls, program: Program, instance_id: str) -> Instance:
        return cls(LiveWorkflow(program), instance_id)

    @classmethod
    def load(
        cls,
        program: Program,
        instance_id: str,
        parts: Mapping[int, Any],
        variables: Mapping[tuple[int, str], Any],
    ) -> Instance:
        """The instance as it was saved: *parts* and *variables* as `changes` gave them, put together."""
        return cls(restore(program, parts, variables), instance_id)

    @property
    def program(self) -> Program:
        return self._workflow.program

    @property
    def is_ended(self) -> bool:
        return self._workflow.is_ended

    def call_by(self, business_key: str | None) -> None:
        """The name that its users know the instance by, for expressions to ask."""
        self._workflow.business_key = business_key

    def changes(self) -> Changes:
        """What has changed since the last call, to be saved with the events."""
        return take_changes(self._workflow)

    def set_as_read(self, scope_id: int, name: str, value: Any) -> None:
        """A variable that was saved, as it would be read back: this instance may be gone on with in memory."""
        self._workflow.tasks[scope_id].data[name] = value

    def visible(self, activity_id: int) -> dict[str, Any]:
        """The variables that activity sees. Raises NotFound when it is not live."""
        token = self._workflow.tasks.get(activity_id)
        if token is None:
            raise NotFound(f"Activity {activity_id} is not active in instance {self.id}.")
        return token.seen()

    def local(self, activity_id: int) -> dict[str, Any]:
        """The variables of the activity itself and of the scope right around it: for an event attached to an
        activity, that activity's. Empty when it is not live."""
        token = self._workflow.tasks.get(activity_id)
        if token is None:
            return {}
        own, *around = token.scopes()[:2]
        return {**(around[0].data if around else {}), **own.data}

    def element_of(self, activity_id: int) -> str:
        """Where that activity stands. Raises Conflict when it does not wait any more."""
        return self._workflow.open_token(activity_id).spec.node.id

    def is_alone(self, activity_id: int) -> bool:
        """Whether only the end of this activity can move the instance on: no other token, no event it waits for."""
        tokens = self._workflow.tasks
        if (token := tokens.get(activity_id)) is None:
            return False
        at_joins = sum(map(len, self._workflow.joins.values())) if self._workflow.joins else 0
        return len(tokens) == len(token.scopes()) + at_joins

    def result(self) -> dict[str, Any]:
        """What the process gives its caller at the end: its data outputs, or all its variables where it has none."""
        variables, names = dict(self._workflow.root.data), self.program.process.outputs
        return variables if names is None else {name: variables[name] for name in names if name in variables}


def advance(instance: Instance, command: Command, stores: Stores | None = None) -> list[Event]:
    """Runs *instance* until every token waits; what happened, in order. *stores*: hands in the values of data stores.

    Deterministic: no I/O, no clock but the command's, no random numbers. Raises Conflict or NotFound
    when the command does not fit, and has then changed nothing.
    """
    workflow = instance._workflow
    if workflow.is_ended:
        raise Conflict(f"Process instance {instance.id} has ended.")
    workflow.command = command
    workflow.events = []
    workflow.stores = StoresInUse(stores or NoStores())
    _apply(workflow, command)
    _run(workflow)
    return workflow.events


def migrate(instance: Instance, target: Program, command: Migrate) -> tuple[Instance, list[Event]]:
    """The instance as it goes on in *target*, and what happened; *instance* itself is left as it was.

    Raises Conflict or ActivityFailed where that cannot be.
    """
    if instance._workflow.is_ended:
        raise Conflict(f"Process instance {instance.id} has ended.")
    workflow = migrated(instance._workflow, target, command)
    _run(workflow)
    return Instance(workflow, instance.id), workflow.events


def foresee(instance: Instance, target: Program, mapping: Mapping[str, str]) -> Migration:
    """What migrating would do."""
    return foreseen(instance._workflow, target, mapping)


def _run(workflow: LiveWorkflow) -> None:
    steps = 0
    while token := workflow.next_ready():
        steps += 1
        if steps > STEP_LIMIT:
            _park(workflow, token)
        else:
            workflow.run(token)


def _apply(workflow: LiveWorkflow, command: Command) -> None:
    match command:
        case Start():
            _start(workflow, command)
        case CompleteActivity(activity_id=activity_id):
            token = workflow.open_token(activity_id)
            token.spec.accept(token, command)
        case TriggerEvent(activity_id=activity_id):
            token = workflow.open_token(activity_id)
            token.spec.trigger(token, command)
        case ThrowError(activity_id=activity_id):
            token = _waiting(workflow, activity_id)
            _close_user_task(token)
            throw_error(token, command.code, command.message, command.variables)
        case ThrowEscalation(activity_id=activity_id):
            token = _waiting(workflow, activity_id)
            throw_escalation(token, command.code, command.variables)
        case ReassignTask(activity_id=activity_id):
            _reassign(workflow, activity_id, command.assignee)
        case SetVariables(scope_id=scope_id):
            _set_variables(workflow, scope_id, command.variables)
        case RetryActivity(activity_id=activity_id):
            _retry(workflow, activity_id)
        case Continue(activity_id=activity_id):
            _continue(workflow, activity_id)
        case Modify():
            modify(workflow, command)
        case Cancel():
            workflow.shut("cancelled", BY_OPERATOR, reason=command.reason)
        case _:
            raise TypeError(f"No such command: {type(command).__name__}")


def _start(workflow: LiveWorkflow, command: Start) -> None:
    if command.beginnings:
        _start_elsewhere(workflow, command)
        return
    starts = workflow.program.starts(command.start_event)
    start = starts[0]
    if command.start_event is None:
        _check_inputs(workflow.program.process, command.variables)
    workflow.emit(InstanceStarted(start.node.id))
    assign_local(workflow.root, workflow.root.spec.input_mappings)
    for name, value in _brought(start, command, workflow.root).items():
        workflow.set_local(workflow.root, name, value, 0)
    if start.node.initiator_variable:
        workflow.set_local(workflow.root, start.node.initiator_variable, command.initiator, 0)
    for event_start in workflow.root.spec.event_starts:
        event_start.arm(workflow.root)
    workflow.program.root.open(workflow.root, starts, has_come=command.start_event is not None)


def _start_elsewhere(workflow: LiveWorkflow, command: Start) -> None:
    placing = planned_beginnings(workflow, command.beginnings)
    workflow.emit(InstanceStarted(placing.begun[0][1].name))
    assign_local(workflow.root, workflow.root.spec.input_mappings)
    for name, value in command.variables.items():
        workflow.set_local(workflow.root, name, value, 0)
    for event_start in workflow.root.spec.event_starts:
        event_start.arm(workflow.root)
    begin_at(workflow, placing)


def _check_inputs(process: Process, variables: Mapping[str, Any]) -> None:
    missing = [f"'{each.name}'" for each in process.inputs if each.is_required and each.name not in variables]
    if missing:
        raise InvalidInput(
            f"Process '{process.key}' needs {', '.join(missing)} to start with. Give each as a variable, or make the "
            "data input optional in the diagram."
        )


def _brought(start: FlowNodeSpec, command: Start, root: Token) -> dict[str, Any]:
    """The variables that the starting event makes, or each of its triggers."""
    if command.start_event is None:
        return dict(command.variables)
    brought: dict[str, Any] = {}
    for part, payload in command.arrivals or ((0, command.variables),):
        start.learn(root, payload, part)
        brought |= start.received(payload, part)
    return brought


def _waiting(workflow: LiveWorkflow, activity_id: int) -> Token:
    """A token whose work goes on outside: only such a one can report an error."""
    token = workflow.open_token(activity_id)
    is_waiting = token._state == TaskState.STARTED
    if not is_waiting or (token.is_catcher and not isinstance(token.spec, ListenersSpec)):
        raise Conflict(f"Activity {activity_id} ('{token.spec.node.id}') is not being worked on.")
    return token


def _close_user_task(token: Token) -> None:
    if isinstance(token.spec, UserTaskSpec):
        token.memory.pop("task", None)
        token.workflow.emit(UserTaskClosed(token.id, "error"))


def _reassign(workflow: LiveWorkflow, activity_id: int, assignee: str | None) -> None:
    token = workflow.open_token(activity_id)
    if not isinstance(token.spec, UserTaskSpec):
        raise Conflict(f"Activity {activity_id} ('{token.spec.node.id}') is no user task.")
    token.spec.reassigned(token, assignee)


def _set_variables(workflow: LiveWorkflow, scope_id: int, variables: Mapping[str, Any]) -> None:
    owner = workflow.tasks.get(scope_id)
    if owner is None:
        raise NotFound(f"There is no live scope {scope_id} to set variables in.")
    for name, value in variables.items():
        workflow.set_local(owner, name, value, 0)


def _retry(workflow: LiveWorkflow, activity_id: int) -> None:
    token = workflow.open_token(activity_id)
    if workflow.conditions.ask_again(token):
        return
    if token._state != TaskState.ERROR:
        raise Conflict(f"Activity {activity_id} ('{token.spec.node.id}') has no open incident to retry.")
    workflow.emit(IncidentResolved(token.id))
    workflow.make_ready(token)


def _continue(workflow: LiveWorkflow, activity_id: int) -> None:
    token = workflow.open_token(activity_id)
    if isinstance(token.spec, CallActivitySpec) and token.spec.waits_for_result(token):
        workflow.make_ready(token)  # its call could not be made, and is made again
        return
    where = token.memory.pop("paused", None)
    if where is None:
        raise Conflict(f"Activity {activity_id} ('{token.spec.node.id}') does not wait at a save point.")
    token.memory["continued"] = where
    if where == "after":
        token.phase = Phase.OUTPUTS_MAPPED
    workflow.make_ready(token)


def _park(workflow: LiveWorkflow, token: Token) -> None:
    token._set_state(TaskState.ERROR)
    message = (
        f"The instance took {STEP_LIMIT:,} steps without waiting anywhere: probably a loop without an end. "
        "Correct its variables or the diagram, then retry to go on."
    )
    workflow.emit(IncidentRaised(token.id, token.spec.node.id, "loop", message, token.spec.node.line))
