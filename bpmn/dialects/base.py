"""Plain BPMN 2.0, and what the dialects refine."""

from __future__ import annotations

import re
from dataclasses import replace
from textwrap import dedent
from typing import ClassVar, Final

from bpmn.dialects.languages import UnknownLanguage, is_juel, language_named, written
from bpmn.document import Document, Element, local
from bpmn.expressions.xpath import is_xpath
from bpmn.findings import Report
from bpmn.model import (
    CallBinding,
    Dialect,
    EventDefinition,
    Expression,
    FlowNode,
    JobBinding,
    Language,
    MultiInstance,
    NodeKind,
    Process,
    Script,
    ScriptBinding,
    SequenceFlow,
    UserTaskBinding,
)

# A date, a duration, a repeating interval or a cron line: no expression of Python begins like one of these.
_TIMER_TEXT: Final = re.compile(r"(\d|-?P[\dT]|R\d*/|[*@]|(CRON_)?TZ=[\w/+-]+\s)")
LISTENER_EVENT: Final = "listener.event"  # the header that tells a listener's handler the event, as it is drawn
_JOBS: Final = (NodeKind.SERVICE_TASK, NodeKind.BUSINESS_RULE_TASK)


class Adapter:
    """The standard's own attributes. A dialect overrides what it writes differently.

    Each `refine_*` gets the XML element and the record read so far, and returns the complete one.
    """

    dialect: ClassVar[Dialect] = Dialect.BPMN
    prefix: ClassVar[str] = ""
    default_language: ClassVar[Language] = Language.PYTHON
    scripts_on_java: ClassVar[bool] = False
    sunday: ClassVar[int] = 0  # its number in a cron line with seconds
    data_is_drawn_only: ClassVar[bool] = False  # data objects and stores are pictures to its own engine
    data_goes_by_id: ClassVar[bool] = False  # and is needed wherever it is drawn

    def __init__(self, document: Document, report: Report) -> None:
        self.document = document
        self.report = report

    # --- texts ------------------------------------------------------------------------------------

    def expression(self, element: Element | None) -> Expression | None:
        """What an expression element holds; None when there is none or it is empty."""
        if element is None or not element.text.strip():
            return None
        named = self.language_of(element)
        if named is None and is_xpath(element.text):
            return Expression(Language.XPATH, element.text.strip(), element.line)
        return self.value(element.text, element.line) if named is None else self._in(named, element)

    def value(self, text: str, line: int) -> Expression:
        """The expression that *text* is in this dialect, where nothing names its language."""
        return written(text, line, self.default_language)

    def condition(self, element: Element | None) -> Expression | None:
        """An expression that gives true or false."""
        return self.expression(element)

    def value_or_text(self, text: str, line: int) -> Expression:
        """A name or code: fixed text unless it is written as an expression."""
        return written(text, line, Language.LITERAL)

    def timer_value(self, element: Element) -> Expression | None:
        text = element.text.strip()
        if text and not is_juel(text) and _TIMER_TEXT.match(text):
            return Expression(Language.LITERAL, text, element.line)
        return self.expression(element)

    def language_of(self, element: Element) -> Language | None:
        """What the expression or the file says; None when neither says anything."""
        name = element.get("language") or self.document.root.get("expressionLanguage")
        try:
            return language_named(name)
        except UnknownLanguage:
            if element.get("language"):
                self.unknown_language(name, element)
            return None

    def script(self, element: Element) -> Script:
        """The script of a script task, whose text stands in its 'script' child."""
        child = element.child("script")
        name = element.get("scriptLanguage" if element.name == "globalScriptTask" else "scriptFormat")
        if child is None:
            return self.script_in(name, "", element, element.line)
        return self.script_in(name, child.text, element, child.line)

    def script_in(self, name: str, text: str, element: Element, line: int) -> Script:
        """*name*: what *element* says of the language."""
        try:
            language = language_named(name) or self.script_language(text)
        except UnknownLanguage:
            self.unknown_language(name, element)
            language = Language.LITERAL  # refused; there is no more to say of its text
        is_javascript = language is Language.JAVASCRIPT
        return Script(language, clean_script(text), line, on_java=is_javascript and self.scripts_on_java)

    def script_language(self, text: str) -> Language:
        """The language of a script that names none."""
        return Language.PYTHON

    def unknown_language(self, name: str, element: Element) -> None:
        message = (
            f"The language '{name}' is not one this engine runs. Use FEEL, JUEL, JavaScript or Python, "
            "or make it a service task with a handler."
        )
        self.report.error("language-not-supported", element, message)

    def _in(self, language: Language, element: Element) -> Expression:
        text = element.text.strip()
        if language is Language.FEEL:
            text = text.removeprefix("=").strip()
        elif is_juel(text) and not (language is Language.JAVASCRIPT and element.get("language")):
            language = Language.JUEL  # whatever the file as a whole says
        return Expression(language, text, element.line)

    # --- records ----------------------------------------------------------------------------------

    def refine_process(self, element: Element, process: Process) -> Process:
        return process

    def refine_flow(self, element: Element, flow: SequenceFlow) -> SequenceFlow:
        return flow

    def refine_event(self, element: Element, definition: EventDefinition) -> EventDefinition:
        """*element*: the event definition, or the task that sends or receives."""
        return definition

    def refine_loop(self, element: Element, loop: MultiInstance) -> MultiInstance:
        return loop

    def data_default(self, data_object: Element) -> Expression | None:
        """The value of a data object as its scope begins."""
        return None

    def refine(self, element: Element, node: FlowNode) -> FlowNode:
        if node.kind in _JOBS or (node.kind is NodeKind.SEND_TASK and node.event is None):
            return replace(node, binding=self.plain_job(element))
        if node.kind is NodeKind.SCRIPT_TASK:
            return replace(node, binding=ScriptBinding(self.script(element)))
        if node.kind is NodeKind.USER_TASK:
            return replace(node, binding=self.plain_user_task(element))
        if node.kind is NodeKind.CALL_ACTIVITY:
            return replace(node, binding=self.plain_call(element))
        return node

    def plain_job(self, element: Element) -> JobBinding:
        """Where no binding is drawn a handler may bind by operation, implementation, element id or name."""
        operation = self.document.resolve(element.get("operationRef")) if element.get("operationRef") else None
        implementation = element.get("implementation")
        candidates = (
            operation.get("name") if operation is not None else "",
            "" if implementation.startswith("##") else implementation,
            element.id,
            element.get("name"),
        )
        names = tuple(dict.fromkeys(name for name in candidates if name)) or (element.name,)
        return JobBinding(names, "element id")

    def plain_user_task(self, element: Element) -> UserTaskBinding:
        """humanPerformer or performer is the assignee, potentialOwners are the candidate groups (10.3.4)."""
        assignee = next((e for p in element.all("humanPerformer", "performer") if (e := self._resource(p))), None)
        owners = [owner for p in element.all("potentialOwner") if (owner := self._resource(p))]
        return UserTaskBinding(assignee=assignee, candidate_groups=_joined(owners))

    def plain_call(self, element: Element) -> CallBinding:
        called = Expression(Language.LITERAL, local(element.get("calledElement")), element.line)
        return CallBinding(called, passes_all_in=True, passes_all_out=True)

    def _resource(self, role: Element) -> Expression | None:
        assignment = role.child("resourceAssignmentExpression")
        if assignment is not None:
            holder = next((c for c in assignment.children if c.name in ("formalExpression", "expression")), None)
            return self.expression(holder)
        resource = self.document.resolve(role.child_text("resourceRef"))
        if resource is None or not resource.get("name"):
            return None
        return Expression(Language.LITERAL, resource.get("name"), role.line)


def clean_script(text: str) -> str:
    """Without the blank lines around it and the indentation that its place in the XML gave it."""
    return dedent(text).strip("\r\n \t")


def _joined(owners: list[Expression]) -> Expression | None:
    if len(owners) > 1 and all(owner.language is Language.LITERAL for owner in owners):
        return Expression(Language.LITERAL, ",".join(owner.text for owner in owners), owners[0].line)
    return owners[0] if owners else None
