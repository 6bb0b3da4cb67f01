"""What a rule sees: the elements of the file, how sequence flows join them, and the neutral model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

from bpmn.document import Document, Element, local
from bpmn.findings import Report
from bpmn.model import Definitions, Dialect, FlowElements, FlowNode, Process
from bpmn.soundness import Judgement, judge

SCOPES = ("process", "subProcess", "transaction", "adHocSubProcess")
EVENTS = ("startEvent", "endEvent", "intermediateCatchEvent", "intermediateThrowEvent", "boundaryEvent")
GATEWAYS = ("exclusiveGateway", "parallelGateway", "inclusiveGateway", "eventBasedGateway", "complexGateway")
ACTIVITIES = (
    "task",
    "scriptTask",
    "serviceTask",
    "userTask",
    "manualTask",
    "businessRuleTask",
    "sendTask",
    "receiveTask",
    "callActivity",
    "subProcess",
    "transaction",
    "adHocSubProcess",
)
NODES = EVENTS + GATEWAYS + ACTIVITIES


class Review:
    """One file under review. Elements are compared by identity; ids may be missing or double."""

    def __init__(self, document: Document, definitions: Definitions, report: Report) -> None:
        self.document = document
        self.definitions = definitions
        self.error = report.error
        self.warning = report.warning
        self.info = report.info
        self.flows = document.all("sequenceFlow")
        self.nodes = [element for name in NODES for element in document.all(name)]
        self._incoming: dict[str, list[Element]] = {}
        self._outgoing: dict[str, list[Element]] = {}
        for flow in self.flows:
            self._outgoing.setdefault(local(flow.get("sourceRef")), []).append(flow)
            self._incoming.setdefault(local(flow.get("targetRef")), []).append(flow)

    def strict(self, rule: str, element: Element, message: str) -> None:
        """What the standard forbids but no run depends on: an error in plain BPMN only.

        In a dialect, whose own engine lets it pass, and under a type language that is not XML Schema,
        it is a warning.
        """
        types = self.document.root.get("typeLanguage")
        is_ours = self.definitions.dialect is Dialect.BPMN and types in ("", "http://www.w3.org/2001/XMLSchema")
        report = self.error if is_ours else self.warning
        report(rule, element, message)

    def incoming(self, node: Element) -> list[Element]:
        """The sequence flows that end here."""
        return self._incoming.get(node.id, []) if node.id else []

    def outgoing(self, node: Element) -> list[Element]:
        return self._outgoing.get(node.id, []) if node.id else []

    def target(self, flow: Element) -> Element | None:
        return self.document.resolve(flow.get("targetRef"))

    def event_definitions(self, event: Element) -> list[Element]:
        """In place or by eventDefinitionRef; ends of a broken reference are left out."""
        found: list[Element] = []
        for child in event.children:
            if child.name.endswith("EventDefinition"):
                found.append(child)
            elif child.name == "eventDefinitionRef":
                target = self.document.resolve(child.text)
                if target is not None and target.name.endswith("EventDefinition"):
                    found.append(target)
        return found

    @cached_property
    def judgements(self) -> list[Judgement]:
        """What the flow of each executable process allows."""
        return [
            each for process in self.definitions.processes if process.is_executable for each in judge(process.elements)
        ]

    def model_nodes(self) -> Iterator[tuple[Process, FlowNode, Element]]:
        """The neutral model's nodes with the elements they were read from; none without its own id."""
        for process in self.definitions.processes:
            for node in process.elements.walk():
                element = self.document.by_id.get(node.id)
                if element is not None:
                    yield process, node, element


def scope_of(element: Element) -> Element | None:
    """The process or subprocess right around *element*."""
    return next((ancestor for ancestor in element.ancestors() if ancestor.name in SCOPES), None)


def stands_inside(element: Element) -> bool:
    """Whether *element* stands in a subprocess."""
    scope = scope_of(element)
    return scope is not None and scope.name != "process"


def process_of(element: Element) -> Element | None:
    return next((ancestor for ancestor in element.ancestors() if ancestor.name == "process"), None)


def name_of(element: Element) -> str:
    """How a message calls an element: its name, or else its id, or else its tag."""
    return " ".join((element.get("name") or element.id or element.name).split())


def names_of_flows(scope: FlowElements, flow_ids: Iterable[str]) -> str:
    """Where tokens come from, for a message: "from 'A' and 'B'"; each flow by its name or its source's."""
    names: list[str] = []
    for flow_id in flow_ids:
        flow = scope.flows[flow_id]
        source = scope.nodes[flow.source]
        names.append(f"'{' '.join((flow.name or source.name or source.id).split())}'")
    return "from " + " and ".join(names) if names else "from anywhere else"
