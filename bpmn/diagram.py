"""Where a diagram's elements are drawn: for pictures of coverage and of running instances."""

from __future__ import annotations

from dataclasses import dataclass

from bpmn.document import Element, Unreadable, local, parse


@dataclass(frozen=True, slots=True)
class Shape:
    """*id*: the BPMN element's. *x*, *y*: its top left corner, in the diagram's units (pixels at zoom 1)."""

    id: str
    x: float
    y: float
    w: float
    h: float
    is_expanded: bool = True
    is_horizontal: bool = True


@dataclass(frozen=True, slots=True)
class Edge:
    """*id*: the sequence flow's, message flow's or association's."""

    id: str
    waypoints: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """The first diagram of a file; *bounds* are (x, y, w, h) around all that is in it."""

    shapes: tuple[Shape, ...]
    edges: tuple[Edge, ...]

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        xs = [x for s in self.shapes for x in (s.x, s.x + s.w)] + [x for e in self.edges for x, _ in e.waypoints]
        ys = [y for s in self.shapes for y in (s.y, s.y + s.h)] + [y for e in self.edges for _, y in e.waypoints]
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
    x, y, w, h = (_number(bounds.get(name)) for name in ("x", "y", "width", "height"))
    return Shape(drawn, x, y, w, h, element.flag("isExpanded", True), element.flag("isHorizontal", True))


def _edge(element: Element) -> Edge | None:
    drawn = local(element.get("bpmnElement"))
    points = tuple((_number(p.get("x")), _number(p.get("y"))) for p in element.all("di:waypoint"))
    return Edge(drawn, points) if drawn and len(points) > 1 else None


def _number(text: str) -> float:
    """0 for what is no finite number: a picture is not worth a refusal."""
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if abs(value) < 1e9 else 0.0


__all__ = ["Drawing", "Edge", "Shape", "Unreadable", "read_drawing"]
