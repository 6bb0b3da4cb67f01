"""A diagram as a standalone SVG, drawn from its diagram interchange with the signs of BPMN 2.0."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from bpmn.diagram import Bounds, Drawing, Edge, Shape, Unreadable, read_drawing
from bpmn.document import Document, Element, parse
from bpmn.model import EventKind
from bpmn.reader.events import KINDS
from bpmn.symbols import GATEWAYS, INSTANTIATING, INSTANTIATING_ALL, MARKERS, TASKS, event_sign

FRAMES: Final = ("participant", "lane")
SUBPROCESSES: Final = ("subProcess", "transaction", "adHocSubProcess")
_DATA: Final = ("dataObjectReference", "dataStoreReference", "dataInput", "dataOutput")
_FLOWS: Final = ("sequenceFlow", "messageFlow", "association", "dataInputAssociation", "dataOutputAssociation")
_MARGIN: Final = 24
_LINE_HEIGHT: Final = 14
_HEADER: Final = 30  # of pools and lanes
_CHARACTER: Final = 6.1  # mean width at 12 px


def picture(
    data: bytes,
    file: str,
    *,
    title: str = "",
    description: str = "",
    style: str = "",
    classes: Callable[[str, str], str] = lambda element_id, kind: "",
) -> str:
    """A standalone SVG document. A file without diagram interchange gives one that says so.

    *classes* gives more CSS classes for an element by its id and tag, *style* the rules for them. Light and dark
    follow what the reader's system asks for.
    """
    try:
        document, drawing = parse(data, file), read_drawing(data, file)
    except Unreadable:
        return _nothing_drawn()
    if not drawing.shapes:
        return _nothing_drawn()
    return _Picture(document, drawing, classes).svg(title, description, style)


def _nothing_drawn() -> str:
    body = '<text class="middle" x="160" y="35">This file has no drawing.</text>'
    return _svg(body, (0.0, 0.0, 320.0, 60.0), "No drawing", "", "")


def _svg(body: str, view: Bounds, title: str, description: str, style: str) -> str:
    x, y, width, height = view
    told = f"<title>{escape(title)}</title>" if title else ""
    told += f"<desc>{escape(description)}</desc>" if description else ""
    name = f' role="img" aria-label={quoteattr(title)}' if title else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{x:g} {y:g} {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}"{name}>\n{told}<style>{_STYLE}{style}</style>\n{_ENDS}\n'
        f'<rect class="paper" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="8"/>\n{body}</svg>\n'
    )


class _Picture:
    def __init__(self, document: Document, drawing: Drawing, classes: Callable[[str, str], str]) -> None:
        self.drawing = drawing
        self.elements = document.by_id
        self.classes = classes
        self.defaults = {element.get("default") for element in document.root.walk() if element.get("default")}
        self.events = _EventKinds(document)

    def svg(self, title: str, description: str, style: str) -> str:
        x, y, width, height = self.drawing.bounds
        view = (x - _MARGIN, y - _MARGIN, width + 2 * _MARGIN, height + 2 * _MARGIN)
        parts = [*self._shapes(behind=True), *self._edges(), *self._shapes(behind=False)]
        return _svg("\n".join(parts) + "\n", view, title, description, style)

    def _shapes(self, *, behind: bool) -> Iterator[str]:
        """*behind*: pools, lanes and expanded subprocesses, largest first; else all that stands in front."""
        for shape in sorted(self.drawing.shapes, key=lambda shape: -shape.w * shape.h):
            element = self.elements.get(shape.id)
            if element is not None and _is_container(element, shape) == behind:
                yield self._group(element, self._figure(element, shape) + _label(element, shape))

    def _edges(self) -> Iterator[str]:
        for edge in self.drawing.edges:
            element = self.elements.get(edge.id)
            if element is not None:
                yield self._group(element, self._line(element, edge))

    def _group(self, element: Element, content: str) -> str:
        names = f"{element.name} {self.classes(element.id, element.name)}".strip()
        return f"<g class={quoteattr(names)} id={quoteattr('element-' + element.id)}>{content}</g>"

    def _figure(self, element: Element, shape: Shape) -> str:
        if element.name.endswith("Event"):
            return self._event(element, shape)
        if element.name.endswith("Gateway"):
            return _gateway(element, shape)
        if element.name in FRAMES:
            return _frame(element, shape)
        if element.name in _DATA:
            return _data(element, shape)
        if element.name == "textAnnotation":
            edge = f"M{shape.x + 12:g} {shape.y:g}H{shape.x:g}V{shape.y + shape.h:g}H{shape.x + 12:g}"
            return f'<path class="line" d="{edge}"/>'
        if element.name == "group":
            return _box(shape, 10, "dashed bare")
        return _activity(element, shape)

    def _event(self, element: Element, shape: Shape) -> str:
        """Two rings in between, a thick one in the end, dashed ones where nothing is interrupted (10.5)."""
        middle, centre, radius = shape.x + shape.w / 2, shape.y + shape.h / 2, shape.w / 2
        goes_on = not element.flag("cancelActivity", True) or not element.flag("isInterrupting", True)
        dashed = " dashed" if goes_on else ""
        rings = [radius, radius - 3.5] if element.name.startswith(("intermediate", "boundary")) else [radius]
        circles = (f'<circle class="ring{dashed}" cx="{middle:g}" cy="{centre:g}" r="{max(r, 1):g}"/>' for r in rings)
        throws = element.name in ("endEvent", "intermediateThrowEvent")
        sign = event_sign(self.events.of(element), throws=throws)
        return "".join(circles) + _sign(sign, middle, centre, radius / 18)

    def _line(self, element: Element, edge: Edge) -> str:
        kind = element.name if element.name in _FLOWS else "association"
        points = " ".join(f"{x:g},{y:g}" for x, y in edge.waypoints)
        ends = {
            "sequenceFlow": ' marker-end="url(#arrow)"',
            "messageFlow": ' marker-start="url(#round)" marker-end="url(#open)"',
            "association": "" if element.get("associationDirection", "None") == "None" else ' marker-end="url(#wide)"',
        }.get(kind, ' marker-end="url(#wide)"')
        line = f'<polyline class="line" points="{points}"{ends}/>'
        return line + self._start_of(element, edge) + _name_of_flow(element, edge)

    def _start_of(self, element: Element, edge: Edge) -> str:
        """The stroke of a default flow, the diamond of a condition at an activity (7.6.1)."""
        if element.name != "sequenceFlow":
            return ""
        (x, y), (to_x, to_y) = edge.waypoints[0], edge.waypoints[1]
        length = max(((to_x - x) ** 2 + (to_y - y) ** 2) ** 0.5, 1)
        along = f"matrix({(to_x - x) / length:.3g} {(to_y - y) / length:.3g} {(y - to_y) / length:.3g} "
        place = f"{along}{(to_x - x) / length:.3g} {x:g} {y:g})"
        if element.id in self.defaults:
            return f'<path class="line" transform="{place}" d="M6 5L11 -5"/>'
        source = self.elements.get(element.get("sourceRef"))
        at_activity = source is not None and not source.name.endswith(("Gateway", "Event"))
        if at_activity and element.child("conditionExpression") is not None:
            return f'<path class="node" transform="{place}" d="M0 0L8 -4.5L16 0L8 4.5Z"/>'
        return ""


class _EventKinds:
    def __init__(self, document: Document) -> None:
        self._document = document

    def of(self, event: Element) -> EventKind:
        definitions = [child for child in event.children if child.name in KINDS or child.name == "eventDefinitionRef"]
        if len(definitions) > 1:
            return EventKind.PARALLEL_MULTIPLE if event.flag("parallelMultiple") else EventKind.MULTIPLE
        if not definitions:
            return EventKind.NONE
        found = definitions[0]
        if found.name == "eventDefinitionRef":
            found = self._document.resolve(found.text)
        return KINDS.get(found.name, EventKind.NONE) if found is not None else EventKind.NONE


def _is_container(element: Element, shape: Shape) -> bool:
    return element.name in (*FRAMES, "group") or (element.name in SUBPROCESSES and shape.is_expanded)


def _gateway(element: Element, shape: Shape) -> str:
    x, y, middle, centre = shape.x, shape.y, shape.x + shape.w / 2, shape.y + shape.h / 2
    corners = f"{middle:g},{y:g} {x + shape.w:g},{centre:g} {middle:g},{y + shape.h:g} {x:g},{centre:g}"
    sign = GATEWAYS.get(element.name, "")
    if element.flag("instantiate"):
        sign = INSTANTIATING_ALL if element.get("eventGatewayType") == "Parallel" else INSTANTIATING
    return f'<polygon class="node" points="{corners}"/>' + _sign(sign, middle, centre, shape.w / 50)


def _frame(element: Element, shape: Shape) -> str:
    box = _box(shape, 0, "bare")
    if element.name == "lane" or not _has_header(element, shape):
        return box
    return box + f'<path class="line" d="M{shape.x + _HEADER:g} {shape.y:g}v{shape.h:g}"/>'


def _has_header(element: Element, shape: Shape) -> bool:
    """Its name stands upright on the left: not so in a pool that shows no process."""
    return shape.is_horizontal and (element.name == "lane" or bool(element.get("processRef")))


def _data(element: Element, shape: Shape) -> str:
    x, y, w, h = shape.x, shape.y, shape.w, shape.h
    if element.name == "dataStoreReference":
        rim = h / 8
        body = f"M{x:g} {y + rim:g}v{h - 2 * rim:g}a{w / 2:g} {rim:g} 0 0 0 {w:g} 0v{2 * rim - h:g}"
        ring = f"a{w / 2:g} {rim:g} 0 0 1 {-w:g} 0a{w / 2:g} {rim:g} 0 0 1 {w:g} 0"
        arc = f"a{w / 2:g} {rim:g} 0 0 0 {w:g} 0"
        rims = f"M{x:g} {y + rim + 5:g}{arc}M{x:g} {y + rim + 10:g}{arc}"
        return f'<path class="node" d="{body}{ring}"/><path class="thin" d="{rims}"/>'
    fold = w / 3
    page = f"M{x:g} {y:g}h{w - fold:g}l{fold:g} {fold:g}v{h - fold:g}h{-w:g}z"
    return f'<path class="node" d="{page}"/><path class="thin" d="M{x + w - fold:g} {y:g}v{fold:g}h{fold:g}"/>'


def _activity(element: Element, shape: Shape) -> str:
    more = "strong" if element.name == "callActivity" else "dotted" if element.flag("triggeredByEvent") else ""
    box = _box(shape, 10, more)
    if element.name == "transaction":
        box += _box(Shape(shape.id, shape.x + 3, shape.y + 3, shape.w - 6, shape.h - 6), 8, "bare")
    if element.name in TASKS:
        box += _sign(TASKS[element.name], shape.x + 7, shape.y + 7, 1)
    if element.name == "receiveTask" and element.flag("instantiate"):
        box += f'<circle class="thin" cx="{shape.x + 16:g}" cy="{shape.y + 16.5:g}" r="12.5"/>'
    markers = [MARKERS[name] for name in _markers(element, shape)]
    middle, bottom = shape.x + shape.w / 2, shape.y + shape.h - 11
    return box + "".join(
        _sign(marker, middle + (at - (len(markers) - 1) / 2) * 20, bottom, 1) for at, marker in enumerate(markers)
    )


def _markers(element: Element, shape: Shape) -> Iterator[str]:
    if element.child("standardLoopCharacteristics") is not None:
        yield "loop"
    instances = element.child("multiInstanceLoopCharacteristics")
    if instances is not None:
        yield "sequential" if instances.flag("isSequential") else "parallel"
    if element.flag("isForCompensation"):
        yield "compensation"
    if element.name == "adHocSubProcess":
        yield "adHoc"
    if element.name in SUBPROCESSES and not shape.is_expanded:
        yield "collapsed"


def _box(shape: Shape, rounding: float, more: str) -> str:
    place = f'x="{shape.x:g}" y="{shape.y:g}" width="{shape.w:g}" height="{shape.h:g}"'
    return f'<rect class="{f"node {more}".strip()}" {place} rx="{rounding:g}"/>'


def _sign(sign: str, x: float, y: float, scale: float) -> str:
    zoom = "" if scale == 1 else f" scale({scale:g})"
    return f'<g class="sign" transform="translate({x:g} {y:g}){zoom}">{sign}</g>' if sign else ""


def _label(element: Element, shape: Shape) -> str:
    name = element.get("name") or (element.child_text("text") if element.name == "textAnnotation" else "")
    if not name:
        return ""
    middle, centre = shape.x + shape.w / 2, shape.y + shape.h / 2
    if element.name in FRAMES and _has_header(element, shape):
        x, y = shape.x + 19, centre
        return f'<text class="middle" transform="rotate(-90 {x:g} {y:g})" x="{x:g}" y="{y:g}">{escape(name)}</text>'
    if element.name in FRAMES:
        return _text(name, middle, centre + 4, shape.w)
    if _is_container(element, shape):
        return _text(name, middle, shape.y + 20, shape.w)
    if element.name == "textAnnotation":
        return _text(name, shape.x + 6, shape.y + 16, shape.w, anchor="start")
    if element.name.endswith(("Event", "Gateway")) or element.name in _DATA:
        if shape.label is not None:
            return _text(name, shape.label[0] + shape.label[2] / 2, shape.label[1] + 11, shape.label[2] + 6)
        return _text(name, middle, shape.y + shape.h + 16, 90)
    lines = len(_wrapped(name, shape.w - 8))
    return _text(name, middle, centre - (lines - 1) * _LINE_HEIGHT / 2 + 4, shape.w - 8)


def _name_of_flow(element: Element, edge: Edge) -> str:
    name = element.get("name")
    if not name:
        return ""
    if edge.label is not None:
        return _text(name, edge.label[0] + edge.label[2] / 2, edge.label[1] + 11, edge.label[2] + 6)
    (x, y), (to_x, to_y) = edge.waypoints[0], edge.waypoints[1]
    return _text(name, (x + to_x) / 2, (y + to_y) / 2 - 6, 120)


def _text(text: str, x: float, y: float, width: float, *, anchor: str = "middle") -> str:
    lines = enumerate(_wrapped(text, width))
    spans = "".join(f'<tspan x="{x:g}" y="{y + at * _LINE_HEIGHT:g}">{escape(line)}</tspan>' for at, line in lines)
    return f'<text class="{anchor}">{spans}</text>'


def _wrapped(text: str, width: float) -> list[str]:
    """Lines of about *width*; words are kept whole."""
    most = max(8, int(width / _CHARACTER))
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > most:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


_ENDS: Final = (
    '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9.5" refY="5" markerUnits="userSpaceOnUse" markerWidth="10" '
    'markerHeight="10" orient="auto"><path class="tip" d="M0 1L10 5L0 9z"/></marker>'
    '<marker id="open" viewBox="0 0 10 10" refX="9.5" refY="5" markerUnits="userSpaceOnUse" markerWidth="11" '
    'markerHeight="11" orient="auto"><path class="node" d="M0.5 1L9.5 5L0.5 9z"/></marker>'
    '<marker id="wide" viewBox="0 0 10 10" refX="9" refY="5" markerUnits="userSpaceOnUse" markerWidth="9" '
    'markerHeight="9" orient="auto"><path class="thin" d="M1 1L9 5L1 9"/></marker>'
    '<marker id="round" viewBox="0 0 10 10" refX="5" refY="5" markerUnits="userSpaceOnUse" markerWidth="9" '
    'markerHeight="9"><circle class="node" cx="5" cy="5" r="4"/></marker></defs>'
)
_STYLE: Final = (
    "svg{--paper:#fff;--fill:#fff;--ink:#24292f;--soft:#57606a}"
    "@media(prefers-color-scheme:dark){svg{--paper:#0d1117;--fill:#161b22;--ink:#e6edf3;--soft:#9da7b3}}"
    ".paper{fill:var(--paper)}"
    "text{font:12px Arial,Helvetica,sans-serif;fill:var(--ink);stroke:var(--paper);stroke-width:3px;"
    "paint-order:stroke;stroke-linejoin:round}.middle{text-anchor:middle}"
    ".node,.ring{fill:var(--fill);stroke:var(--ink);stroke-width:1.5}.bare{fill:none}"
    ".line,.thin{fill:none;stroke:var(--ink);stroke-width:1.3}.thin{stroke-width:1}"
    ".sign *{fill:none;stroke:var(--ink);stroke-width:1.2;stroke-linejoin:round}"
    ".sign .full{fill:var(--ink)}.sign .cut{stroke:var(--fill)}.sign .strong{stroke-width:1.7}"
    ".sign .bold{stroke-width:2.4}.sign .heavy{stroke-width:2.6}"
    ".node.strong{stroke-width:4}.node.dotted{stroke-dasharray:1 4;stroke-linecap:round;stroke-width:2}"
    ".dashed{stroke-dasharray:5 3.2}.endEvent .ring{stroke-width:3.5}.tip{fill:var(--ink)}"
    ".messageFlow .line{stroke-dasharray:7 5}"
    ".association .line,.dataInputAssociation .line,.dataOutputAssociation .line{stroke-dasharray:1 4;"
    "stroke-linecap:round;stroke-width:1.6}"
)
