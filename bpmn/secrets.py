"""Secrets that a diagram names and never holds: `{{secrets.NAME}}` in a text, `camunda.secrets.NAME` in FEEL.

Where one is evaluated it stays the text `{{secrets.NAME}}`; only who runs the job puts the value there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from bpmn.model import (
    Assignment,
    Expression,
    FlowNode,
    JobBinding,
    Language,
    Listener,
    ListOf,
    MapOf,
    Process,
    SequenceFlow,
    Source,
)

_PLACEHOLDER: Final = re.compile(r"\{\{\s*secrets\.([\w-]+)\s*\}\}")
_IN_FEEL: Final = re.compile(r"\bcamunda\.secrets\.(\w+)")

Uses = Mapping[str, frozenset[str]]
"""The names of secrets by the variable or parameter that they may be put into."""


def placeholder(name: str) -> str:
    return "{{secrets." + name + "}}"


def names_in(expression: Expression) -> frozenset[str]:
    """The secrets that an expression names."""
    names = _PLACEHOLDER.findall(expression.text) if "{{" in expression.text else []
    return frozenset([*names, *names_in_feel(expression)])


def names_in_feel(expression: Expression) -> list[str]:
    """Those that are written as variables."""
    if expression.language is not Language.FEEL or "camunda.secrets." not in expression.text:
        return []
    return _IN_FEEL.findall(expression.text)


def names_in_text(text: str) -> frozenset[str]:
    """Those in a fixed text, such as a header, which may be one secret and nothing else in FEEL."""
    whole = _IN_FEEL.fullmatch(text.removeprefix("=").strip())
    return frozenset([whole[1]] if whole else _PLACEHOLDER.findall(text))


def filled(text: str, values: Mapping[str, str]) -> str:
    """*text* with each secret that *values* has in the place of its name."""
    whole = _IN_FEEL.fullmatch(text.removeprefix("=").strip())
    if whole:
        return values.get(whole[1], text)
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def uses_of(process: Process) -> Mapping[str, Uses]:
    """What the jobs of each element, flow or the process itself may be handed, by its id."""
    found: dict[str, dict[str, frozenset[str]]] = {}
    for element_id, assignments in _handed_over(process):
        for each in assignments:
            if names := _names_of(each.source):
                uses, name = found.setdefault(element_id, {}), each.target.partition(".")[0]
                uses[name] = uses.get(name, frozenset()) | names
    return found


def handed_over(record: FlowNode | SequenceFlow) -> tuple[Assignment, ...]:
    """The mappings of a node or flow that only its jobs read."""
    told = _of_listeners(record.listeners)
    if isinstance(record, SequenceFlow) or not isinstance(record.binding, JobBinding):
        return told
    return (*record.inputs, *record.binding.parameters, *told)


def _handed_over(process: Process) -> Iterator[tuple[str, tuple[Assignment, ...]]]:
    yield process.key, _of_listeners(process.listeners)
    for node in process.elements.walk():
        yield node.id, handed_over(node)
    for scope in (process.elements, *(node.body for node in process.elements.walk() if node.body is not None)):
        for flow in scope.flows.values():
            yield flow.id, handed_over(flow)


def _of_listeners(listeners: tuple[Listener, ...]) -> tuple[Assignment, ...]:
    return tuple(each for listener in listeners if listener.job for each in listener.job.parameters)


def _names_of(source: Source) -> frozenset[str]:
    match source:
        case Expression():
            return names_in(source)
        case ListOf(items):
            return frozenset(name for item in items for name in _names_of(item))
        case MapOf(entries):
            return frozenset(name for _, value in entries for name in _names_of(value))
        case _:
            return frozenset()
