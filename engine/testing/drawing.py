"""Draws a diagram as SVG from its diagram interchange, what was taken in colour."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from xml.sax.saxutils import escape, quoteattr

from bpmn.diagram import Diagram, Edge, Shape, shapes

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


def draw(data: bytes, taken: Collection[str]) -> str:
    """A standalone SVG document. A file without diagram interchange gives one that says so."""
    diagram = shapes(data)
    if diagram is None or not diagram.shapes:
        return _document(320, 60, '<text x="20" y="35">This file has no drawing.</text>', (0.0, 0.0))
    left, top, right, bottom = _bounds(diagram)
    body = "".join(
        [*_shapes(diagram, taken, behind=True), *_edges(diagram, taken), *_shapes(diagram, taken, behind=False)]
    )
    return _document(right - left + 2 * _MARGIN, bottom - top + 2 * _MARGIN, body, (left - _MARGIN, top - _MARGIN))


def _bounds(diagram: Diagram) -> tuple[float, float, float, float]:
    boxes = [(each.x, each.y, each.x + each.width, each.y + each.height) for each in diagram.shapes]
    boxes += [(x, y, x, y) for edge in diagram.edges for x, y in edge.waypoints]
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )


def _document(width: float, height: float, body: str, origin: tuple[float, float]) -> str:
    view = f"{origin[0]:g} {origin[1]:g} {width:g} {height:g}"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{view}" width="{width:g}" height="{height:g}">'
        f"<style>{_STYLE}</style>{_ARROWS}{body}</svg>\n"
    )


def _shapes(diagram: Diagram, taken: Collection[str], *, behind: bool) -> Iterator[str]:
    """*behind*: pools, lanes and expanded subprocesses, largest first; else all that stands in front of them."""
    for shape in sorted(diagram.shapes, key=lambda shape: -shape.width * shape.height):
        if _is_container(shape) == behind:
            yield _group(shape.element_id, shape.kind, taken, _figure(shape) + _label(shape))


def _is_container(shape: Shape) -> bool:
    return shape.kind in _FRAMES or (_is_subprocess(shape) and shape.is_expanded)


def _is_subprocess(shape: Shape) -> bool:
    return shape.kind in ("subProcess", "transaction", "adHocSubProcess")


def _group(element_id: str, kind: str, taken: Collection[str], content: str) -> str:
    """Only flow nodes and sequence flows are taken or missed; a lane or an annotation is neither."""
    is_counted = kind.endswith(("Event", "Gateway", "ask", "ubProcess", "Activity", "sequenceFlow", "transaction"))
    state = "" if not is_counted else " taken" if element_id in taken else " missed"
    return f"<g class={quoteattr(kind + state)} id={quoteattr('element-' + element_id)}>{content}</g>"


def _figure(shape: Shape) -> str:
    x, y, width, height = shape.x, shape.y, shape.width, shape.height
    middle, centre = x + width / 2, y + height / 2
    if shape.kind.endswith("Event"):
        rings = [width / 2, width / 2 - 3] if shape.kind.startswith(("intermediate", "boundary")) else [width / 2]
        return "".join(f'<circle cx="{middle:g}" cy="{centre:g}" r="{ring:g}"/>' for ring in rings)
    if shape.kind.endswith("Gateway"):
        corners = f"{middle:g},{y:g} {x + width:g},{centre:g} {middle:g},{y + height:g} {x:g},{centre:g}"
        sign = _GATEWAY_SIGNS.get(shape.kind, "")
        return f'<polygon points="{corners}"/><text class="sign" x="{middle:g}" y="{centre + 8:g}">{sign}</text>'
    rounding = 0 if shape.kind in _FRAMES else 8
    box = f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{rounding}"/>'
    sign = _TASK_SIGNS.get(shape.kind)
    return box + (f'<text class="small" x="{x + 12:g}" y="{y + 18:g}">{sign}</text>' if sign else "")


def _label(shape: Shape) -> str:
    if not shape.name:
        return ""
    if shape.kind in _FRAMES and shape.is_horizontal:
        x, y = shape.x + 18, shape.y + shape.height / 2
        return f'<text transform="rotate(-90 {x:g} {y:g})" x="{x:g}" y="{y:g}">{escape(shape.name)}</text>'
    if _is_container(shape):
        return _text(shape.name, shape.x + shape.width / 2, shape.y + 18, shape.width)
    if shape.kind.endswith(("Event", "Gateway")):
        if shape.label is not None:
            return _text(shape.name, shape.label.x + shape.label.width / 2, shape.label.y + 11, shape.label.width + 20)
        return _text(shape.name, shape.x + shape.width / 2, shape.y + shape.height + 14, 100)
    lines = len(_wrapped(shape.name, shape.width))
    middle = shape.y + shape.height / 2 - (lines - 1) * _LINE_HEIGHT / 2 + 4
    return _text(shape.name, shape.x + shape.width / 2, middle, shape.width)


def _text(text: str, x: float, y: float, width: float) -> str:
    lines = _wrapped(text, width)
    spans = "".join(
        f'<tspan x="{x:g}" y="{y + at * _LINE_HEIGHT:g}">{escape(line)}</tspan>' for at, line in enumerate(lines)
    )
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


def _edges(diagram: Diagram, taken: Collection[str]) -> Iterator[str]:
    for edge in diagram.edges:
        if len(edge.waypoints) > 1:
            yield _group(edge.element_id, edge.kind, taken, _line(edge, edge.element_id in taken))


def _line(edge: Edge, is_taken: bool) -> str:
    points = " ".join(f"{x:g},{y:g}" for x, y in edge.waypoints)
    arrow = "url(#arrow-taken)" if is_taken else "url(#arrow)"
    line = f'<polyline points="{points}" marker-end="{arrow}"/>'
    if not edge.name:
        return line
    if edge.label is not None:
        return line + _text(edge.name, edge.label.x + edge.label.width / 2, edge.label.y + 11, edge.label.width + 20)
    x, y = edge.waypoints[len(edge.waypoints) // 2]
    return line + _text(edge.name, x, y - 6, 120)


_ARROWS = (
    '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0L10 5L0 10z" fill="#8a94a6"/></marker>'
    '<marker id="arrow-taken" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0L10 5L0 10z" fill="#1a7f4e"/></marker></defs>'
)
_STYLE = (
    "text{font:12px system-ui,sans-serif;text-anchor:middle;fill:#1c2430;stroke:none}"
    ".sign{font-size:24px}.small{font-size:13px}"
    "rect,circle,polygon{fill:#fff;stroke:#5b6678;stroke-width:1.5}polyline{fill:none;stroke:#8a94a6;stroke-width:1.5}"
    ".association polyline,.messageFlow polyline{stroke-dasharray:5 4}.endEvent circle{stroke-width:3.5}"
    ".taken>rect,.taken>circle,.taken>polygon{fill:#dff3e6;stroke:#1a7f4e}.taken>polyline{stroke:#1a7f4e;stroke-width:2.5}"
    ".missed>rect,.missed>circle,.missed>polygon{fill:#fdeceb;stroke:#b3362b;stroke-dasharray:6 3}"
    ".missed>polyline{stroke:#b3362b;stroke-dasharray:6 3}"
)
