"""Camunda 7 (and Activiti, Flowable): camunda:* attributes; ${...} or #{...} is JUEL, all else is fixed text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Final

from bpmn.answer import Answer
from bpmn.dialects.base import LISTENER_EVENT, Adapter
from bpmn.dialects.camunda_forms import read_form
from bpmn.dialects.camunda_parts import (
    data_default,
    error_message,
    is_exclusive,
    is_said_exclusive,
    listener_timer,
    said,
    starters,
    variable_filter,
)
from bpmn.dialects.languages import constant, is_juel
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
    JobBinding,
    Language,
    Listener,
    ListOf,
    MapOf,
    MultiInstance,
    NodeKind,
    Process,
    Script,
    ScriptBinding,
    SequenceFlow,
    Source,
    UserTaskBinding,
)

_WHOLE_JUEL: Final = re.compile(r"[$#]\{(.*)\}", re.DOTALL)
_WITH_WORK: Final = (NodeKind.SERVICE_TASK, NodeKind.SEND_TASK, NodeKind.BUSINESS_RULE_TASK)


class CamundaAdapter(Adapter):
    dialect: ClassVar[Dialect] = Dialect.CAMUNDA7
    prefix: ClassVar[str] = "camunda:"
    data_is_drawn_only: ClassVar[bool] = True
    default_language: ClassVar[Language] = Language.LITERAL
    scripts_on_java: ClassVar[bool] = True
    sunday: ClassVar[int] = 1

    def value(self, text: str, line: int) -> Expression:
        text = text.strip()
        return Expression(Language.JUEL if is_juel(text) else Language.LITERAL, text, line)

    def value_or_text(self, text: str, line: int) -> Expression:
        return self.value(text, line)

    def timer_value(self, element: Element) -> Expression | None:
        return self.value(element.text, element.line) if element.text.strip() else None

    def script_language(self, text: str) -> Language:
        return Language.JUEL if is_juel(text) else Language.PYTHON

    def data_default(self, data_object: Element) -> Expression | None:
        return data_default(data_object)

    def refine_process(self, element: Element, process: Process) -> Process:
        users, groups = starters(element)
        for error in self.document.all("error"):
            error.get("camunda:errorMessage")  # also of one that nothing throws
        return replace(
            process,
            version_tag=element.get("camunda:versionTag") or None,
            candidate_starter_users=users,
            candidate_starter_groups=groups,
            history_time_to_live=element.get("camunda:historyTimeToLive") or None,
            is_startable_in_tasklist=element.flag("camunda:isStartableInTasklist", True),
            listeners=self._listeners(element),
        )

    def refine_flow(self, element: Element, flow: SequenceFlow) -> SequenceFlow:
        return replace(flow, listeners=self._listeners(element))

    def refine_event(self, element: Element, definition: EventDefinition) -> EventDefinition:
        ins = element.extensions("camunda:in")
        if definition.kind is EventKind.SIGNAL:
            element.get("camunda:async")  # who catches a signal never holds up who throws it
        return replace(
            definition,
            message=error_message(self, definition),
            filter=variable_filter(self, element, definition),
            code_variable=element.get(_CODE_VARIABLE.get(definition.kind, "")) or None,
            message_variable=element.get("camunda:errorMessageVariable") or None,
            payload=tuple(self._mapped(part) for part in ins if not _is_all(part) and part.get("target")),
            sends_all_variables=any(_is_all(part) for part in ins),
        )

    def refine_loop(self, element: Element, loop: MultiInstance) -> MultiInstance:
        element.flag("camunda:exclusive", True)
        loop = replace(
            loop,
            counts_from=0,
            keeps_counters=True,
            save_point_before=element.flag("camunda:asyncBefore") or element.flag("camunda:async"),
            save_point_after=element.flag("camunda:asyncAfter"),
        )
        collection = element.get("camunda:collection")
        if not collection:
            return loop
        text = collection if is_juel(collection) else "${" + collection + "}"
        element_variable = element.get("camunda:elementVariable") or loop.element_variable
        return replace(
            loop, collection=Expression(Language.JUEL, text, element.line), element_variable=element_variable
        )

    def refine(self, element: Element, node: FlowNode) -> FlowNode:
        element.get("camunda:exclusive")  # also where a loop says it of each instance
        inputs, outputs = self._mappings(element)
        node = replace(
            node,
            save_point_before=element.flag("camunda:asyncBefore") or element.flag("camunda:async"),
            save_point_after=element.flag("camunda:asyncAfter"),
            is_exclusive=is_exclusive(element),
            job_priority=self._number(said(element, "camunda:jobPriority"), element.line),
            inputs=inputs,
            outputs=outputs,
            listeners=self._listeners(element),
            properties=_properties(element),
        )
        if node.kind in _WITH_WORK:
            return self._with_work(element, element, node)
        if node.kind is NodeKind.CATCH_EVENT:
            return _waiting_once(node)
        if node.kind in (NodeKind.THROW_EVENT, NodeKind.END_EVENT):
            definition = element.child("messageEventDefinition")
            return node if definition is None else self._with_work(element, definition, node)
        return self._with_binding(element, node)

    def _with_binding(self, element: Element, node: FlowNode) -> FlowNode:
        match node.kind:
            case NodeKind.SCRIPT_TASK:
                result = element.get("camunda:resultVariable") or None
                return replace(node, binding=ScriptBinding(self.script(element), result))
            case NodeKind.USER_TASK:
                return replace(node, binding=self._user_task(element))
            case NodeKind.CALL_ACTIVITY:
                return replace(node, binding=self._call(element))
            case NodeKind.START_EVENT:
                initiator = element.get("camunda:initiator") or None
                return replace(node, form=read_form(self, element), initiator_variable=initiator)
            case _:
                return node

    # --- jobs and decisions -----------------------------------------------------------------------

    def _with_work(self, element: Element, holder: Element, node: FlowNode) -> FlowNode:
        """*holder* has the attributes: the task itself, or the message definition of a throw event."""
        if holder.get("camunda:decisionRef"):
            return replace(node, binding=self._decision(holder))
        job = self._job(holder)
        if job is None:
            return super().refine(element, node)
        connector = holder.extension("camunda:connector")
        parameters, outputs = self._mappings(connector, inside=True) if connector is not None else ((), ())
        answer = Answer(is_connector=True) if job.written_as == "connectorId" and not outputs else None
        is_external = job.written_as == "topic"
        general = said(element, "camunda:taskPriority" if is_external else "camunda:jobPriority")
        priority = holder.get("camunda:taskPriority") or general
        fields = self._fields(holder.extensions("camunda:field"))
        job = replace(
            job,
            retry_cycle=self._retry_cycle(element),
            headers={name: source.text for name, source in fields if source.language is Language.LITERAL},
            parameters=parameters
            + tuple(Assignment(name, source) for name, source in fields if source.language is not Language.LITERAL),
            result_variable=holder.get("camunda:resultVariable") or None,
            priority=self._number(priority, holder.line),
            errors=self._errors(holder),
            answer=answer,
        )
        if is_external:
            node = replace(node, is_exclusive=is_said_exclusive(element))
        return replace(node, binding=job, outputs=outputs + node.outputs, outputs_isolate=bool(outputs))

    def _retry_cycle(self, element: Element) -> Expression | None:
        cycle = element.extension("camunda:failedJobRetryTimeCycle")
        return self.value(cycle.text, cycle.line) if cycle is not None and cycle.text.strip() else None

    def _job(self, holder: Element) -> JobBinding | None:
        topic = holder.get("camunda:topic")
        if topic and holder.get("camunda:type", "external") == "external":
            expression = self.value(topic, holder.line)
            is_fixed = expression.language is Language.LITERAL
            return JobBinding((topic,), "topic", type_expression=None if is_fixed else expression)
        return self._bean(holder) or self._connector(holder) or self._built_in(holder)

    def _bean(self, holder: Element) -> JobBinding | None:
        """class, delegateExpression, expression: of a task or a listener, where the attributes have no prefix."""
        for name in ("delegateExpression", "class", "expression"):
            text = holder.get("camunda:" + name) or (holder.get(name) if holder.name.startswith("camunda:") else "")
            if text:
                return JobBinding(_handler_names(name, text), name)
        return None

    def _connector(self, holder: Element) -> JobBinding | None:
        connector = holder.extension("camunda:connector")
        identifier = connector.part("camunda:connectorId") if connector is not None else None
        return JobBinding((identifier.text.strip(),), "connectorId") if identifier is not None else None

    def _built_in(self, holder: Element) -> JobBinding | None:
        """Activiti's 'mail', 'shell' and the like: a handler of that name does the work."""
        kind = holder.get("camunda:type")
        return JobBinding((kind,), "type") if kind and kind not in ("external", "dmn") else None

    def _fields(self, parts: list[Element]) -> list[tuple[str, Expression]]:
        found: list[tuple[str, Expression]] = []
        for part in parts:
            inner = part.part("camunda:expression") or part.part("camunda:string")
            text = part.get("stringValue") or part.get("expression") or (inner.text if inner is not None else "")
            found.append((part.get("name"), self.value(text, part.line)))
        return found

    def _errors(self, holder: Element) -> tuple[tuple[Expression, str], ...]:
        found: list[tuple[Expression, str]] = []
        for part in holder.extensions("camunda:errorEventDefinition"):
            error = self.document.resolve(part.get("errorRef"))
            code = error.get("errorCode") if error is not None else part.get("errorRef")
            found.append((self.value(part.get("expression") or part.get("camunda:expression"), part.line), code))
        return tuple(found)

    def _decision(self, holder: Element) -> DecisionBinding:
        return DecisionBinding(
            self.value(holder.get("camunda:decisionRef"), holder.line),
            holder.get("camunda:resultVariable") or None,
            holder.get("camunda:mapDecisionResult") or "resultList",
            *self._version(holder, "camunda:decisionRef"),
        )

    # --- calls, people, forms ---------------------------------------------------------------------

    def _call(self, element: Element) -> CallBinding:
        ins, outs = element.extensions("camunda:in"), element.extensions("camunda:out")
        keys = [part.get("businessKey") for part in ins if part.get("businessKey")]
        return CallBinding(
            self.value(element.get("calledElement"), element.line),
            *self._version(element, "camunda:calledElement"),
            inputs=tuple(self._mapped(part) for part in ins if not _is_all(part) and not part.get("businessKey")),
            outputs=tuple(self._mapped(part) for part in outs if not _is_all(part)),
            passes_all_in=any(_is_all(part) and not part.flag("local") for part in ins),
            passes_local_in=any(_is_all(part) and part.flag("local") for part in ins),
            passes_all_out=any(_is_all(part) and not part.flag("local") for part in outs),
            keeps_all_out=any(_is_all(part) and part.flag("local") for part in outs),
            business_key=self.value(keys[0], element.line) if keys else None,
        )

    def _mapped(self, part: Element) -> Assignment:
        """camunda:in, camunda:out: a source that does not exist gives null, as FEEL has it."""
        text, is_local = part.get("sourceExpression"), part.flag("local")
        if text:
            return Assignment(part.get("target"), self.value(text, part.line), is_local)
        source = part.get("source")
        if not source.replace(".", "_").isidentifier():
            message = f"'{source}' cannot be mapped by its name. Write sourceExpression instead of source."
            self.report.error("expression-syntax", part, message)
        return Assignment(part.get("target"), Expression(Language.FEEL, source, part.line), is_local)

    def _user_task(self, element: Element) -> UserTaskBinding:
        plain = self.plain_user_task(element)
        return UserTaskBinding(
            title=self.value(element.get("name"), element.line) if is_juel(element.get("name")) else None,
            assignee=self._attribute(element, "assignee") or plain.assignee,
            candidate_users=self._attribute(element, "candidateUsers"),
            candidate_groups=self._attribute(element, "candidateGroups") or plain.candidate_groups,
            due_date=self._attribute(element, "dueDate"),
            follow_up_date=self._attribute(element, "followUpDate"),
            priority=self._number(element.get("camunda:priority"), element.line),
            form=read_form(self, element),
        )

    # --- mappings, listeners ----------------------------------------------------------------------

    def _mappings(
        self, element: Element, inside: bool = False
    ) -> tuple[tuple[Assignment, ...], tuple[Assignment, ...]]:
        name = "camunda:inputOutput"
        mapping = element.part(name) if inside else element.extension(name)
        if mapping is None:
            return (), ()
        inputs = tuple(Assignment(p.get("name"), self._source(p)) for p in mapping.parts("camunda:inputParameter"))
        outputs = tuple(Assignment(p.get("name"), self._source(p)) for p in mapping.parts("camunda:outputParameter"))
        return inputs, outputs

    def _source(self, holder: Element) -> Source:
        """What a parameter, list item or map entry holds: a text, a script, a list or a map."""
        script = holder.part("camunda:script")
        if script is not None:
            return self._script(script)
        items = holder.part("camunda:list")
        if items is not None:
            values = [child for child in items.children if child.name in ("camunda:value", "camunda:script")]
            for value in values:
                value.visited = True
            return ListOf(tuple(self._script(v) if v.name.endswith("script") else self._source(v) for v in values))
        entries = holder.part("camunda:map")
        if entries is not None:
            return MapOf(tuple((e.get("key"), self._source(e)) for e in entries.parts("camunda:entry")))
        return self.value(holder.text, holder.line)

    def _script(self, element: Element) -> Script:
        if element.get("resource"):
            self.external_script(element.get("resource"), element)
        return self.script_in(element.get("scriptFormat"), element.text, element, element.line)

    def script(self, element: Element) -> Script:
        if element.get("camunda:resource"):
            self.external_script(element.get("camunda:resource"), element)
        return super().script(element)

    def external_script(self, resource: str, element: Element) -> None:
        message = f"The script is in another file ('{resource}'), which is not read. Put its text into the diagram."
        self.report.error("script-elsewhere", element, message)

    def _listeners(self, element: Element) -> tuple[Listener, ...]:
        found: list[Listener] = []
        for listener in element.extensions("camunda:executionListener") + element.extensions("camunda:taskListener"):
            script = listener.part("camunda:script")
            event = listener.get("event") or ("take" if element.name == "sequenceFlow" else "")
            job = self._bean(listener) if script is None else None
            if job is not None:
                fields = self._fields(listener.parts("camunda:field"))
                parameters = tuple(Assignment(name, value) for name, value in fields)
                job = replace(job, parameters=parameters, headers={LISTENER_EVENT: event})
            found.append(
                Listener(
                    event,
                    job,
                    self._script(script) if script is not None else None,
                    on_cancel=event == "end",
                    timer=listener_timer(self, listener),
                    line=listener.line,
                )
            )
        return tuple(found)

    # --- small parts ------------------------------------------------------------------------------

    def _version(self, element: Element, reference: str) -> tuple[str, Expression | None]:
        binding = element.get(reference + "Binding") or "latest"
        text = element.get(reference + ("VersionTag" if binding == "versionTag" else "Version"))
        return binding, self.value(text, element.line) if text else None

    def _attribute(self, element: Element, name: str) -> Expression | None:
        text = element.get("camunda:" + name)
        return self.value(text, element.line) if text else None

    def _number(self, text: str, line: int) -> Expression | None:
        if not text:
            return None
        return self.value(text, line) if is_juel(text) else constant(text, line)


_CODE_VARIABLE: Final = {
    EventKind.ERROR: "camunda:errorCodeVariable",
    EventKind.ESCALATION: "camunda:escalationCodeVariable",
}


def _handler_names(attribute: str, text: str) -> tuple[str, ...]:
    """The names a handler may have, most exact first."""
    match = _WHOLE_JUEL.fullmatch(text)
    inside = match[1].strip() if match else text
    if attribute == "class":
        return tuple(dict.fromkeys((text, text.rpartition(".")[2])))
    if attribute == "delegateExpression":
        return (inside,)
    method = inside.partition("(")[0].strip()
    return tuple(dict.fromkeys(name for name in (inside, method, method.partition(".")[0]) if name))


def _waiting_once(node: FlowNode) -> FlowNode:
    """A cycle of an intermediate event goes no further than its first turn."""
    event = node.event
    if event is None or event.timer is None:
        return node
    return replace(node, event=replace(event, timer=replace(event.timer, is_single=True)))


def _is_all(part: Element) -> bool:
    return part.get("variables") == "all"


def _properties(element: Element) -> Mapping[str, str]:
    return {
        entry.get("name"): entry.get("value")
        for holder in element.extensions("camunda:properties")
        for entry in holder.parts("camunda:property")
    }
