"""Where elements are drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from bpmn.diagram import Drawing, Edge, Shape, read_drawing
from bpmn.document import Unreadable

ORDER = Path(__file__).parents[2] / "docs/example/order.bpmn"
DRAWN = """<b:definitions xmlns:b="http://www.omg.org/spec/BPMN/20100524/MODEL"
  xmlns:di="http://www.omg.org/spec/BPMN/20100524/DI" xmlns:dc="http://www.omg.org/spec/DD/20100524/DC"
  xmlns:dd="http://www.omg.org/spec/DD/20100524/DI">
  <di:BPMNDiagram><di:BPMNPlane bpmnElement="p">
    <di:BPMNShape bpmnElement="t" isExpanded="false"><dc:Bounds x="10" y="20.5" width="100" height="80"/></di:BPMNShape>
    <di:BPMNShape bpmnElement="u"/>
    <di:BPMNShape bpmnElement="v"><dc:Bounds x="NaN" y="1e400" width="x" height=""/></di:BPMNShape>
    <di:BPMNEdge bpmnElement="f"><dd:waypoint x="110" y="60"/><dd:waypoint x="200" y="60"/></di:BPMNEdge>
    <di:BPMNEdge bpmnElement="g"><dd:waypoint x="110" y="60"/></di:BPMNEdge>
  </di:BPMNPlane></di:BPMNDiagram></b:definitions>"""


def test_shapes_and_edges_have_the_ids_of_their_elements():
    drawing = read_drawing(DRAWN.encode(), "drawn.bpmn")

    assert drawing.shapes[0] == Shape("t", 10, 20.5, 100, 80, is_expanded=False)
    assert drawing.edges == (Edge("f", ((110, 60), (200, 60))),)


def test_numbers_that_are_none_become_zero():
    assert read_drawing(DRAWN.encode(), "drawn.bpmn").shapes[1] == Shape("v", 0, 0, 0, 0)


def test_the_bounds_are_around_shapes_and_edges():
    assert read_drawing(DRAWN.encode(), "drawn.bpmn").bounds == (0, 0, 200, 100.5)


def test_a_file_without_a_drawing_has_an_empty_one():
    drawing = read_drawing(b'<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"/>', "plain.bpmn")

    assert drawing == Drawing((), ())
    assert drawing.bounds == (0, 0, 0, 0)


def test_a_saved_diagram_has_a_place_for_every_element():
    drawing = read_drawing(ORDER.read_bytes(), "order.bpmn")

    assert {"Ordered", "ChargeCard", "LimitExceeded"} <= {shape.id for shape in drawing.shapes}
    assert all(len(edge.waypoints) > 1 for edge in drawing.edges)


def test_what_is_no_diagram_is_refused():
    with pytest.raises(Unreadable, match="Not well-formed XML"):
        read_drawing(b"<", "bad.bpmn")
