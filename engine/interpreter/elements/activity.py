"""What all activities share: boundary events, scripts around the work, the result (10.3, 13.3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bpmn.model import FlowNode
from engine.commands import CompleteActivity
from engine.errors import Conflict
from engine.events import UNSET, ActivityCompleted
from engine.interpreter.compiling import assign_local
from engine.interpreter.elements.flow_node import FlowNodeSpec
from engine.interpreter.token import Phase, Token

if TYPE_CHECKING:
    from engine.interpreter.elements.boundary_event import BoundaryEventSpec
    from engine.interpreter.elements.event_subprocess import EventSubprocessStartSpec
    from engine.interpreter.program import Program


class ActivitySpec(FlowNodeSpec):
    """*boundary_events*: attached to it, in document order (empty inside a multi-instance body).
    *compensation_handler*, *compensation_start*: what undoes it when it has completed: the activity joined to
    its compensation boundary event, or the compensation event subprocess inside it. *undoing*: see
    `compensation.UndoingSpec`."""

    def __init__(self, program: Program, node: FlowNode, name: str | None = None) -> None:
        super().__init__(program, node, name)
        self.boundary_events: tuple[BoundaryEventSpec, ...] = ()
        self.compensation_handler: FlowNodeSpec | None = None
        self.compensation_start: EventSubprocessStartSpec | None = None
        self.undoing: FlowNodeSpec
        self.pre_script = self.compiler.script(node.pre_script) if node.pre_script else None
        self.post_script = self.compiler.script(node.post_script) if node.post_script else None

    def prepare(self, token: Token) -> None:
        assign_local(token, self.input_mappings)
        if self.pre_script:
            self.pre_script(token)
        for boundary in self.boundary_events:
            boundary.arm(token)

    def accept(self, token: Token, command: CompleteActivity) -> None:
        if token.phase >= Phase.EXECUTED or not self.waits_for_result(token):
            raise Conflict(f"'{self.node.id}' does not wait for a result now.")
        for name, value in command.local_variables.items():
            token.workflow.set_local(token, name, value, token.id)
        token.memory["result"] = dict(command.variables) if command.result is UNSET else command.result
        self.resume(token)

    def waits_for_result(self, token: Token) -> bool:
        return False

    @property
    def has_attached_events(self) -> bool:
        return bool(self.boundary_events)

    def write_result(self, token: Token) -> None:
        result = token.memory.get("result")
        if isinstance(result, (dict, Mapping)):
            self.write_variables(token, result)
        if self.post_script:
            self.post_script(token)

    def write_variables(self, token: Token, values: Mapping[str, object]) -> None:
        """With isolating outputs the values stay local, for the output mappings to carry on."""
        if self.output_mappings and self.node.outputs_isolate:
            for name, value in values.items():
                token.workflow.set_local(token, name, value, token.id)
        else:
            token.workflow.set_variables(token, values)

    def record_completion(self, token: Token) -> None:
        for catcher in token.inner_tokens:
            catcher.spec.stop_waiting(catcher)
        inputs = {
            name: token.data[name]
            for target, _ in self.input_mappings
            if (name := target.partition(".")[0]) in token.data
        }
        result = token.memory.get("result")
        outputs = None if result is None else result if isinstance(result, (dict, Mapping)) else {"result": result}
        if self.data:
            inputs |= self.data.taken(token)
            outputs = {**(outputs or {}), **self.data.given(token)}
        token.workflow.emit(ActivityCompleted(token.id, self.node.id, inputs or None, outputs or None))
        self._keep_record(token)

    def _keep_record(self, token: Token) -> None:
        """So that it can be undone later, by its handler or by those of what happened inside it."""
        inner = token.memory.get("done")
        if self.compensation_handler or self.compensation_start or inner:
            container = token.container
            container.memory.setdefault("done", []).append([self.name, token.id, dict(token.data), inner or []])
            token.workflow.touch(container)
