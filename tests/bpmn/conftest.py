"""Diagrams written as the inside of one process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from bpmn.model import Definitions, Finding, FlowNode, Process, Severity
from bpmn.reader import read_bpmn

NAMESPACES = " ".join(
    (
        'xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"',
        'xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI"',
        'xmlns:dc="http://www.omg.org/spec/DD/20100524/DC"',
        'xmlns:di="http://www.omg.org/spec/DD/20100524/DI"',
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"',
        'xmlns:camunda="http://camunda.org/schema/1.0/bpmn"',
        'xmlns:zeebe="http://camunda.org/schema/zeebe/1.0"',
        'xmlns:modeler="http://camunda.org/schema/modeler/1.0"',
    )
)
SPIFFWORKFLOW = 'xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core"'


@dataclass(frozen=True)
class Read:
    definitions: Definitions | None
    findings: list[Finding]

    @property
    def process(self) -> Process:
        assert self.definitions is not None
        return self.definitions.processes[0]

    def node(self, element_id: str) -> FlowNode:
        return self.process.node(element_id)

    @property
    def errors(self) -> set[str]:
        return {finding.rule for finding in self.findings if finding.severity is Severity.ERROR}

    @property
    def warnings(self) -> set[str]:
        return {finding.rule for finding in self.findings if finding.severity is Severity.WARNING}

    def found(self, rule: str) -> Finding:
        return next(finding for finding in self.findings if finding.rule == rule)


@pytest.fixture
def read() -> Callable[..., Read]:
    """read(inside, top="", attributes="", process='isExecutable="true"'): one process with *inside* in it."""

    def read_diagram(inside: str, top: str = "", attributes: str = "", process: str = 'isExecutable="true"') -> Read:
        body = f'{top}<process id="p" {process}>{inside}</process>'
        # Naming this one is enough to be of its dialect.
        spiff = SPIFFWORKFLOW if "spiffworkflow:" in body + attributes else ""
        xml = f"<definitions {NAMESPACES} {spiff} {attributes}>{body}</definitions>"
        return Read(*read_bpmn(xml.encode(), "test.bpmn"))

    return read_diagram


@pytest.fixture
def read_line(read: Callable[..., Read]) -> Callable[..., Read]:
    """Like `read`, with *inside* holding the element 'x' on a line between a start and an end event."""

    def read_element(inside: str, top: str = "", attributes: str = "") -> Read:
        line = '<startEvent id="s"/><endEvent id="e"/>' + flow("a", "s", "x") + flow("b", "x", "e")
        return read(inside + line, top, attributes)

    return read_element


def flow(flow_id: str, source: str, target: str) -> str:
    return f'<sequenceFlow id="{flow_id}" sourceRef="{source}" targetRef="{target}"/>'
