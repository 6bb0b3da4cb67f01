"""SpiffWorkflow and SpiffArena: spiffworkflow:* extension elements; expressions and scripts are Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from bpmn.correlation import CorrelationKey
from bpmn.dialects.base import Adapter, clean_script
from bpmn.dialects.languages import constant
from bpmn.document import Element
from bpmn.model import (
    Assignment,
    DecisionBinding,
    Dialect,
    EventDefinition,
    Expression,
    FlowNode,
    Form,
    JobBinding,
    Language,
    NodeKind,
    Script,
    UserTaskBinding,
)


class SpiffAdapter(Adapter):
    dialect: ClassVar[Dialect] = Dialect.SPIFF
    prefix: ClassVar[str] = "spiffworkflow:"
    data_goes_by_id: ClassVar[bool] = True

    def refine_event(self, element: Element, definition: EventDefinition) -> EventDefinition:
        """Payload and variable stand on the event definition or on the message, signal, ... it refers to."""
        target = self.document.resolve(definition.ref) if definition.ref else None
        payload, variable, bindings = None, None, dict[str, Expression]()
        for holder in (element, target):
            if holder is None:
                continue
            payload = payload or self._payload(holder)
            variable = variable or _text(holder, "spiffworkflow:messageVariable", "spiffworkflow:variableName")
            bindings = self._bindings(holder) | bindings
        return replace(
            definition,
            payload=payload or (),
            variable=variable,
            keys=tuple(_bound(key, bindings) for key in definition.keys),
        )

    def refine(self, element: Element, node: FlowNode) -> FlowNode:
        node = replace(
            super().refine(element, node),
            pre_script=self._extension_script(element, "spiffworkflow:preScript"),
            post_script=self._extension_script(element, "spiffworkflow:postScript"),
            scripts_on_instances=_has_scripts_on_instances(element),
            properties=_properties(element),
        )
        instructions = _text(element, "spiffworkflow:instructionsForEndUser")
        match node.kind:
            case NodeKind.SERVICE_TASK:
                return self._service(element, node)
            case NodeKind.BUSINESS_RULE_TASK:
                return self._rule(element, node)
            case NodeKind.USER_TASK if isinstance(node.binding, UserTaskBinding):
                return replace(
                    node, binding=replace(node.binding, form=_form(node.properties), instructions=instructions)
                )
            case NodeKind.MANUAL_TASK:
                return replace(node, binding=UserTaskBinding(instructions=instructions))
            case _:
                return node

    def _service(self, element: Element, node: FlowNode) -> FlowNode:
        operator = element.extension("spiffworkflow:serviceTaskOperator")
        if operator is None:
            return node
        parameters = operator.part("spiffworkflow:parameters")
        retry = operator.part("spiffworkflow:retry") or element.extension("spiffworkflow:retry")
        job = JobBinding(
            (operator.get("id"),),
            "serviceTaskOperator",
            retries=constant(retry.get("retries"), retry.line) if retry is not None and retry.get("retries") else None,
            parameters=tuple(
                self._parameter(part)
                for part in (parameters.parts("spiffworkflow:parameter") if parameters is not None else [])
            ),
            result_variable=operator.get("resultVariable") or None,
            retry_cycle=_backing_off(retry) if retry is not None else None,
        )
        return replace(node, binding=job)

    def _parameter(self, part: Element) -> Assignment:
        part.get("type")  # the editor's hint for its input field
        text = part.get("value")
        if not text:
            return Assignment(part.get("id"), Expression(Language.JSON, "null", part.line))
        return Assignment(part.get("id"), self.value(text, part.line))

    def _rule(self, element: Element, node: FlowNode) -> FlowNode:
        decision = _text(element, "spiffworkflow:calledDecisionId")
        if decision is None:
            return node
        return replace(node, binding=DecisionBinding(Expression(Language.LITERAL, decision, element.line)))

    def _payload(self, holder: Element) -> tuple[Assignment, ...]:
        """A whole payload is one assignment without a target."""
        for name in ("spiffworkflow:messagePayload", "spiffworkflow:payloadExpression"):
            payload = holder.extension(name)
            if payload is not None and payload.text.strip():
                return (Assignment("", self.value(payload.text, payload.line)),)
        return ()

    def _bindings(self, holder: Element) -> dict[str, Expression]:
        """By correlation property, its value in the process. One of a property that the message does not have counts
        for nothing, as in SpiffWorkflow; it is reported."""
        found: dict[str, Expression] = {}
        for correlation in holder.extensions("spiffworkflow:processVariableCorrelation"):
            named, expression = (correlation.part(f"spiffworkflow:{part}") for part in ("propertyId", "expression"))
            if named is not None and expression is not None and expression.text.strip():
                found[named.text.strip()] = self.value(expression.text, expression.line)
        return found

    def _extension_script(self, element: Element, name: str) -> Script | None:
        script = element.extension(name)
        if script is None or not script.text.strip():
            return None
        return Script(Language.PYTHON, clean_script(script.text), script.line)


def _bound(key: CorrelationKey, bindings: Mapping[str, Expression]) -> CorrelationKey:
    properties = (replace(each, binding=bindings.get(each.id, each.binding)) for each in key.properties)
    return replace(key, properties=tuple(properties))


def _form(properties: Mapping[str, str]) -> Form | None:
    schema, ui = properties.get("formJsonSchemaFilename"), properties.get("formUiSchemaFilename")
    return Form(json_schema=schema or None, ui_schema=ui or None) if schema or ui else None


def _has_scripts_on_instances(element: Element) -> bool:
    markers = element.all("multiInstanceLoopCharacteristics", "standardLoopCharacteristics")
    return any(marker.flag("spiffworkflow:scriptsOnInstances") for marker in markers)


def _backing_off(retry: Element) -> Expression | None:
    """A cycle whose intervals begin with the base, in seconds, and double."""
    base, times = retry.get("backoff_base"), retry.get("retries")
    if not base.isdecimal() or not 0 < len(base) < 7:
        return None
    count = int(times) - 1 if times.isdecimal() and 0 < len(times) < 3 else 2
    intervals = ",".join(f"PT{int(base) * 2 ** min(turn, 20)}S" for turn in range(max(count, 1)))
    return Expression(Language.LITERAL, intervals, retry.line)


def _text(element: Element, *names: str) -> str | None:
    for name in names:
        extension = element.extension(name)
        if extension is not None and extension.text.strip():
            return extension.text.strip()
    return None


def _properties(element: Element) -> Mapping[str, str]:
    return {
        entry.get("name"): entry.get("value")
        for holder in element.extensions("spiffworkflow:properties")
        for entry in holder.parts("spiffworkflow:property")
    }
