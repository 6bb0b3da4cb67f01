"""Camunda 8: zeebe:* extension elements; '=' begins a FEEL expression, all else is fixed text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Final

from bpmn.answer import Answer
from bpmn.dialects.base import LISTENER_EVENT, Adapter
from bpmn.dialects.filters import listed, read_filter
from bpmn.dialects.languages import constant
from bpmn.document import Element
from bpmn.model import (
    Assignment,
    CallBinding,
    DecisionBinding,
    Dialect,
    EventDefinition,
    EventKind,
    Expression,
    FlowNode,
    Form,
    JobBinding,
    Language,
    Listener,
    MultiInstance,
    NodeKind,
    Process,
    Script,
    ScriptBinding,
    UserTaskBinding,
)
from bpmn.variable_filter import VariableFilter

_EMBEDDED_FORM: Final = "camunda-forms:bpmn:"
_OF_CONNECTORS: Final = ("resultExpression", "errorExpression", "retryBackoff", "jobTimeout")
_TASK_EVENTS: Final = {
    "creating": "create",
    "assigning": "assignment",
    "updating": "update",
    "completing": "complete",
    "canceling": "delete",
}


class ZeebeAdapter(Adapter):
    dialect: ClassVar[Dialect] = Dialect.CAMUNDA8
    prefix: ClassVar[str] = "zeebe:"
    data_is_drawn_only: ClassVar[bool] = True
    default_language: ClassVar[Language] = Language.LITERAL

    def value(self, text: str, line: int) -> Expression:
        text = text.strip()
        if text.startswith("="):
            return Expression(Language.FEEL, text[1:].strip(), line)
        return Expression(Language.LITERAL, text, line)

    def value_or_text(self, text: str, line: int) -> Expression:
        return self.value(text, line)

    def timer_value(self, element: Element) -> Expression | None:
        return self.value(element.text, element.line) if element.text.strip() else None

    def refine_process(self, element: Element, process: Process) -> Process:
        tag = element.extension("zeebe:versionTag")
        forms = {form.get("id"): form.text.strip() for form in element.extensions("zeebe:userTaskForm")}
        return replace(
            process,
            version_tag=tag.get("value") or None if tag else None,
            embedded_forms=forms,
            listeners=self._listeners(element),
        )

    def refine_event(self, element: Element, definition: EventDefinition) -> EventDefinition:
        if definition.kind is EventKind.CONDITIONAL:
            return replace(definition, filter=self._filter(element))
        if definition.kind is not EventKind.MESSAGE or definition.ref is None:
            return definition
        message = self.document.resolve(definition.ref)
        subscription = message.extension("zeebe:subscription") if message is not None else None
        if subscription is None or not subscription.get("correlationKey"):
            return definition
        key = self.value(subscription.get("correlationKey"), subscription.line)
        return replace(definition, correlation_key=key)

    def _filter(self, element: Element) -> VariableFilter | None:
        written = element.extension("zeebe:conditionalFilter")
        if written is None:
            return None
        names, changes = listed(written.get("variableNames")), listed(written.get("variableEvents"))
        return read_filter(self, written, names, changes)

    def refine_loop(self, element: Element, loop: MultiInstance) -> MultiInstance:
        zeebe = element.extension("zeebe:loopCharacteristics")
        if zeebe is None:
            return loop
        return replace(
            loop,
            collection=self._attribute(zeebe, "inputCollection"),
            element_variable=zeebe.get("inputElement") or None,
            output_collection=zeebe.get("outputCollection") or None,
            output_element=self._attribute(zeebe, "outputElement"),
        )

    def refine(self, element: Element, node: FlowNode) -> FlowNode:
        inputs, outputs = self._mappings(element)
        node = replace(
            node,
            inputs=inputs,
            outputs=outputs,
            outputs_isolate=bool(outputs),
            listeners=self._listeners(element),
            job_priority=self._priority(element),
            properties=_properties(element),
        )
        if node.kind is NodeKind.AD_HOC:
            return self._ad_hoc(element, node)
        if node.kind is NodeKind.USER_TASK:
            return replace(node, binding=self._user_task(element))
        if node.kind is NodeKind.START_EVENT:
            return replace(node, form=self._form(element))
        if node.kind is NodeKind.CALL_ACTIVITY:
            return replace(node, binding=self._call(element))
        return self._with_work(element, node)

    def _ad_hoc(self, element: Element, node: FlowNode) -> FlowNode:
        written = element.extension("zeebe:adHoc")
        if written is None:
            return node
        return replace(
            node,
            active_elements=self._attribute(written, "activeElementsCollection"),
            output_collection=written.get("outputCollection") or None,
            output_element=self._attribute(written, "outputElement"),
        )

    def _with_work(self, element: Element, node: FlowNode) -> FlowNode:
        """A job by taskDefinition wherever one is drawn; or else a FEEL script or a DMN decision."""
        definition = element.extension("zeebe:taskDefinition")
        if definition is not None:
            return replace(node, binding=self._job(element, definition))
        script = element.extension("zeebe:script")
        if script is not None and node.kind is NodeKind.SCRIPT_TASK:
            text = script.get("expression").removeprefix("=").strip()
            result = script.get("resultVariable") or None
            return replace(node, binding=ScriptBinding(Script(Language.FEEL, text, script.line), result))
        decision = element.extension("zeebe:calledDecision")
        if decision is not None and node.kind is NodeKind.BUSINESS_RULE_TASK:
            return replace(node, binding=self._decision(decision))
        return super().refine(element, node)

    def _job(self, element: Element, definition: Element) -> JobBinding:
        kind = self.value(definition.get("type"), definition.line)
        is_fixed = kind.language is Language.LITERAL
        headers = _headers(element.extensions("zeebe:taskHeaders"))
        answer = self._answer(kind.text, headers, definition.line)
        return JobBinding(
            (kind.text if is_fixed else element.id,),
            "taskDefinition",
            type_expression=None if is_fixed else kind,
            retries=self._number(definition, "retries"),
            headers=headers,
            result_variable=headers.get("resultVariable") or None if answer is None else None,
            priority=self._priority(element),
            answer=answer,
        )

    def _answer(self, job_type: str, headers: Mapping[str, str], line: int) -> Answer | None:
        """The headers that Camunda's own runtime of connectors reads."""
        result, error, backoff, timeout = (
            self.value(headers[key], line) if headers.get(key) else None for key in _OF_CONNECTORS
        )
        is_connector = job_type.startswith("io.camunda:") or result is not None
        answer = Answer(result, error, backoff, timeout, is_connector=is_connector)
        return replace(answer, result_variable=headers.get("resultVariable") or None) if answer != Answer() else None

    def _priority(self, element: Element) -> Expression | None:
        """Of the element, else of its process."""
        process = next((each for each in element.ancestors() if each.name == "process"), None)
        for holder in (element, process):
            written = holder.extension("zeebe:jobPriorityDefinition") if holder is not None else None
            if written is not None:
                return self._number(written, "priority")
        return None

    def _decision(self, decision: Element) -> DecisionBinding:
        binding, version = self._binding(decision)
        called = self.value(decision.get("decisionId"), decision.line)
        return DecisionBinding(called, decision.get("resultVariable") or None, "raw", binding, version)

    def _call(self, element: Element) -> CallBinding:
        called = element.extension("zeebe:calledElement")
        if called is None:
            return self.plain_call(element)
        process = self._attribute(called, "processId") or self._attribute(called, "processIdExpression")
        binding, version = self._binding(called)
        return CallBinding(
            process or Expression(Language.LITERAL, "", called.line),
            binding,
            version,
            passes_all_in=called.flag("propagateAllParentVariables", True),
            passes_local_in=True,
            passes_all_out=called.flag("propagateAllChildVariables", True),
            business_key=self._attribute(called, "businessId"),
        )

    def _user_task(self, element: Element) -> UserTaskBinding:
        element.extension("zeebe:userTask")  # the native kind; the older kind is run the same way
        plain = self.plain_user_task(element)
        assignment = element.extension("zeebe:assignmentDefinition")
        schedule = element.extension("zeebe:taskSchedule")
        priority = element.extension("zeebe:priorityDefinition")
        return UserTaskBinding(
            assignee=self._attribute(assignment, "assignee") or plain.assignee,
            candidate_users=self._attribute(assignment, "candidateUsers"),
            candidate_groups=self._attribute(assignment, "candidateGroups") or plain.candidate_groups,
            due_date=self._attribute(schedule, "dueDate"),
            follow_up_date=self._attribute(schedule, "followUpDate"),
            priority=self._number(priority, "priority") if priority is not None else None,
            form=self._form(element),
        )

    def _form(self, element: Element) -> Form | None:
        form = element.extension("zeebe:formDefinition")
        if form is None:
            return None
        key = form.get("formKey") or form.get("externalReference") or None
        binding, version = self._binding(form)
        schema = (
            self.document.resolve(key.removeprefix(_EMBEDDED_FORM)) if key and key.startswith(_EMBEDDED_FORM) else None
        )
        return Form(
            key=key,
            form_id=form.get("formId") or None,
            version_binding=binding,
            version=version,
            schema=schema.text.strip() if schema is not None else None,
        )

    def _mappings(self, element: Element) -> tuple[tuple[Assignment, ...], tuple[Assignment, ...]]:
        mapping = element.extension("zeebe:ioMapping")
        if mapping is None:
            return (), ()
        inputs = tuple(self._assignment(part) for part in mapping.parts("zeebe:input"))
        return inputs, tuple(self._assignment(part) for part in mapping.parts("zeebe:output"))

    def _assignment(self, part: Element) -> Assignment:
        return Assignment(part.get("target"), self.value(part.get("source"), part.line))

    def _listeners(self, element: Element) -> tuple[Listener, ...]:
        found: list[Listener] = []
        for group, name in (
            ("zeebe:executionListeners", "zeebe:executionListener"),
            ("zeebe:taskListeners", "zeebe:taskListener"),
        ):
            for holder in element.extensions(group):
                found += [self._listener(listener) for listener in holder.parts(name)]
        return tuple(found)

    def _listener(self, listener: Element) -> Listener:
        kind = self.value(listener.get("type"), listener.line)
        is_fixed = kind.language is Language.LITERAL
        written = listener.get("eventType")
        job = JobBinding(
            (kind.text,),
            "listener type",
            type_expression=None if is_fixed else kind,
            retries=self._number(listener, "retries"),
            headers={**_headers(listener.parts("zeebe:taskHeaders")), LISTENER_EVENT: written},
        )
        event = _TASK_EVENTS.get(written, written)
        return Listener(event, job, is_local=event == "start", after_outputs=event == "end", line=listener.line)

    def _binding(self, element: Element) -> tuple[str, Expression | None]:
        tag = element.get("versionTag")
        version = Expression(Language.LITERAL, tag, element.line) if tag else None
        return element.get("bindingType") or "latest", version

    def _attribute(self, element: Element | None, name: str) -> Expression | None:
        if element is None or not element.get(name):
            return None
        return self.value(element.get(name), element.line)

    def _number(self, element: Element, name: str) -> Expression | None:
        text = element.get(name)
        if not text:
            return None
        return self.value(text, element.line) if text.startswith("=") else constant(text, element.line)


def _headers(holders: list[Element]) -> dict[str, str]:
    return {header.get("key"): header.get("value") for holder in holders for header in holder.parts("zeebe:header")}


def _properties(element: Element) -> Mapping[str, str]:
    return {
        entry.get("name"): entry.get("value")
        for holder in element.extensions("zeebe:properties")
        for entry in holder.parts("zeebe:property")
    }
