"""Activities that wait for their data: none of their input sets is available yet (10.4.2, 13.3.2).

They go on as soon as the data is there. When nothing else in the instance is under way that could bring it, an
incident says what is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from SpiffWorkflow.util.task import TaskState

from bpmn.data import DataEnd
from engine.events import IncidentRaised, IncidentResolved
from engine.interpreter.errors import ActivityFailed
from engine.interpreter.token import Token

if TYPE_CHECKING:
    from engine.interpreter.workflow import LiveWorkflow

_LACKS = "lacks"


class Lacking:
    """*waiting*: the ids of the tokens that wait for their data."""

    def __init__(self, workflow: LiveWorkflow) -> None:
        self._workflow = workflow
        self.waiting: set[int] = set()
        self.is_due = False

    def wait(self, token: Token, missing: list[DataEnd]) -> None:
        """Raises ActivityFailed where a data store lacks: nothing in this instance tells of its next value."""
        for end in missing:
            if end.store is not None:
                raise ActivityFailed(
                    "data",
                    f"Data store '{end.store.label}', which '{token.spec.node.id}' reads, has no value. Give it one "
                    f"(fermata data set '{end.store.key}' VALUE), then retry.",
                    token.spec.node.line,
                )
        token.memory[_LACKS] = [end.name for end in missing]
        self.waiting.add(token.id)

    def go_on(self, token: Token) -> None:
        """The data of *token* is there."""
        if token.memory.pop(_LACKS, None) is not None:
            self.waiting.discard(token.id)

    def restore(self, token: Token) -> None:
        if _LACKS in token.memory:
            self.waiting.add(token.id)

    def forget(self, token: Token) -> None:
        self.waiting.discard(token.id)

    def variable_changed(self) -> None:
        self.is_due = bool(self.waiting)

    def look_again(self) -> None:
        """Lets those go on whose data has come."""
        self.is_due = False
        for token in self._tokens():
            data = token.spec.data
            if data is None or data.missing(token):
                continue
            if token._state == TaskState.ERROR:
                self._workflow.emit(IncidentResolved(token.id))
            self._workflow.make_ready(token)

    def report(self) -> None:
        """An incident for each that waits when nothing else could go on."""
        if not self.waiting or self._is_anything_else_under_way():
            return
        for token in self._tokens():
            if token._state == TaskState.STARTED:
                token._set_state(TaskState.ERROR)
                node = token.spec.node
                names = ", ".join(f"'{name}'" for name in token.memory[_LACKS])
                message = (
                    f"'{node.name or node.id}' needs data that has no value: {names}. Set the variable to go on, or "
                    "make the input optional in the diagram."
                )
                self._workflow.emit(IncidentRaised(token.id, node.id, "data", message, node.line))

    def _tokens(self) -> list[Token]:
        return [self._workflow.tasks[each] for each in sorted(self.waiting) if each in self._workflow.tasks]

    def _is_anything_else_under_way(self) -> bool:
        """Tokens that wait at a gateway for others bring nothing."""
        return any(
            token.is_entered and token.is_open and not token.is_catcher and not token.open_children
            for token in self._workflow.tasks.values()
            if token.id not in self.waiting
        )
