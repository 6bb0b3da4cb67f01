"""Where a diagram's elements are drawn: for pictures of coverage and of running instances."""

from __future__ import annotations

from dataclasses import dataclass

from bpmn.document import Element, Unreadable, local, parse

Bounds = tuple[float, float, float, float]  # x, y, width, height


@dataclass(frozen=True, slots=True)
class Shape:
    """*id*: the BPMN element's. *x*, *y*: its top left corner, in the diagram's units (pixels at zoom 1).
    *label*: where its name stands, when it stands outside and has a place."""

    id: str
    x: float
    y: float
    w: float
    h: float
    is_expanded: bool = True
    is_horizontal: bool = True
    label: Bounds | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """*id*: the sequence flow's, message flow's or association's."""

    id: str
    waypoints: tuple[tuple[float, float], ...]
    label: Bounds | None = None


@dataclass(frozen=True, slots=True)
class Drawing:
    """The first diagram of a file; *bounds* are around all that is in it."""

    shapes: tuple[Shape, ...]
    edges: tuple[Edge, ...]

    @property
    def bounds(self) -> Bounds:
        labels = [each.label for each in (*self.shapes, *self.edges) if each.label is not None]
        boxes = [(s.x, s.y, s.w, s.h) for s in self.shapes] + labels
        points = [point for edge in self.edges for point in edge.waypoints]
        xs = [each for x, _, w, _ in boxes for each in (x, x + w)] + [x for x, _ in points]
        ys = [each for _, y, _, h in boxes for each in (y, y + h)] + [y for _, y in points]
        if not xs:
            return (0.0, 0.0, 0.0, 0.0)
        return (min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))


def read_drawing(data: bytes, file: str) -> Drawing:
    """Shapes and edges in the order they are drawn; elements without a drawing are left out.

    Raises Unreadable when the file is no BPMN.
    """
    document = parse(data, file)
    planes = document.all("bpmndi:BPMNPlane")
    if not planes:
        return Drawing((), ())
    inside = list(planes[0].walk())
    shapes = (_shape(element) for element in inside if element.name == "bpmndi:BPMNShape")
    edges = (_edge(element) for element in inside if element.name == "bpmndi:BPMNEdge")
    return Drawing(tuple(s for s in shapes if s is not None), tuple(e for e in edges if e is not None))


def _shape(element: Element) -> Shape | None:
    bounds = element.child("dc:Bounds")
    drawn = local(element.get("bpmnElement"))
    if bounds is None or not drawn:
        return None
    x, y, w, h = _bounds(bounds)
    return Shape(
        drawn, x, y, w, h, element.flag("isExpanded", True), element.flag("isHorizontal", True), _label(element)
    )


def _edge(element: Element) -> Edge | None:
    drawn = local(element.get("bpmnElement"))
    points = tuple((_number(p.get("x")), _number(p.get("y"))) for p in element.all("di:waypoint"))
    return Edge(drawn, points, _label(element)) if drawn and len(points) > 1 else None


def _label(element: Element) -> Bounds | None:
    label = element.child("bpmndi:BPMNLabel")
    bounds = label.child("dc:Bounds") if label is not None else None
    return _bounds(bounds) if bounds is not None else None


def _bounds(element: Element) -> Bounds:
    x, y, w, h = (_number(element.get(name)) for name in ("x", "y", "width", "height"))
    return x, y, w, h


def _number(text: str) -> float:
    """0 for what is no finite number: a picture is not worth a refusal."""
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if abs(value) < 1e9 else 0.0


__all__ = ["Bounds", "Drawing", "Edge", "Shape", "Unreadable", "read_drawing"]
