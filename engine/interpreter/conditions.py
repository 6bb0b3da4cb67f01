"""Conditional events that wait: which of them a change of variables concerns, and whether their conditions hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpmn.variable_filter import CREATE, UPDATE
from engine.commands import TriggerEvent
from engine.events import IncidentRaised, IncidentResolved
from engine.interpreter.errors import ActivityFailed
from engine.interpreter.token import Token

if TYPE_CHECKING:
    from engine.interpreter.workflow import LiveWorkflow

FAILED = "condition_failed"


class Conditions:
    """*watching*: the ids of the tokens that wait for a condition. Each is asked as it begins to wait, and after
    every change that it can see and that its filter lets through. *are_due*: some may have to be asked."""

    def __init__(self, workflow: LiveWorkflow) -> None:
        self._workflow = workflow
        self.watching: set[int] = set()
        self.are_due = False
        self._begun: set[int] = set()
        self._changes: list[tuple[int, str, str]] = []

    def watch(self, token: Token) -> None:
        self.watching.add(token.id)
        self._begun.add(token.id)
        self.are_due = True

    def forget(self, token: Token) -> None:
        self.watching.discard(token.id)

    def variable_changed(self, scope_id: int, name: str, is_new: bool) -> None:
        if self.watching:
            self._changes.append((scope_id, name, CREATE if is_new else UPDATE))
            self.are_due = True

    def fire(self) -> None:
        """Triggers the events that are concerned and whose condition holds."""
        tasks, begun, changes = self._workflow.tasks, self._begun, self._changes
        self._begun, self._changes, self.are_due = set(), [], False
        concerned = [
            each for each in sorted(self.watching) if each in tasks and (each in begun or _sees(tasks[each], changes))
        ]
        for token in [tasks[each] for each in concerned]:
            if token.id in tasks and token.memory.get("waits") == "conditional" and self._holds(token):
                token.spec.trigger(token, TriggerEvent(at=self._workflow.now, activity_id=token.id))

    def ask_again(self, token: Token) -> bool:
        """Somebody retries what an incident has stopped; False where no condition had failed."""
        if FAILED not in token.memory:
            return False
        resolve(token)
        self._begun.add(token.id)
        self.are_due = True
        return True

    def _holds(self, token: Token) -> bool:
        """A condition over variables that are not there yet does not hold. One that fails otherwise is an incident,
        until it is asked and does not fail; the event waits on meanwhile."""
        condition = token.spec.catch_of(token).condition
        try:
            holds = condition is not None and condition(token)
        except ActivityFailed as failure:
            if failure.is_missing_variable:
                return False
            self._raise(token, failure)
            return False
        resolve(token)
        return holds

    def _raise(self, token: Token, failure: ActivityFailed) -> None:
        if token.memory.get(FAILED) == failure.message:
            return
        resolve(token)
        token.memory[FAILED] = failure.message
        self._workflow.touch(token)
        node = token.spec.node
        self._workflow.emit(IncidentRaised(token.id, node.id, failure.kind, failure.message, failure.line or node.line))


def resolve(token: Token) -> None:
    """The condition of *token* is not failing any more, if it was."""
    if token.memory.pop(FAILED, None) is not None:
        token.workflow.touch(token)
        token.workflow.emit(IncidentResolved(token.id))


def _sees(token: Token, changes: list[tuple[int, str, str]]) -> bool:
    if not changes:
        return False
    scopes = {scope.id for scope in token.scopes()}
    allowed = token.spec.catch_of(token).event.filter
    return any(
        scope_id in scopes and (allowed is None or allowed.lets_through(name, change))
        for scope_id, name, change in changes
    )
