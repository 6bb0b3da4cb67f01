"""docs/bpmn.md and docs/elements/ say what is: every example does in every dialect what its scenario says."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from bpmn.model import Definitions, FlowNode, NodeKind, Process
from bpmn.reader import read_bpmn
from bpmn.rules import supported
from tests.elements.dialects import DIALECTS, Dialect
from tests.elements.example import Example
from tests.elements.examples import EXAMPLES
from tests.elements.files import FOLDER, bpmn_path, diagram_path, drawn, files_of
from tests.elements.page import page
from tests.elements.play import Played, play

PAGE = FOLDER.parent / "bpmn.md"
BY_ID = {example.id: example for example in EXAMPLES}
CASES = [(example.id, dialect.name) for example in EXAMPLES for dialect in example.dialects]


@cache
def played(example_id: str, dialect: str) -> Played:
    """In one dialect, by turns, all scenarios, loading the instance from the store between any two steps; the first
    scenario in the others, which one engine runs alike. `make elements` plays all of them in each."""
    is_its_turn = list(DIALECTS).index(dialect) == sum(map(ord, example_id)) % len(DIALECTS)
    return play(BY_ID[example_id], DIALECTS[dialect], save_restore=is_its_turn, most=None if is_its_turn else 1)


@cache
def files(example_id: str) -> dict[Path, str]:
    return files_of(BY_ID[example_id])


@cache
def model_of(example_id: str, dialect: str) -> Definitions:
    path = bpmn_path(BY_ID[example_id], DIALECTS[dialect])
    definitions, _ = read_bpmn(path.read_bytes(), path.name)
    assert definitions is not None
    return definitions


@pytest.mark.parametrize(("example_id", "dialect"), CASES, ids=["-".join(case) for case in CASES])
def test_the_example_does_what_its_scenario_says(example_id: str, dialect: str) -> None:
    assert played(example_id, dialect).failures == ()


def test_the_page_tells_what_was_played() -> None:
    told = PAGE.read_text(encoding="utf-8")

    assert told == page(told, {case: played(*case) for case in CASES}), "make elements writes it"


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.id for example in EXAMPLES])
def test_the_files_are_those_of_the_example(example: Example) -> None:
    different = [path.name for path, text in files(example.id).items() if path.read_text(encoding="utf-8") != text]

    assert different == [], "make elements writes them"


def test_no_other_files_lie_about() -> None:
    wanted = {path for example in EXAMPLES for path in files(example.id)}

    assert [path for path in FOLDER.rglob("*") if path.is_file() and path not in wanted] == []


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.id for example in EXAMPLES])
def test_the_picture_shows_the_file_of_every_dialect(example: Example) -> None:
    svg = diagram_path(example).read_text(encoding="utf-8")

    assert [d.name for d in example.dialects if drawn(example, bpmn_path(example, d).read_text()) != svg] == []


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.id for example in EXAMPLES])
def test_the_files_are_read_as_what_their_editor_saved(example: Example) -> None:
    """A file of SpiffWorkflow's editor in which nothing of its own occurs is plain BPMN."""
    read = {dialect.name: str(model_of(example.id, dialect.name).dialect) for dialect in example.dialects}
    names = {"bpmn": "bpmn", "camunda7": "camunda", "camunda8": "zeebe", "spiffworkflow": "spiffworkflow"}

    assert read == {name: names[name] for name in read}


# --- every cell of the table of what runs has an example --------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_every_event_that_runs_is_shown(dialect: Dialect) -> None:
    shown = {(node.kind, kind_of(node)) for process in processes_of(dialect) for node in plain_nodes(process)}
    table = {(position, kind) for position, kinds in supported.EVENTS.items() for kind in kinds}

    assert table - shown == set()


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_every_start_of_an_event_subprocess_is_shown(dialect: Dialect) -> None:
    starts = [start for process in processes_of(dialect) for start in event_subprocess_starts(process)]

    assert {start.event.kind for start in starts if start.event} == set(supported.EVENT_SUBPROCESS_STARTS)


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_every_activity_and_gateway_is_shown(dialect: Dialect) -> None:
    nodes = [node for process in processes_of(dialect) for node in process.elements.walk()]

    assert set(NodeKind) - {node.kind for node in nodes} == set()
    assert {node.kind for node in nodes if node.instantiates} == set(supported.INSTANTIATING)


def test_every_listener_that_is_told_is_shown() -> None:
    heard: set[str] = set()
    for process in (process for dialect in DIALECTS.values() for process in processes_of(dialect)):
        nodes = list(process.elements.walk())
        scopes = [process.elements, *(node.body for node in nodes if node.body)]
        flows = [flow for scope in scopes for flow in scope.flows.values()]
        heard |= {listener.event for each in (process, *nodes, *flows) for listener in each.listeners}

    assert supported.LISTENER_EVENTS - heard == set()


def test_every_behaviour_of_multi_instances_is_shown() -> None:
    texts = "".join(path.read_text() for path in FOLDER.rglob("*.bpmn"))

    assert [each for each in supported.MULTI_INSTANCE_BEHAVIOURS[1:] if f'behavior="{each}"' not in texts] == []
    assert [each for each in supported.CALLED if f"<bpmn:{each} " not in texts] == []


def processes_of(dialect: Dialect) -> list[Process]:
    shown = [example for example in EXAMPLES if dialect in example.dialects]
    return [process for example in shown for process in model_of(example.id, dialect.name).processes]


def plain_nodes(process: Process) -> list[FlowNode]:
    inside = {start.id for start in event_subprocess_starts(process)}
    return [node for node in process.elements.walk() if node.id not in inside]


def event_subprocess_starts(process: Process) -> list[FlowNode]:
    bodies = [node.body for node in process.elements.walk() if node.is_event_subprocess and node.body]
    return [node for body in bodies for node in body.nodes.values() if node.kind is NodeKind.START_EVENT]


def kind_of(node: FlowNode) -> str:
    return node.event.kind if node.event is not None else "none"
