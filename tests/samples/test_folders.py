"""Each sample as a folder: deployable without a finding, told in full by its scenarios, drawn like a diagram."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from bpmn.dmn import read_dmn
from bpmn.model import FlowElements
from bpmn.reader import read_bpmn
from engine.application import load_application
from engine.testing.runner import Outcome, plan_runs, run_all

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
NAMES = sorted(folder.name for folder in SAMPLES.iterdir() if (folder / "fermata.toml").is_file())
DI = {
    "bpmndi": "http://www.omg.org/spec/BPMN/20100524/DI",
    "dc": "http://www.omg.org/spec/DD/20100524/DC",
    "di": "http://www.omg.org/spec/DD/20100524/DI",
}
Box = tuple[float, float, float, float]  # left, top, right, bottom


@pytest.fixture(params=NAMES)
def folder(request, tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FERMATA_OFFLINE", "1")
    return SAMPLES / request.param


def test_the_models_are_read_without_a_finding(folder):
    findings = []
    for model in load_application(folder).models:
        read = {".bpmn": read_bpmn, ".dmn": read_dmn}.get(model.suffix)
        findings += read(model.read_bytes(), model.name)[1] if read else []

    assert [str(finding) for finding in findings] == []


def test_every_form_bears_the_name_of_its_file(folder):
    ids = {form.stem: json.loads(form.read_text(encoding="utf-8"))["id"] for form in folder.glob("*.form")}

    assert ids
    assert all(stem == form_id for stem, form_id in ids.items())


def test_the_scenarios_pass_and_reach_every_element_and_every_flow(folder):
    tasks, wrong = plan_runs(load_application(folder).scenarios, save_restore=False, is_chosen=lambda name: True)
    results = [*wrong, *run_all(tasks)]

    assert [(each.name, each.step, each.message) for each in results if each.outcome is not Outcome.PASSED] == []
    taken = [touched for each in results for touched in each.taken.values()]
    process = elements_of(folder)
    everything = {node.id for node in process.walk()}
    assert everything - {element for touched in taken for element in touched.elements} == set()
    assert set(flows_of(process)) - {flow for touched in taken for flow in touched.flows} == set()


def test_every_element_and_flow_is_drawn(folder):
    process = elements_of(folder)

    assert set(boxes(folder)) == {node.id for node in process.walk()}
    assert set(edges(folder)) == set(flows_of(process))


def test_every_flow_runs_at_right_angles_from_border_to_border(folder):
    drawn, flows = boxes(folder), flows_of(elements_of(folder))

    for flow_id, points in edges(folder).items():
        assert all(a[0] == b[0] or a[1] == b[1] for a, b in pairwise(points)), flow_id
        assert is_on_border(points[0], drawn[flows[flow_id].source]), flow_id
        assert is_on_border(points[-1], drawn[flows[flow_id].target]), flow_id


def test_no_two_elements_overlap_but_boundary_events_and_their_hosts(folder):
    process, drawn = elements_of(folder), boxes(folder)
    apart = [node.id for node in process.walk() if node.body is None and node.attached_to is None]

    overlapping = [
        (one, other)
        for index, one in enumerate(apart)
        for other in apart[index + 1 :]
        if overlaps(drawn[one], drawn[other])
    ]
    assert overlapping == []


def test_the_same_people_with_the_same_rights_are_in_every_sample():
    people = {name: load_application(SAMPLES / name).people for name in NAMES}

    assert len(set(people.values())) == 1
    assert {person.name for person in people[NAMES[0]]} == {"ann", "ben", "dora", "admin"}


def test_no_two_samples_have_a_handler_or_agent_of_the_same_name():
    names = [
        name
        for folder in NAMES
        for application in (load_application(SAMPLES / folder),)
        for name in (*(each.name for each in application.handlers()), *application.settings.agents)
    ]

    assert sorted(names) == sorted(set(names))


def test_the_copies_of_the_ledger_are_the_same():
    assert len({(SAMPLES / name / "ledger.py").read_text(encoding="utf-8") for name in NAMES}) == 1


def test_what_a_handler_does_twice_under_one_key_is_noted_once(folder):
    once = load_application(folder).function("ledger:once")

    once("i-1.7", "invoice paid", amount="20.00")
    once("i-1.7", "invoice paid", amount="20.00")
    once("i-1.8", "invoice archived")

    lines = (Path("var") / f"{folder.name}.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["key"] for line in lines] == ["i-1.7", "i-1.8"]


def test_a_note_that_a_crash_cut_short_is_made_again(folder):
    once = load_application(folder).function("ledger:once")
    ledger = Path("var") / f"{folder.name}.jsonl"
    ledger.parent.mkdir()
    ledger.write_text('{"key": "i-1.7", "acti', encoding="utf-8")

    once("i-1.7", "invoice paid")

    assert json.loads(ledger.read_text(encoding="utf-8").splitlines()[-1]) == {"key": "i-1.7", "action": "invoice paid"}


def test_every_sample_has_a_page_and_a_picture_in_the_documentation():
    text = (SAMPLES.parent / "docs/samples.md").read_text(encoding="utf-8")

    for name in NAMES:
        assert f"../samples/{name}/README.md" in text
        assert f"images/{name}.png" in text
        assert (SAMPLES / name / "README.md").is_file()


def elements_of(folder: Path) -> FlowElements:
    model = folder / f"{folder.name}.bpmn"
    definitions, _ = read_bpmn(model.read_bytes(), model.name)
    assert definitions is not None
    [process] = definitions.processes
    return process.elements


def flows_of(elements: FlowElements) -> Mapping[str, Any]:
    inner = [node.body for node in elements.walk() if node.body is not None]
    return {flow.id: flow for body in (elements, *inner) for flow in body.flows.values()}


def boxes(folder: Path) -> dict[str, Box]:
    return {
        shape.get("bpmnElement"): (x, y, x + width, y + height)
        for shape in drawing(folder).iterfind(".//bpmndi:BPMNShape", DI)
        for x, y, width, height in [[float(shape.find("dc:Bounds", DI).get(a)) for a in ("x", "y", "width", "height")]]
    }


def edges(folder: Path) -> dict[str, list[tuple[float, float]]]:
    return {
        edge.get("bpmnElement"): [(float(p.get("x")), float(p.get("y"))) for p in edge.iterfind("di:waypoint", DI)]
        for edge in drawing(folder).iterfind(".//bpmndi:BPMNEdge", DI)
    }


def drawing(folder: Path) -> Any:
    return etree.parse(str(folder / f"{folder.name}.bpmn"))


def is_on_border(point: tuple[float, float], box: Box) -> bool:
    """Gateways and events are met at the middle of a side, so their box's border serves, too."""
    (x, y), (left, top, right, bottom) = point, box
    return (x in (left, right) and top <= y <= bottom) or (y in (top, bottom) and left <= x <= right)


def overlaps(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
