"""The files of an example, as the editor of each dialect saves them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from xml.sax.saxutils import quoteattr

from lxml import etree

from tests.elements.dialects import Dialect
from tests.elements.example import Data, Example, Node, Parts, walk
from tests.elements.layout import Box, Points, Sheet, Step, sheet, steps_of

_NAMESPACES = {
    "bpmn": "http://www.omg.org/spec/BPMN/20100524/MODEL",
    "bpmndi": "http://www.omg.org/spec/BPMN/20100524/DI",
    "dc": "http://www.omg.org/spec/DD/20100524/DC",
    "di": "http://www.omg.org/spec/DD/20100524/DI",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
}


def bpmn_file(example: Example, dialect: Dialect) -> str:
    return _Writer(example, dialect).text()


class _Writer:
    def __init__(self, example: Example, dialect: Dialect) -> None:
        self.example = example
        self.dialect = dialect
        self.key = example.id
        self.roots: dict[str, str] = {}
        self.page = sheet(example)
        self.data_stores = [data for data in example.data if data.is_store]

    def text(self) -> str:
        process, collaboration = self._process(), self._collaboration()
        more = self.example.others(self.dialect).body if self.example.others else []
        body = collaboration + process + "".join(self.roots.values()) + "".join(more) + self._diagram()
        used = {
            name: uri
            for name, uri in (_NAMESPACES | dict(self.dialect.namespaces)).items()
            if name not in ("xsi",) or "xsi:" in body
        }
        spaces = {f"xmlns:{name}": uri for name, uri in used.items()}
        head = {"id": f"Definitions_{_camel(self.key)}", "targetNamespace": "http://bpmn.io/schema/bpmn"}
        root = f"<bpmn:definitions{_attributes(spaces | head | dict(self.dialect.head))}>{body}</bpmn:definitions>"
        return _pretty(root)

    # --- the process ------------------------------------------------------------------------------

    def _process(self) -> str:
        parts = self.example.process(self.dialect) if self.example.process else Parts()
        name = self.example.pool or self.example.title
        attributes = {"id": self.key, "name": name, "isExecutable": "true"}
        attributes |= dict(self.dialect.process) | parts.attributes
        body = _extensions(parts) + self._lanes() + self._scope(self.example.nodes, self.example.lines)
        return (
            f"<bpmn:process{_attributes(attributes)}>{body}{''.join(self._data())}{''.join(parts.body)}</bpmn:process>"
        )

    def _scope(self, nodes: tuple[Node, ...], lines: str) -> str:
        steps = steps_of(lines)
        flows = [step for step in steps if not step.is_association]
        written = [self._node(node, flows) for node in nodes]
        written += [self._flow(step) for step in flows]
        written += [
            f'<bpmn:association id="{step.id}" associationDirection="One" sourceRef="{step.source}" '
            f'targetRef="{step.target}" />'
            for step in steps
            if step.is_association
        ]
        return "".join(written)

    def _node(self, node: Node, flows: list[Step]) -> str:
        parts = node.written(self.dialect)
        self.roots |= parts.roots
        attributes = {"id": node.id} | ({"name": node.name} if node.name else {})
        default = [step.id for step in flows if step.source == node.id and step.is_default]
        attributes |= {"default": default[0]} if default else {}
        attributes |= parts.attributes | ({"attachedToRef": node.host} if node.host else {})
        joined = [f"<bpmn:incoming>{step.id}</bpmn:incoming>" for step in flows if step.target == node.id]
        joined += [f"<bpmn:outgoing>{step.id}</bpmn:outgoing>" for step in flows if step.source == node.id]
        own = [_with_id(part, node.id, at) for at, part in enumerate(parts.body)]
        body = [_extensions(parts), *joined, *self._data_of(node), *own]
        if node.is_container:
            # Loop characteristics come before what the subprocess holds, a completion condition after it.
            last = [part for part in own if part.startswith("<bpmn:completionCondition")]
            body = [part for part in body if part not in last]
            body += [self._scope(node.nodes, node.lines), *last]
        return f"<bpmn:{node.tag}{_attributes(attributes)}>{''.join(body)}</bpmn:{node.tag}>"

    def _flow(self, step: Step) -> str:
        attributes = {"id": step.id} | ({"name": step.name} if step.name else {})
        attributes |= {"sourceRef": step.source, "targetRef": step.target}
        inside = ""
        if step.id in self.example.flow_parts:
            inside = _extensions(self.example.flow_parts[step.id](self.dialect))
        if step.condition and not step.is_default and step.condition in self.example.conditions:
            inside += self.dialect.formal("conditionExpression", self.example.conditions[step.condition])
        return f"<bpmn:sequenceFlow{_attributes(attributes)}>{inside}</bpmn:sequenceFlow>"

    # --- data -------------------------------------------------------------------------------------

    def _data(self) -> Iterable[str]:
        for data in self.example.data:
            if data.is_store:
                store = data.name
                yield f'<bpmn:dataStoreReference id="{data.id}" name={quoteattr(data.name)} dataStoreRef="{store}" />'
                self.roots[store] = f'<bpmn:dataStore id="{store}" name={quoteattr(data.name)} />'
            else:
                held = data.name
                yield f'<bpmn:dataObjectReference id="{data.id}" name={quoteattr(data.name)} dataObjectRef="{held}" />'
                yield f'<bpmn:dataObject id="{held}" />'

    def _data_of(self, node: Node) -> Iterable[str]:
        properties = [data for data in self.example.data if node.id in data.reads]
        for data in properties:
            yield f'<bpmn:property id="Property_{node.id}_{data.id}" name="__targetRef_placeholder" />'
        for data in properties:
            yield self._association("Input", f"Reads_{node.id}_{data.id}", data, node, f"Property_{node.id}_{data.id}")
        for data in self.example.data:
            if node.id in data.writes:
                yield self._association("Output", f"Writes_{node.id}_{data.id}", data, node, data.id)

    def _association(self, kind: str, name: str, data: Data, node: Node, target: str) -> str:
        source = f"<bpmn:sourceRef>{data.id}</bpmn:sourceRef>" if kind == "Input" else ""
        more = data.inside[node.id](self.dialect).body if node.id in data.inside else []
        return (
            f'<bpmn:data{kind}Association id="{name}">{source}<bpmn:targetRef>{target}</bpmn:targetRef>'
            f"{''.join(more)}</bpmn:data{kind}Association>"
        )

    # --- pools and lanes --------------------------------------------------------------------------

    def _collaboration(self) -> str:
        example = self.example
        if not example.pool:
            return ""
        more = example.collaboration(self.dialect) if example.collaboration else Parts()
        self.roots |= more.roots
        pools = f'<bpmn:participant id="Pool" name={quoteattr(example.pool)} processRef="{self.key}" />'
        flows = ""
        if example.partner is not None:
            pools += f'<bpmn:participant id="Partner" name={quoteattr(example.partner.name)} />'
            for source, target in example.partner.messages:
                ends = ["Partner" if end == "partner" else end for end in (source, target)]
                flows += (
                    f'<bpmn:messageFlow id="Message_{source}_{target}" sourceRef="{ends[0]}" targetRef="{ends[1]}" />'
                )
        body = pools + flows + "".join(more.body)
        return f'<bpmn:collaboration id="Collaboration">{body}</bpmn:collaboration>'

    def _lanes(self) -> str:
        if not self.example.lanes:
            return ""
        rows = [line.split() for line in self.example.lines.strip("\n").splitlines()]
        known = {node.id for node in self.example.nodes}
        seen: set[str] = set()
        lanes: list[str] = []
        for name, held in self.example.lanes.items():
            ids = [token for row in held for token in rows[row] if token in known and token not in seen]
            seen |= set(ids)
            nodes = "".join(f"<bpmn:flowNodeRef>{each}</bpmn:flowNodeRef>" for each in dict.fromkeys(ids))
            lanes.append(f'<bpmn:lane id="Lane_{_camel(name)}" name={quoteattr(name)}>{nodes}</bpmn:lane>')
        return f'<bpmn:laneSet id="Lanes">{"".join(lanes)}</bpmn:laneSet>'

    # --- the drawing ------------------------------------------------------------------------------

    def _diagram(self) -> str:
        plane = "Collaboration" if self.example.pool else self.key
        layout = self.page.layout
        expanded = {node.id for node in walk(self.example.nodes) if node.is_container}
        shapes = [*_frames(self.page)]
        for name, box in layout.boxes.items():
            shapes.append(_shape(name, box, layout.names.get(name), ' isExpanded="true"' if name in expanded else ""))
        edges = [_edge(name, points, layout.names.get(name)) for name, points in layout.edges.items()]
        edges += [_edge(name, points, None) for name, points in (self.page.data | self.page.messages).items()]
        return (
            f'<bpmndi:BPMNDiagram id="Diagram"><bpmndi:BPMNPlane id="Plane" bpmnElement="{plane}">'
            f"{''.join(shapes)}{''.join(edges)}</bpmndi:BPMNPlane></bpmndi:BPMNDiagram>"
        )


def _with_id(part: str, node: str, at: int) -> str:
    """An event definition has an id of its own."""
    found = re.match(r"<bpmn:(\w+EventDefinition)(?! id=)", part)
    if found is None:
        return part
    kind = found[1][:1].upper() + found[1][1:]
    return f'{found[0]} id="{kind}_{node}{at or ""}"{part[found.end() :]}'


def _frames(page: Sheet) -> Iterable[str]:
    if page.pool is not None:
        yield _shape("Pool", page.pool, None, ' isHorizontal="true"')
    for name, box in page.lanes.items():
        yield _shape(f"Lane_{_camel(name)}", box, None, ' isHorizontal="true"')
    if page.partner is not None:
        yield _shape("Partner", page.partner, None, ' isHorizontal="true"')


def _shape(name: str, box: Box, label: Box | None, more: str) -> str:
    return (
        f'<bpmndi:BPMNShape id="{name}_di" bpmnElement="{name}"{more}>{_bounds(box)}{_label(label)}</bpmndi:BPMNShape>'
    )


def _edge(name: str, points: Points, label: Box | None) -> str:
    way = "".join(f'<di:waypoint x="{x:g}" y="{y:g}" />' for x, y in points)
    return f'<bpmndi:BPMNEdge id="{name}_di" bpmnElement="{name}">{way}{_label(label)}</bpmndi:BPMNEdge>'


def _label(box: Box | None) -> str:
    return f"<bpmndi:BPMNLabel>{_bounds(box)}</bpmndi:BPMNLabel>" if box is not None else ""


def _bounds(box: Box) -> str:
    x, y, w, h = (round(each) for each in box)
    return f'<dc:Bounds x="{x}" y="{y}" width="{w}" height="{h}" />'


def _extensions(parts: Parts) -> str:
    return f"<bpmn:extensionElements>{''.join(parts.extensions)}</bpmn:extensionElements>" if parts.extensions else ""


def _attributes(attributes: Mapping[str, str]) -> str:
    return "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())


def _camel(text: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"\W+", text))


def _pretty(text: str) -> str:
    """Indented by two, and empty elements closed as these editors close them."""
    root = etree.fromstring(text.encode())
    etree.indent(root, "  ")
    body = etree.tostring(root, encoding="unicode")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + re.sub(r'(["\w])/>', r"\1 />", body) + "\n"
