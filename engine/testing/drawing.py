"""Draws a diagram as SVG from its diagram interchange, what was taken in colour."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from xml.sax.saxutils import escape, quoteattr

from bpmn.diagram import Drawing, Edge, Shape, Unreadable, read_drawing
from bpmn.document import Document, parse

_MARGIN = 30
_LINE_HEIGHT = 14
_GATEWAY_SIGNS = {
    "exclusiveGateway": "×",
    "parallelGateway": "+",
    "inclusiveGateway": "○",
    "eventBasedGateway": "⬠",
    "complexGateway": "✱",
}
_TASK_SIGNS = {
    "userTask": "☺",
    "serviceTask": "⚙",
    "scriptTask": "≡",
    "businessRuleTask": "▦",
    "sendTask": "✉",
    "receiveTask": "✉",
    "manualTask": "✋",
}
_FRAMES = ("participant", "lane")
_SUBPROCESSES = ("subProcess", "transaction", "adHocSubProcess")
_FLOW_NODES = ("Event", "Gateway", "task", "Task", "callActivity")


def draw(data: bytes, file: str, taken: Collection[str]) -> str:
    """A standalone SVG document. A file without diagram interchange gives one that says so."""
    try:
        document, drawing = parse(data, file), read_drawing(data, file)
    except Unreadable:
        return _nothing_drawn()
    return _Picture(document, drawing, taken).svg() if drawing.shapes else _nothing_drawn()


def _nothing_drawn() -> str:
    return _document(320, 60, '<text x="160" y="35">This file has no drawing.</text>', (0.0, 0.0))


def _document(width: float, height: float, body: str, origin: tuple[float, float]) -> str:
    view = f"{origin[0]:g} {origin[1]:g} {width:g} {height:g}"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{view}" width="{width:g}" height="{height:g}">'
        f"<style>{_STYLE}</style>{_ARROWS}{body}</svg>\n"
    )


class _Picture:
    def __init__(self, document: Document, drawing: Drawing, taken: Collection[str]) -> None:
        self.drawing = drawing
        self.taken = taken
        self.kinds = {each: element.name for each, element in document.by_id.items()}
        self.names = {each: element.get("name") for each, element in document.by_id.items()}

    def svg(self) -> str:
        x, y, width, height = self.drawing.bounds
        body = "".join([*self._shapes(behind=True), *self._edges(), *self._shapes(behind=False)])
        return _document(width + 2 * _MARGIN, height + 3 * _MARGIN, body, (x - _MARGIN, y - _MARGIN))

    def _shapes(self, *, behind: bool) -> Iterator[str]:
        """*behind*: pools, lanes and expanded subprocesses, largest first; else all that stands in front."""
        for shape in sorted(self.drawing.shapes, key=lambda shape: -shape.w * shape.h):
            kind = self.kinds.get(shape.id, "")
            if _is_container(kind, shape) == behind:
                yield self._group(
                    shape.id, kind, _figure(kind, shape) + _label(kind, self.names.get(shape.id, ""), shape)
                )

    def _edges(self) -> Iterator[str]:
        for edge in self.drawing.edges:
            line = _line(edge, self.names.get(edge.id, ""), is_taken=edge.id in self.taken)
            yield self._group(edge.id, self.kinds.get(edge.id, ""), line)

    def _group(self, element_id: str, kind: str, content: str) -> str:
        """Only flow nodes and sequence flows are taken or missed; a lane or an annotation is neither."""
        is_counted = kind == "sequenceFlow" or kind in _SUBPROCESSES or kind.endswith(_FLOW_NODES)
        state = "" if not is_counted else " taken" if element_id in self.taken else " missed"
        return f"<g class={quoteattr(kind + state)} id={quoteattr('element-' + element_id)}>{content}</g>"


def _is_container(kind: str, shape: Shape) -> bool:
    return kind in _FRAMES or (kind in _SUBPROCESSES and shape.is_expanded)


def _figure(kind: str, shape: Shape) -> str:
    x, y, width, height = shape.x, shape.y, shape.w, shape.h
    middle, centre = x + width / 2, y + height / 2
    if kind.endswith("Event"):
        rings = [width / 2, width / 2 - 3] if kind.startswith(("intermediate", "boundary")) else [width / 2]
        return "".join(f'<circle cx="{middle:g}" cy="{centre:g}" r="{max(ring, 1):g}"/>' for ring in rings)
    if kind.endswith("Gateway"):
        corners = f"{middle:g},{y:g} {x + width:g},{centre:g} {middle:g},{y + height:g} {x:g},{centre:g}"
        sign = _GATEWAY_SIGNS.get(kind, "")
        return f'<polygon points="{corners}"/><text class="sign" x="{middle:g}" y="{centre + 8:g}">{sign}</text>'
    rounding = 0 if kind in _FRAMES else 8
    box = f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{rounding}"/>'
    sign = _TASK_SIGNS.get(kind)
    return box + (f'<text class="small" x="{x + 12:g}" y="{y + 18:g}">{sign}</text>' if sign else "")


def _label(kind: str, name: str, shape: Shape) -> str:
    if not name:
        return ""
    middle = shape.x + shape.w / 2
    if kind in _FRAMES and shape.is_horizontal:
        x, y = shape.x + 18, shape.y + shape.h / 2
        return f'<text transform="rotate(-90 {x:g} {y:g})" x="{x:g}" y="{y:g}">{escape(name)}</text>'
    if _is_container(kind, shape):
        return _text(name, middle, shape.y + 18, shape.w)
    if kind.endswith(("Event", "Gateway")):
        return _text(name, middle, shape.y + shape.h + 14, 100)
    lines = len(_wrapped(name, shape.w))
    return _text(name, middle, shape.y + shape.h / 2 - (lines - 1) * _LINE_HEIGHT / 2 + 4, shape.w)


def _text(text: str, x: float, y: float, width: float) -> str:
    lines = enumerate(_wrapped(text, width))
    spans = "".join(f'<tspan x="{x:g}" y="{y + at * _LINE_HEIGHT:g}">{escape(line)}</tspan>' for at, line in lines)
    return f"<text>{spans}</text>"


def _wrapped(text: str, width: float) -> list[str]:
    """Lines of about *width*, at 6.5 units a character; words are kept whole."""
    most = max(8, int(width / 6.5))
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > most:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _line(edge: Edge, name: str, *, is_taken: bool) -> str:
    points = " ".join(f"{x:g},{y:g}" for x, y in edge.waypoints)
    arrow = "url(#arrow-taken)" if is_taken else "url(#arrow)"
    line = f'<polyline points="{points}" marker-end="{arrow}"/>'
    x, y = _middle(edge)
    return line + (_text(name, x, y - 6, 120) if name else "")


def _middle(edge: Edge) -> tuple[float, float]:
    """Of the first segment: near where a gateway's answers are read."""
    (x, y), (to_x, to_y) = edge.waypoints[0], edge.waypoints[1]
    return (x + to_x) / 2, (y + to_y) / 2


