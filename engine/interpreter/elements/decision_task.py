"""Business rule task that calls a DMN decision (10.3.3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bpmn.model import DecisionBinding, FlowNode
from engine.events import DecisionEvaluated
from engine.interpreter.compiling import text_of
from engine.interpreter.elements.activity import ActivitySpec
from engine.interpreter.errors import ActivityFailed
from engine.interpreter.token import Token

if TYPE_CHECKING:
    from engine.interpreter.program import Program


class DecisionTaskSpec(ActivitySpec):
    def __init__(self, program: Program, node: FlowNode, name: str | None = None) -> None:
        super().__init__(program, node, name)
        assert isinstance(node.binding, DecisionBinding)
        self.binding = node.binding
        self.decision = self.compiler.expression(node.binding.decision)
        self.version = self.compiler.optional(node.binding.version)

    def execute(self, token: Token) -> bool:
        decision_id = text_of(self.decision(token)) or ""
        version = text_of(self.version(token)) if self.version else None
        try:
            outcome = self.program.services.decide(
                decision_id, self.binding.version_binding, version, token.variables, token.workflow.now
            )
        except ActivityFailed as failure:
            raise ActivityFailed(failure.kind, failure.message, failure.line or self.node.line) from failure
        token.workflow.emit(
            DecisionEvaluated(
                *(token.id, self.node.id, decision_id),
                inputs=dict(outcome.inputs),
                result=outcome.value,
                rules=outcome.rules,
                required=outcome.required,
            )
        )
        value = shape(outcome.value, self.binding.mapping, outcome.output or decision_id, self.node.line)
        if self.binding.result_variable:
            token.memory["result"] = {self.binding.result_variable: value}
        elif isinstance(value, dict):
            token.memory["result"] = value
        else:
            token.memory["result"] = {decision_id: value}
        return True


def shape(value: Any, mapping: str, output: str, line: int) -> Any:
    """The decision's result as the diagram wants it (camunda:mapDecisionResult); 'raw' leaves it.

    A rule's result is one value where the table has one *output*, else a dict by output name.
    """
    if mapping == "raw":
        return value
    rules = value if isinstance(value, list) else [] if value is None else [value]
    if mapping == "resultList":
        return [rule if isinstance(rule, dict) else {output: rule} for rule in rules]
    if mapping == "collectEntries":
        return [_only_entry(rule, line) for rule in rules]
    if len(rules) > 1:
        raise ActivityFailed("decision", f"The decision gave {len(rules)} results where {mapping} expects one.", line)
    if not rules:
        return None
    if mapping == "singleEntry":
        return _only_entry(rules[0], line)
    return rules[0] if isinstance(rules[0], dict) else {output: rules[0]}


def _only_entry(rule: Any, line: int) -> Any:
    if not isinstance(rule, dict):
        return rule
    if len(rule) != 1:
        names = ", ".join(rule)
        raise ActivityFailed("decision", f"The decision has {len(rule)} outputs where one is expected: {names}.", line)
    return next(iter(rule.values()))
