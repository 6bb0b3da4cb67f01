"""Compensation (10.7, 13.5.5): undoing what has completed, the latest first, with the variables as they were.

When an activity completes that something can undo, its scope keeps a record of it: [element id, activity id,
local variables, records inside it]. A compensating token takes the records that it is to undo and runs their
handlers one after the other, as tokens inside itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bpmn.model import EventKind
from engine.interpreter.elements.activity import ActivitySpec
from engine.interpreter.elements.flow_node import FlowNodeSpec
from engine.interpreter.elements.throw_event import ThrowEventSpec
from engine.interpreter.token import Phase, Token

if TYPE_CHECKING:
    from engine.interpreter.program import Program

Record = list[Any]


def take_records(scope: Token, element_id: str | None) -> list[Record]:
    """The records of *scope*, or only those of one element, removed from it: each is undone once."""
    kept: list[Record] = scope.memory.get("done", [])
    taken = [record for record in kept if element_id in (None, scope.workflow.program.spec_named(record[0]).node.id)]
    scope.memory["done"] = [record for record in kept if record not in taken]
    scope.workflow.touch(scope)
    return taken


def undo_next(token: Token) -> bool:
    """Starts the handler of the latest record that *token* still has; False when there is none."""
    while queue := token.memory.get("undo"):
        spec_name, _, variables, inner = queue.pop()
        token.workflow.touch(token)
        spec = token.workflow.program.spec_named(spec_name)
        assert isinstance(spec, ActivitySpec)
        if spec.compensation_handler is not None:
            handler = token.workflow.enter(spec.compensation_handler, token)
            handler.data.update(variables)
            token.workflow.save_locals(handler)
            return True
        if spec.compensation_start is not None or inner:
            scope = token.workflow.place(spec.undoing, token)
            scope.data.update(variables)
            token.workflow.save_locals(scope)
            scope.memory["undo"] = inner
            token.workflow.make_ready(scope)
            return True
    return False


class UndoingSpec(FlowNodeSpec):
    """A completed subprocess while what happened in it is undone, its variables as they were. It is no visit
    of the subprocess, so it is not recorded as one."""

    def __init__(self, program: Program, subprocess: ActivitySpec) -> None:
        super().__init__(program, subprocess.node, name=f"{subprocess.name} (undoing)")
        self.input_mappings = self.output_mappings = ()
        self.subprocess = subprocess

    def execute(self, token: Token) -> bool:
        start = self.subprocess.compensation_start
        if start is not None:
            token.memory["done"] = token.memory.pop("undo")  # for a throw in the handler to undo
            start.fire(token, {})
            return False
        return not undo_next(token)

    def drained(self, token: Token) -> None:
        if token.phase < Phase.EXECUTED and not undo_next(token):
            self.resume(token)

    def record_completion(self, token: Token) -> None:
        """Nothing is recorded of it."""


class CompensationThrowSpec(ThrowEventSpec):
    """Compensation throw or end event: undoes one activity, or all of its scope, and then goes on."""

    throws = True

    def execute(self, token: Token) -> bool:
        scope = token.container
        if scope.spec.node.is_event_subprocess and not scope.memory.get("done"):
            scope = scope.container  # a handler in an event subprocess undoes what the scope around it did
        token.memory["undo"] = take_records(scope, self.event.activity)
        return not undo_next(token)

    def drained(self, token: Token) -> None:
        if token.phase < Phase.EXECUTED and not undo_next(token):
            self.resume(token)


class CancelEndSpec(ThrowEventSpec):
    """Cancel end event (13.5.3): ends a transaction, undoes it, and leaves by its cancel boundary event."""

    throws = True

    def execute(self, token: Token) -> bool:
        transaction = self._transaction(token)
        for inner in reversed(transaction.inner_tokens):
            if not inner.is_catcher and not any(scope is inner for scope in token.scopes()):
                token.workflow.withdraw(inner, self.node.id)
        token.memory["undo"] = take_records(transaction, None)
        if undo_next(token):
            return False
        self._leave(token)
        return False

    def drained(self, token: Token) -> None:
        if token.phase < Phase.EXECUTED and not undo_next(token):
            self._leave(token)

    def _leave(self, token: Token) -> None:
        self.record_completion(token)
        transaction = self._transaction(token)
        assert isinstance(transaction.spec, ActivitySpec)
        for boundary in transaction.spec.boundary_events:
            if boundary.event.kind is EventKind.CANCEL:
                boundary.fire(transaction, {})
                return
        token.workflow.withdraw(transaction, self.node.id)

    def _transaction(self, token: Token) -> Token:
        return next(scope for scope in token.scopes() if scope.spec.kind == "transaction")