_ARROWS = "".join(
    f'<defs><marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerUnits="userSpaceOnUse" markerWidth="11" '
    f'markerHeight="11" orient="auto"><path d="M0 0L10 5L0 10z" fill="{colour}"/></marker></defs>'
    for name, colour in (("arrow", "#8a94a6"), ("arrow-taken", "#1a7f4e"))
)
_STYLE = (
    "text{font:12px system-ui,sans-serif;text-anchor:middle;fill:#1c2430}"
    "text:not(.sign){stroke:#fff;stroke-width:3px;paint-order:stroke;stroke-linejoin:round}"
    ".sign{font-size:24px}.small{font-size:13px}"
    "rect,circle,polygon{fill:#fff;stroke:#5b6678;stroke-width:1.5}polyline{fill:none;stroke:#8a94a6;stroke-width:1.5}"
    ".association polyline,.messageFlow polyline{stroke-dasharray:5 4}.endEvent circle{stroke-width:3.5}"
    ".taken>rect,.taken>circle,.taken>polygon{fill:#dff3e6;stroke:#1a7f4e}.taken>polyline{stroke:#1a7f4e;stroke-width:2.5}"
    ".missed>rect,.missed>circle,.missed>polygon{fill:#fdeceb;stroke:#b3362b;stroke-dasharray:6 3}"
    ".missed>polyline{stroke:#b3362b;stroke-dasharray:6 3}"
)
