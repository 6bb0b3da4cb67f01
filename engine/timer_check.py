"""Whether the times that a diagram spells out can be computed; those that expressions give are known at run time."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from datetime import datetime

from bpmn.model import Definitions, Expression, Finding, FlowNode, Language, Process, Timer
from bpmn.rules.timer import RULE
from engine.timing import TimerError, read_schedule


def timer_findings(definitions: Definitions, findings: Sequence[Finding], now: datetime) -> Iterator[Finding]:
    """Of the executable processes, for timers that are set *now*. What *findings* say of an element is not repeated."""
    known = {finding.element_id for finding in findings if finding.rule == RULE}
    for process in definitions.processes:
        if process.is_executable:
            for node, timer in _timers_of(process):
                problem = None if node.id in known else _problem(timer, now)
                if problem is not None:
                    line = timer.value.line or node.line
                    yield Finding(definitions.file, line, RULE, f"{problem} Correct it at '{node.id}'.", node.id)


def _timers_of(process: Process) -> Iterator[tuple[FlowNode, Timer]]:
    for node in process.elements.walk():
        events = (node.event, *node.event.parts) if node.event is not None else ()
        for each in (*events, *node.listeners):
            if each.timer is not None:
                yield node, each.timer


def _problem(timer: Timer, now: datetime) -> str | None:
    text = _spelled_out(timer.value)
    if text is None:
        return None
    try:
        read_schedule(timer.kind, text, timer.sunday).first_due(now)
    except TimerError as problem:
        return str(problem)
    return None


def _spelled_out(value: Expression) -> str | None:
    if value.language is Language.LITERAL:
        return value.text
    if value.language is not Language.PYTHON:
        return None
    try:
        constant = ast.literal_eval(value.text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return constant if isinstance(constant, str) else None
