"""Modification: tokens are taken away and others begin, by hand. All is planned before anything changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.commands import Modify
from engine.errors import Conflict, InvalidInput, NotFound
from engine.events import BY_OPERATOR, InstanceModified
from engine.interpreter.beginning import begin_all, keep_beginnings
from engine.interpreter.elements.compensation import UndoingSpec
from engine.interpreter.elements.listeners import ListenersSpec
from engine.interpreter.elements.looping import BodySpec, MultiInstanceSpec
from engine.interpreter.elements.process import ProcessRootSpec
from engine.interpreter.elements.subprocess import SubprocessSpec
from engine.interpreter.placing import Placing
from engine.interpreter.program import Program
from engine.interpreter.token import Token
from engine.interpreter.waiting_joins import check_joins
from engine.interpreter.workflow import LiveWorkflow
from engine.modification import Beginning, CancelActivity, CancelElement, Move, StartBefore, described


def modify(workflow: LiveWorkflow, command: Modify) -> None:
    """Raises Conflict, InvalidInput or NotFound; then nothing has changed."""
    plan = _planned(workflow, command)
    before = standing(workflow)
    workflow.emptied = {}
    try:
        for token in plan.to_cancel:
            if token.id in workflow.tasks:
                _cancel(workflow, token)
        _begin(workflow, plan.placing)
        after = standing(workflow)
        instructions = tuple(described(each) for each in command.instructions)
        workflow.events.insert(0, InstanceModified(instructions, before, after, command.reason))
        _leave_emptied(workflow, command.reason)
    finally:
        workflow.emptied = None


def planned_beginnings(workflow: LiveWorkflow, beginnings: tuple[Beginning, ...]) -> Placing:
    """Where a new instance begins instead of at a start event. Raises InvalidInput or Conflict."""
    placing = Placing(workflow, {})
    for each in beginnings:
        placing.place(each)
    check_joins(workflow, {}, placing)
    return placing


def begin_at(workflow: LiveWorkflow, placing: Placing) -> None:
    """Begins there, once the listeners to the start of the process have been told."""
    root = workflow.root.spec
    assert isinstance(root, ProcessRootSpec)
    _set_variables(workflow, placing)
    keep_beginnings(workflow.root, [begin.kept() for _, begin in placing.begun])
    root.tell_of_start(workflow.root)


def standing(workflow: LiveWorkflow) -> tuple[tuple[int, str], ...]:
    """Where tokens stand: (activity id, element id) of all that nothing stands in."""
    return tuple((token.id, token.spec.node.id) for token in _leaves(workflow))


@dataclass(slots=True)
class _Plan:
    """*cancelled*: the ids of all tokens that go."""

    placing: Placing
    to_cancel: list[Token] = field(default_factory=list[Token])
    cancelled: dict[int, None] = field(default_factory=dict[int, None])

    def cancel(self, token: Token) -> None:
        if token.id not in self.cancelled:
            self.to_cancel.append(token)
            self.cancelled.update(dict.fromkeys(each.id for each in token._subtree()))


def _planned(workflow: LiveWorkflow, command: Modify) -> _Plan:
    if not command.instructions:
        raise InvalidInput("The modification says nothing. Give at least one instruction.")
    cancelled: dict[int, None] = {}
    plan = _Plan(Placing(workflow, cancelled), cancelled=cancelled)
    beginnings: list[tuple[Beginning, Token | None]] = []
    for each in command.instructions:
        match each:
            case CancelActivity(activity_id=activity_id):
                plan.cancel(_activity(workflow, activity_id))
            case CancelElement(element_id=element_id):
                for token in _tokens_at(workflow, element_id):
                    plan.cancel(token)
            case Move(from_element=from_element, to_element=to_element):
                for token in _tokens_at(workflow, from_element):
                    plan.cancel(token)
                    beginnings.append((StartBefore(to_element), token))
            case _:
                beginnings.append((each, None))
    for beginning, near in beginnings:
        plan.placing.place(beginning, near)
    check_joins(workflow, cancelled, plan.placing)
    _check_end(workflow, plan, command)
    return plan


def _activity(workflow: LiveWorkflow, activity_id: int) -> Token:
    token = workflow.tasks.get(activity_id)
    if token is None or not _is_activity(token):
        raise NotFound(f"There is no activity {activity_id} to cancel in instance {workflow.instance_id}.")
    return token


def _tokens_at(workflow: LiveWorkflow, element_id: str) -> list[Token]:
    _check_known(workflow.program, element_id)
    spec = workflow.program.spec_of(element_id)
    tokens = [token for token in workflow.tasks.values() if token.spec is spec and _is_activity(token)]
    if not tokens:
        raise Conflict(f"No token of instance {workflow.instance_id} stands at '{element_id}'.")
    return tokens


def _check_known(program: Program, element_id: str) -> None:
    if not program.has(element_id):
        raise InvalidInput(f"Process '{program.process.key}' has no element '{element_id}' where a token could stand.")


def _is_activity(token: Token) -> bool:
    is_other = token.is_catcher or isinstance(token.spec, ListenersSpec | UndoingSpec)
    return token.id != 0 and token.is_open and not is_other


def _check_end(workflow: LiveWorkflow, plan: _Plan, command: Modify) -> None:
    goes_on = any(token.id not in plan.cancelled for token in _leaves(workflow))
    if not goes_on and not plan.placing.begun and not command.may_end:
        raise Conflict(
            f"Instance {workflow.instance_id} would end by that, but another one has called it and waits for it. "
            "Cancel or modify that one."
        )


def _leaves(workflow: LiveWorkflow) -> Iterator[Token]:
    for token in workflow.tasks.values():
        if _is_activity(token) and not any(_is_activity(inner) for inner in token.inner_tokens):
            yield token


def _cancel(workflow: LiveWorkflow, token: Token) -> None:
    container = token.container
    workflow.withdraw(token, BY_OPERATOR)
    if isinstance(container.spec, MultiInstanceSpec):
        container.spec.drop_instance(container)


def _begin(workflow: LiveWorkflow, placing: Placing) -> None:
    _set_variables(workflow, placing)
    for container, begin in placing.begun:
        begin_all(container, [begin.kept()])


def _set_variables(workflow: LiveWorkflow, placing: Placing) -> None:
    for writer, variables in placing.variables:
        for name, value in variables.items():
            workflow.set_variable_from(writer, name, value, 0)


def _leave_emptied(workflow: LiveWorkflow, reason: str) -> None:
    """Scopes that have lost all that stood in them are cancelled, too; the innermost first."""
    while workflow.emptied:
        container_id, _ = workflow.emptied.popitem()
        container = workflow.tasks.get(container_id)
        if container is None or not container.is_open or container.open_children:
            continue
        if container_id == 0:
            workflow.shut("cancelled", BY_OPERATOR, reason=reason)
            return
        if _has_result(container):
            container.spec.drained(container)
        else:
            _cancel(workflow, container)


def _has_result(container: Token) -> bool:
    """Whether *container* goes on although its last token was cancelled: a compensation with its next handler, a
    multi-instance activity with what its other instances have brought."""
    if isinstance(container.spec, MultiInstanceSpec):
        return container.memory["completed"] > 0
    return not isinstance(container.spec, SubprocessSpec | BodySpec)
