"""Going on by another version: what is mapped, what moves along, what waits anew, what cannot be done."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

import pytest
from drawing import block_structured, told
from hypothesis import given, note, settings
from hypothesis import strategies as st
from playing import Run
from story import Story, program
from test_properties import CHOICES, EVERY_TIME_THE_SAME, Chooser

from bpmn.model import Process
from engine import commands, events
from engine.errors import EngineError
from engine.interpreter import Instance, Program, check_mapping, foresee, generated_mapping, migrate, unmapped

LATE = '<boundaryEvent id="{0}" attachedToRef="{1}"><timerEventDefinition><timeDuration>{2}</timeDuration>'
LATE += "</timerEventDefinition></boundaryEvent>"
FIRST = '<startEvent id="Start"/><userTask id="Pick"/>{}<userTask id="Ship"/><endEvent id="End"/>'


def line(*more: str, pick: str = "Pick", ship: str = "Ship") -> Program:
    """Start, a task, perhaps more, a task, End."""
    body = FIRST.replace('"Pick"', f'"{pick}"').replace('"Ship"', f'"{ship}"').format("".join(more))
    return program(body, f"Start {pick} {ship} End")


def migrated(
    story: Story, target: Program, mapping: Mapping[str, str] | None = None, *, re_arms: bool = False
) -> list[events.Event]:
    """The story goes on by *target*, saved and loaded as between any two commands."""
    mapping = generated_mapping(story.program, target) | dict(mapping or {})
    assert check_mapping(story.program, target, mapping) == []
    before = Instance.load(story.program, "i", deepcopy(story.parts), dict(story.stored))
    command = commands.Migrate(at=story.now, mapping=mapping, re_arms=re_arms)
    story.instance, happened = migrate(before, target, command)
    story.program = target
    story.log += happened
    changes = story.instance.changes()
    story.parts = {part: deepcopy(data) for part, data in changes.parts.items() if data is not None}
    for key, value in changes.variables.items():
        story.stored[key] = value
    return happened


def problems(old: Program, new: Program, **mapping: str) -> str:
    return " ".join(str(each) for each in check_mapping(old, new, generated_mapping(old, new) | mapping))


def test_elements_of_the_same_id_and_kind_are_mapped_and_the_token_goes_on_there() -> None:
    new = program(FIRST.format('<userTask id="Check"/>'), "Start Pick Check Ship End")
    story = Story(line())
    migrated(story, new)
    story.complete("Pick")
    assert story.waiting_at == ["Check"]


def test_an_element_that_is_called_otherwise_is_mapped_by_hand() -> None:
    old, new = line(), line(pick="Collect")
    assert unmapped(old, generated_mapping(old, new)) == ("Pick",)
    story = Story(old)
    told_of = migrated(story, new, {"Pick": "Collect"})[0]
    assert isinstance(told_of, events.InstanceMigrated)
    assert told_of.moved == ((2, "Pick", "Collect", ""),)
    story.do(commands.CompleteActivity, activity_id=2)
    assert story.waiting_at[-1] == "Ship"


def test_a_token_at_an_element_without_counterpart_is_not_migrated_and_nothing_has_changed() -> None:
    story, new = Story(line()), line(pick="Collect")
    with pytest.raises(EngineError, match="Pick: activity 2 stands there, and no element"):
        migrated(story, new)
    story.complete("Pick")
    assert story.waiting_at == ["Ship"]


def test_a_dry_run_tells_what_would_happen() -> None:
    old, new = line(LATE.format("Late", "Pick", "PT1H")), line(LATE.format("Later", "Pick", "PT2H"))
    story = Story(old)
    found = foresee(story.instance, new, generated_mapping(old, new))
    assert (found.moves, found.given_up, found.new) == (((2, "Pick", "Pick"),), ("Late",), ("Later",))
    assert [p.element_id for p in foresee(story.instance, line(pick="Other"), {}).problems] == ["Pick"]


def test_timers_are_kept_as_they_are_or_begin_anew() -> None:
    old, new = line(LATE.format("Late", "Pick", "PT1H")), line(LATE.format("Late", "Pick", "PT3H"))
    kept, again = Story(old), Story(old)
    due = kept.timers()[0].due_at
    migrated(kept, new)
    assert [timer.due_at for timer in kept.timers()] == [due]
    happened = migrated(again, new, re_arms=True)
    started = [e for e in happened if isinstance(e, events.TimerStarted)]
    assert [(each.due_at - again.now).total_seconds() for each in started] == [3 * 3600]


def test_events_that_are_gone_are_given_up_and_new_ones_are_waited_for() -> None:
    old, new = line(LATE.format("Late", "Pick", "PT1H")), line(LATE.format("Later", "Pick", "PT2H"))
    story = Story(old)
    migrated(story, new)
    assert [timer.element_id for timer in story.timers()] == ["Later"]
    story.advance(hours=2)
    assert story.outcome == "completed"


def test_tokens_at_a_join_know_by_which_flow_they_came() -> None:
    body = (
        '<startEvent id="Start"/><parallelGateway id="Fork"/><userTask id="A"/><userTask id="{0}"/>'
        '<parallelGateway id="Join"/><userTask id="C"/>'
    )
    old = program(body.format("B"), "Start Fork A Join C", "Fork B Join")
    new = program(body.format("B2"), "Start Fork A Join C", "Fork B2 Join")
    story = Story(old)
    story.complete("B")
    migrated(story, new, {"B": "B2"})
    story.complete("A")
    assert story.waiting_at == ["C"]


def test_a_multi_instance_activity_goes_on_with_its_items() -> None:
    body = (
        '<startEvent id="Start"/><subProcess id="Each"><startEvent id="S"/><userTask id="Check"/>{}'
        '<sequenceFlow id="s" sourceRef="S" targetRef="Check"/><multiInstanceLoopCharacteristics {}'
        'camunda:collection="items" camunda:elementVariable="item"/></subProcess><userTask id="Last"/>'
    )
    more = '<userTask id="Sign"/><sequenceFlow id="c" sourceRef="Check" targetRef="Sign"/>'
    for order in ("", 'isSequential="true" '):
        story = Story(program(body.format("", order), "Start Each Last"), items=["a", "b"])
        migrated(story, program(body.format(more, order), "Start Each Last"))
        while story.waiting_at != ["Last"]:
            story.complete("Check")
            story.complete("Sign")
        assert story.passed["Sign"] == 2


def test_what_has_been_done_is_undone_by_the_other_version() -> None:
    body = (
        '<startEvent id="Start"/><userTask id="{0}"/><boundaryEvent id="Undo" attachedToRef="{0}">'
        '<compensateEventDefinition/></boundaryEvent><userTask id="Refund" isForCompensation="true"/>'
        '<userTask id="Wait"/><endEvent id="End"><compensateEventDefinition/></endEvent>'
        '<association id="a" sourceRef="Undo" targetRef="Refund" associationDirection="One"/>'
    )
    story = Story(program(body.format("Pay"), "Start Pay Wait End"))
    story.complete("Pay")
    migrated(story, program(body.format("Charge"), "Start Charge Wait End"), {"Pay": "Charge", "Undo": "Undo"})
    story.complete("Wait")
    assert story.waiting_at[-1] == "Refund"


@pytest.mark.parametrize(
    ("body", "paths", "mapping", "why"),
    [
        ('<startEvent id="Start"/><receiveTask id="Pick"/>', "Start Pick", {"Pick": "Pick"}, "another kind"),
        ('<startEvent id="Start"/><userTask id="Pick"/>', "Start Pick", {"Pick": "Gone"}, "no element 'Gone'"),
        ('<startEvent id="Start"/><userTask id="Pick"/>', "Start Pick", {"Gone": "Pick"}, "no such element"),
        (
            '<startEvent id="Start"/><userTask id="Pick"><multiInstanceLoopCharacteristics camunda:collection="x"/>'
            "</userTask>",
            "Start Pick",
            {"Pick": "Pick"},
            "repeated in another way",
        ),
        (
            '<startEvent id="Start"/><subProcess id="Sub"><userTask id="Pick"/></subProcess>',
            "Start Sub",
            {"Pick": "Pick"},
            "'Pick' stands in 'Sub', 'Pick' in the process itself",
        ),
    ],
)
def test_a_mapping_that_cannot_be_is_told(body: str, paths: str, mapping: dict[str, str], why: str) -> None:
    assert why in problems(line(), program(body, paths), **mapping)


def test_an_event_of_another_kind_or_at_another_activity_is_no_counterpart() -> None:
    signal = '<boundaryEvent id="Late" attachedToRef="Pick"><signalEventDefinition signalRef="s"/></boundaryEvent>'
    old = line(LATE.format("Late", "Pick", "PT1H"))
    assert "signal instead of timer" in problems(
        old, program(FIRST.format(signal), "Start Pick Ship", definitions='<signal id="s" name="s"/>'), Late="Late"
    )
    assert "attached to 'Ship'" in problems(old, line(LATE.format("Late", "Ship", "PT1H")), Late="Late")


@given(process=block_structured(), choices=CHOICES, numbers=st.lists(st.integers(0, 20), max_size=12))
@settings(EVERY_TIME_THE_SAME, max_examples=100)
def test_migrating_to_the_same_diagram_at_any_moment_changes_nothing_of_what_happens(
    process: Process, choices: list[bool], numbers: list[int]
) -> None:
    note(told(process.elements))
    stays, moves = (Run(process, Chooser(process, choices).services, saves=True) for _ in range(2))
    for number in numbers:
        if stays.story.outcome or not stays.actions:
            break
        if not number % 3:
            chooser = Chooser(process, choices)
            chooser._visits = moves_chooser(moves)._visits
            migrated(moves.story, Program(process, chooser.services))
            moves.story.log = [e for e in moves.story.log if not isinstance(e, events.InstanceMigrated)]
        action = stays.actions[number % len(stays.actions)]
        for run in (stays, moves):
            run.do(action, n=number)
    assert stays.story.log == moves.story.log
    assert stays.story.parts == moves.story.parts


def moves_chooser(run: Run) -> Chooser:
    """Whose visits the process of *run* has counted so far."""
    return run.story.program.services.compile.__self__  # type: ignore[attr-defined]
