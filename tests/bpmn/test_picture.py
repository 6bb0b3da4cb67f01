"""A diagram as a picture: the signs of BPMN where the diagram has them."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from bpmn.picture import picture

ELEMENTS = Path(__file__).parents[2] / "docs/elements"
SVG = "{http://www.w3.org/2000/svg}"


def drawn(example: str, dialect: str = "bpmn", **options: str) -> ElementTree.Element:
    file = ELEMENTS / example / f"{dialect}.bpmn"
    return ElementTree.fromstring(picture(file.read_bytes(), file.name, **options))


def group(image: ElementTree.Element, element_id: str) -> ElementTree.Element:
    return next(each for each in image.iter(SVG + "g") if each.get("id") == f"element-{element_id}")


def test_every_element_is_drawn_under_its_id():
    image = drawn("boundary-timer")

    assert [each.get("id") for each in image.iter(SVG + "g") if each.get("id")] == [
        f"element-{name}"
        for name in (
            "Flow_Start_Offer",
            "Flow_Offer_Sent",
            "Flow_Event_Handled",
            "Offer",
            "Start",
            "Sent",
            "Handled",
            "Event",
        )
    ]


@pytest.mark.parametrize(
    ("example", "rings", "dashed"), [("boundary-signal", 2, 0), ("boundary-signal-non-interrupting", 2, 2)]
)
def test_an_event_that_does_not_interrupt_has_dashed_rings(example: str, rings: int, dashed: int):
    circles = [each.get("class") or "" for each in group(drawn(example), "Event").iter(SVG + "circle")]

    assert len([each for each in circles if "ring" in each]) == rings
    assert len([each for each in circles if "dashed" in each]) == dashed


def test_a_default_flow_has_a_stroke_and_a_conditional_one_at_an_activity_a_diamond():
    image = drawn("conditional-flow")

    marks = {flow: [each.get("class") for each in group(image, flow).iter(SVG + "path")] for flow in (
        "Flow_Check_Done", "Flow_Check_Approve", "Flow_Approve_Approved")}  # fmt: skip
    assert list(marks.values()) == [["line"], ["node"], []]


def test_a_picture_says_what_it_shows_to_who_cannot_see_it():
    image = drawn("user-task", title="A <user> task", description="Waits for a person.")

    assert image.get("aria-label") == "A <user> task"
    assert [image.findtext(f"{SVG}{tag}") for tag in ("title", "desc")] == ["A <user> task", "Waits for a person."]


def test_names_are_text_and_nothing_else():
    file = (ELEMENTS / "user-task/bpmn.bpmn").read_text().replace('name="Check order"', 'name="&lt;script&gt;x"')

    assert "<script" not in picture(file.encode(), "evil.bpmn")


def test_a_file_without_a_drawing_says_so():
    assert "no drawing" in picture(b'<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"/>', "a.bpmn")
