"""Smaller things that Camunda 7 says of a process and its events."""

from __future__ import annotations

import re
from typing import Final

from bpmn.dialects.base import Adapter
from bpmn.dialects.filters import listed, read_filter
from bpmn.document import Element, local
from bpmn.model import EventDefinition, EventKind, Expression, Language, Timer, TimerKind
from bpmn.variable_filter import VariableFilter

_NUMBER: Final = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
_ROLE: Final = re.compile(r"(user|group)\(([^()]*)\)")
_TIMERS: Final = {"timeDate": TimerKind.DATE, "timeDuration": TimerKind.DURATION, "timeCycle": TimerKind.CYCLE}


def starters(process: Element) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The users and the groups that may start it."""
    users = list(listed(process.get("camunda:candidateStarterUsers")))
    groups = list(listed(process.get("camunda:candidateStarterGroups")))
    for potential in process.extensions("camunda:potentialStarter"):
        for part in potential.walk():
            for name in listed(part.text) if part.name in ("formalExpression", "expression") else ():
                role = _ROLE.fullmatch(name)
                (users if role and role[1] == "user" else groups).append(role[2].strip() if role else name)
    return tuple(dict.fromkeys(users)), tuple(dict.fromkeys(groups))


def said(element: Element, attribute: str) -> str:
    """*attribute* of the element, else of its process, for all in it."""
    process = next((each for each in element.ancestors() if each.name == "process"), None)
    general = process.get(attribute) if process is not None else ""
    return element.get(attribute) or general


def is_exclusive(element: Element) -> bool:
    """Whether an activity's jobs are: as it says, or its loop for each instance; else where a save point lies before
    it, as in Camunda 7. A save point after it makes a job of what follows, not of the activity."""
    loop = element.child("multiInstanceLoopCharacteristics")
    for part in (element,) if loop is None else (loop, element):
        if part.get("camunda:exclusive"):
            return part.flag("camunda:exclusive")
        if part.flag("camunda:asyncBefore") or part.flag("camunda:async"):
            return True
    return False


def is_said_exclusive(element: Element) -> bool:
    """Of an external task, which is no job in Camunda 7: a save point before it says nothing of its worker."""
    loop = element.child("multiInstanceLoopCharacteristics")
    return element.flag("camunda:exclusive") or (loop is not None and loop.flag("camunda:exclusive"))


def error_message(adapter: Adapter, definition: EventDefinition) -> Expression | None:
    error = adapter.document.resolve(definition.ref) if definition.ref and definition.kind is EventKind.ERROR else None
    text = error.get("camunda:errorMessage") if error is not None else ""
    return adapter.value(text, error.line) if error is not None and text else None


def data_default(data_object: Element) -> Expression | None:
    """Of Flowable and Activiti: the value that a data object has at first, of the XML Schema type that it names."""
    value = data_object.extension("camunda:value")
    if value is None:
        return None
    kind, text = local(data_object.get("itemSubjectRef")), value.text.strip()
    if kind in ("int", "integer", "long", "short", "double", "float", "decimal") and _NUMBER.fullmatch(text):
        return Expression(Language.JSON, text, value.line)
    if kind == "boolean":
        return Expression(Language.JSON, "true" if text in ("true", "1") else "false", value.line)
    return Expression(Language.LITERAL, text, value.line)


def listener_timer(adapter: Adapter, listener: Element) -> Timer | None:
    """When a task listener's timeout is."""
    definition = listener.child("timerEventDefinition")
    for name, kind in _TIMERS.items():
        written = definition.child(name) if definition is not None else None
        value = adapter.timer_value(written) if written is not None else None
        if value is not None:
            return Timer(kind, value)
    return None


def variable_filter(adapter: Adapter, element: Element, definition: EventDefinition) -> VariableFilter | None:
    """What a conditional event says of the variables it looks at."""
    if definition.kind is not EventKind.CONDITIONAL:
        return None
    name, changes = element.get("camunda:variableName"), element.get("camunda:variableEvents")
    return read_filter(adapter, element, (name,) if name else (), listed(changes))
