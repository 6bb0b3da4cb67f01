"""Tokens moved by hand: where they begin, what is opened for them, what is left behind, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from drawing import block_structured, told
from hypothesis import given, note, settings
from hypothesis import strategies as st
from playing import Run
from story import Story, program
from test_properties import CHOICES, EVERY_TIME_THE_SAME, Chooser

from bpmn.model import NodeKind, Process
from engine import commands, events
from engine.errors import EngineError
from engine.interpreter import Instance, advance
from engine.modification import (
    CancelActivity,
    CancelElement,
    Instruction,
    Move,
    StartAfter,
    StartBefore,
    StartOn,
)

USER = '<userTask id="{0}"/>'
LINE = program(
    '<startEvent id="Start"/><userTask id="Pick"/><userTask id="Pack"/><userTask id="Ship"/><endEvent id="End"/>',
    "Start Pick Pack Ship End",
)
FORK = program(
    '<startEvent id="Start"/><parallelGateway id="Fork"/><userTask id="A"/><userTask id="B"/>'
    '<parallelGateway id="Join"/><userTask id="C"/><endEvent id="End"/>',
    "Start Fork A Join C End",
    "Fork B Join",
)
NESTED = program(
    '<startEvent id="Start"/><userTask id="First"/><subProcess id="Outer"><startEvent id="OuterStart"/>'
    '<userTask id="Before"/><subProcess id="Inner"><startEvent id="InnerStart"/><userTask id="Deep"/>'
    '<sequenceFlow id="i" sourceRef="InnerStart" targetRef="Deep"/></subProcess>'
    '<sequenceFlow id="o1" sourceRef="OuterStart" targetRef="Before"/>'
    '<sequenceFlow id="o2" sourceRef="Before" targetRef="Inner"/></subProcess>'
    '<boundaryEvent id="Late" attachedToRef="Outer"><timerEventDefinition><timeDuration>PT1H</timeDuration>'
    '</timerEventDefinition></boundaryEvent><userTask id="Last"/>',
    "Start First Outer Last",
)
EACH = (
    '<startEvent id="Start"/><userTask id="First"/><subProcess id="Each"><startEvent id="EachStart"/>'
    '<userTask id="Check"/><userTask id="Sign"/><sequenceFlow id="e1" sourceRef="EachStart" targetRef="Check"/>'
    '<sequenceFlow id="e2" sourceRef="Check" targetRef="Sign"/>'
    '<multiInstanceLoopCharacteristics {}camunda:collection="items" camunda:elementVariable="item"/></subProcess>'
    '<userTask id="Last"/>'
)
PARALLEL = program(EACH.format(""), "Start First Each Last")
SEQUENTIAL = program(EACH.format('isSequential="true" '), "Start First Each Last")
EVENTS = program(
    '<startEvent id="Start"/><userTask id="Work"/><subProcess id="Complaint" triggeredByEvent="true">'
    '<startEvent id="Complained" isInterrupting="{}"><messageEventDefinition messageRef="m"/></startEvent>'
    '<userTask id="Answer"/><userTask id="File"/>'
    '<sequenceFlow id="c1" sourceRef="Complained" targetRef="Answer"/>'
    '<sequenceFlow id="c2" sourceRef="Answer" targetRef="File"/></subProcess>'.format("false"),
    "Start Work",
    definitions='<message id="m" name="complaint"/>',
)


def modified(story: Story, *instructions: Instruction, reason: str = "") -> list[events.Event]:
    return story.do(commands.Modify, instructions=instructions, reason=reason)


def refused(story: Story, *instructions: Instruction) -> str:
    """Why; and nothing has changed."""
    instance = Instance.load(story.program, "i", story.parts, dict(story.stored))
    with pytest.raises(EngineError) as refusal:
        advance(instance, commands.Modify(at=story.now, instructions=instructions))
    changes = instance.changes()
    assert (changes.parts, changes.variables) == ({}, {})
    return str(refusal.value)


def test_a_token_is_moved_to_another_element() -> None:
    story = Story(LINE)
    modified(story, Move("Pick", "Ship"), reason="picked by hand")
    assert story.waiting_at == ["Ship"]
    story.complete("Ship")
    assert story.outcome == "completed"


def test_what_was_asked_and_where_tokens_stood_is_told() -> None:
    story = Story(LINE)
    happened = modified(story, CancelElement("Pick"), StartAfter("Pack", {"secret": 1}), reason="lost")
    told_of = happened[0]
    assert isinstance(told_of, events.InstanceModified)
    assert (told_of.reason, [name for _, name in told_of.before], [name for _, name in told_of.after]) == (
        "lost",
        ["Pick"],
        ["Ship"],
    )
    assert told_of.instructions[1] == {"do": "StartAfter", "element_id": "Pack", "variables": ["secret"]}
    assert [e.cause for e in happened if isinstance(e, events.ActivityCancelled)] == ["operator"]


def test_a_token_begins_on_a_sequence_flow_with_variables() -> None:
    story = Story(LINE)
    modified(story, StartOn("Pick_Pack", {"amount": 3}))
    assert (story.waiting_at, story.variables) == (["Pick", "Pack"], {"amount": 3})
    assert [flow.flow_id for flow in story.of(events.FlowTaken)][-1] == "Pick_Pack"


def test_local_variables_belong_to_the_activity() -> None:
    story = Story(LINE)
    modified(story, StartBefore("Pack", local_variables={"note": "x"}))
    assert story.stored == {(story.waiting_ids("Pack")[0], "note"): "x"}


def test_missing_scopes_are_opened_as_they_are_by_a_token_that_comes_in() -> None:
    story = Story(NESTED)
    modified(story, CancelElement("First"), StartBefore("Deep", local_variables={"note": 1}))
    assert (story.waiting_at, "Late" in story.open_catchers()) == (["Deep"], True)
    outer = next(e.activity_id for e in story.of(events.ActivityEntered) if e.element_id == "Outer")
    assert story.stored == {(outer, "note"): 1}
    story.complete("Deep")
    assert story.waiting_at == ["Last"]


def test_two_tokens_share_the_scope_that_is_opened_for_the_first() -> None:
    story = Story(NESTED)
    modified(story, StartBefore("Deep"), StartBefore("Before"))
    assert sorted(story.waiting_at) == ["Before", "Deep", "First"]
    assert story.path.count("Outer") == 1


def test_an_open_scope_is_used_and_kept_while_its_last_token_moves() -> None:
    story = Story(NESTED)
    story.complete("First")
    modified(story, CancelElement("Before"), StartBefore("Deep"))
    assert (story.waiting_at, story.path.count("Outer")) == (["Deep"], 1)


def test_a_scope_that_loses_all_its_tokens_is_cancelled_with_those_around_it() -> None:
    story = Story(NESTED)
    story.complete("First")
    modified(story, CancelElement("Before"), StartBefore("Last"))
    assert (story.waiting_at, story.timers()) == (["Last"], [])
    assert [e.element_id for e in story.of(events.ActivityCancelled)] == ["Before", "Outer"]


def test_an_instance_that_loses_all_its_tokens_is_cancelled() -> None:
    story = Story(LINE)
    modified(story, CancelElement("Pick"), reason="a duplicate")
    ended = story.of(events.InstanceEnded)[0]
    assert (ended.outcome, ended.reason) == ("cancelled", "a duplicate")


def test_an_instance_that_another_waits_for_is_not_ended_by_a_modification() -> None:
    story = Story(LINE)
    with pytest.raises(EngineError, match="another one has called it"):
        story.do(commands.Modify, instructions=(CancelElement("Pick"),), may_end=False)


def test_a_token_before_a_join_counts_for_the_branch_that_was_cancelled() -> None:
    story = Story(FORK)
    modified(story, Move("A", "Join"))
    assert story.waiting_at == ["B"]
    story.complete("B")
    assert story.waiting_at == ["C"]


def test_a_join_is_not_left_to_wait_for_ever() -> None:
    story = Story(FORK)
    story.complete("A")
    assert "by 'B_Join' any more" in refused(story, CancelElement("B"))
    assert "begin after 'Join'" in refused(story, CancelElement("B"), CancelElement("Join"), StartBefore("Join"))
    modified(story, CancelElement("B"), StartOn("B_Join"))
    assert story.waiting_at == ["C"]


def test_a_token_that_waits_at_a_join_is_cancelled_like_others() -> None:
    story = Story(FORK)
    story.complete("A")
    modified(story, CancelElement("Join"), CancelElement("B"), StartAfter("Join"))
    assert story.waiting_at == ["C"]


def test_each_instance_of_a_multi_instance_scope_moves_its_own_token() -> None:
    story = Story(PARALLEL, items=["a", "b"])
    story.complete("First")
    modified(story, Move("Check", "Sign"))
    assert story.waiting_at == ["Sign", "Sign"]
    parents = {e.parent_id for e in story.of(events.ActivityEntered) if e.element_id == "Sign"}
    assert len(parents) == 2


def test_which_of_several_scopes_is_meant_must_be_said() -> None:
    story = Story(PARALLEL, items=["a", "b"])
    story.complete("First")
    assert "Each' is open 2 times" in refused(story, StartBefore("Sign"))
    second = [e.parent_id for e in story.of(events.ActivityEntered) if e.element_id == "Check"][1]
    modified(story, StartBefore("Sign", within=second))
    assert story.of(events.ActivityEntered)[-1].parent_id == second


def test_an_instance_is_added_to_a_parallel_multi_instance_activity() -> None:
    story = Story(PARALLEL, items=["a", "b"])
    story.complete("First")
    body = next(e.activity_id for e in story.of(events.ActivityEntered) if e.kind == "multiInstanceBody")
    assert "needs its item" in refused(story, StartBefore("Each", within=body))
    modified(story, StartBefore("Each", within=body, local_variables={"item": "c"}))
    modified(story, StartBefore("Sign", within=body, local_variables={"item": "d"}))
    assert story.waiting_at == ["Check", "Check", "Check", "Sign"]
    assert [v for (_, name), v in sorted(story.stored.items()) if name == "item"] == ["a", "b", "c", "d"]
    assert [v for (_, name), v in sorted(story.stored.items()) if name == "loopCounter"] == [0, 1, 2, 3]
    for _ in range(3):
        story.complete("Check")
    for _ in range(4):
        story.complete("Sign")
    assert story.waiting_at == ["Last"]


def test_a_multi_instance_scope_is_opened_for_one_item() -> None:
    story = Story(SEQUENTIAL, items=["a", "b"])
    assert "needs its item" in refused(story, StartBefore("Sign"))
    modified(story, CancelElement("First"), StartBefore("Sign", local_variables={"item": "z"}))
    assert story.waiting_at == ["Sign"]
    story.complete("Sign")
    assert story.waiting_at == ["Last"]


def test_before_a_multi_instance_activity_it_begins_for_all_items() -> None:
    story = Story(PARALLEL, items=["a", "b"])
    modified(story, Move("First", "Each"))
    assert story.waiting_at == ["Check", "Check"]


def test_a_multi_instance_activity_goes_on_without_the_instance_that_was_cancelled() -> None:
    story = Story(PARALLEL, items=["a", "b"])
    story.complete("First")
    for element in ("Check", "Sign"):
        story.complete(element)
    second = [e.parent_id for e in story.of(events.ActivityEntered) if e.element_id == "Check"][1]
    modified(story, CancelActivity(second))
    assert story.waiting_at == ["Last"]


def test_the_instances_of_a_sequential_activity_are_not_added_to() -> None:
    story = Story(SEQUENTIAL, items=["a", "b"])
    story.complete("First")
    body = next(e.activity_id for e in story.of(events.ActivityEntered) if e.kind == "multiInstanceBody")
    assert "one after the other" in refused(story, StartBefore("Each", within=body, local_variables={"item": "c"}))


def test_an_event_subprocess_begins_at_its_start_event() -> None:
    story = Story(EVENTS)
    modified(story, StartBefore("Complaint"))
    modified(story, StartBefore("Complained"))
    assert story.waiting_at == ["Work", "Answer", "Answer"]


def test_nothing_begins_in_the_middle_of_an_event_subprocess_that_does_not_run() -> None:
    story = Story(EVENTS)
    assert "event subprocess 'Complaint', which is not running" in refused(story, StartBefore("File"))
    story.trigger("Complained")
    modified(story, StartBefore("File"))
    assert story.waiting_at == ["Work", "Answer", "File"]


@pytest.mark.parametrize(
    ("instruction", "why"),
    [
        (StartBefore("Nowhere"), "has no element 'Nowhere'"),
        (CancelElement("Nowhere"), "has no element 'Nowhere'"),
        (StartOn("Pick"), "no sequence flow 'Pick'"),
        (StartAfter("End"), "No sequence flows leave 'End'"),
        (CancelElement("Ship"), "No token of instance i stands at 'Ship'"),
        (CancelActivity(99), "no activity 99"),
        (CancelActivity(0), "no activity 0"),
        (StartBefore("Ship", within=99), "Activity 99 is no open scope"),
        (StartAfter("Pick", local_variables={"x": 1}), "no scope of their own"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(instruction: Instruction, why: str) -> None:
    assert why in refused(Story(LINE), StartBefore("Ship"), instruction)


def test_a_modification_that_says_nothing_is_refused() -> None:
    assert "says nothing" in refused(Story(LINE))


def test_a_scope_whose_opening_fails_waits_with_its_incident_and_begins_there_when_it_is_retried() -> None:
    failing = program(
        '<startEvent id="Start"/><userTask id="First"/><subProcess id="Sub"><extensionElements><camunda:inputOutput>'
        '<camunda:inputParameter name="twice">${amount * 2}</camunda:inputParameter></camunda:inputOutput>'
        '</extensionElements><startEvent id="SubStart"/><userTask id="One"/><userTask id="Two"/>'
        '<sequenceFlow id="s1" sourceRef="SubStart" targetRef="One"/>'
        '<sequenceFlow id="s2" sourceRef="One" targetRef="Two"/></subProcess>',
        "Start First Sub",
    )
    story = Story(failing)
    modified(story, Move("First", "Two"))
    incident = story.incidents[0]
    assert incident.element_id == "Sub"
    story.do(commands.SetVariables, variables={"amount": 2})
    story.do(commands.RetryActivity, activity_id=incident.activity_id)
    assert story.waiting_at == ["Two"]


def test_an_instance_may_begin_elsewhere_than_at_its_start() -> None:
    story = Story(NESTED)
    story.log, story.parts, story.stored = [], {}, {}
    story.instance = Instance.new(NESTED, "i")
    story.do(commands.Start, variables={"a": 1}, beginnings=(StartBefore("Deep"), StartBefore("Last")))
    assert (sorted(story.waiting_at), story.variables) == (["Deep", "Last"], {"a": 1})


WISHES = st.lists(
    st.tuples(st.sampled_from(["cancel", "before", "after", "on", "move"]), st.integers(0, 60), st.integers(0, 60)),
    min_size=1,
    max_size=3,
)


def instruction_of(process: Process, wish: tuple[str, int, int]) -> Instruction:
    what, one, other = wish
    nodes = [node.id for node in process.elements.walk()]
    flows = [flow for scope in _scopes(process) for flow in scope.flows]
    match what:
        case "cancel":
            return CancelElement(nodes[one % len(nodes)])
        case "before":
            return StartBefore(nodes[one % len(nodes)], {"n": other})
        case "after":
            return StartAfter(nodes[one % len(nodes)])
        case "on" if flows:
            return StartOn(flows[one % len(flows)])
        case _:
            return Move(nodes[one % len(nodes)], nodes[other % len(nodes)])


def _scopes(process: Process) -> list[Any]:
    return [process.elements, *(node.body for node in process.elements.walk() if node.body is not None)]


@given(process=block_structured(), choices=CHOICES, turns=st.lists(st.tuples(st.integers(0, 20), WISHES), max_size=6))
@settings(EVERY_TIME_THE_SAME, max_examples=150)
def test_after_any_legal_modification_it_is_saved_as_it_is_and_no_token_is_stuck(
    process: Process, choices: list[bool], turns: list[tuple[int, Any]]
) -> None:
    note(told(process.elements))
    runs = [Run(process, Chooser(process, choices).services, saves=saves) for saves in (True, False)]
    for number, wishes in turns:
        if runs[0].story.outcome:
            break
        if actions := runs[0].actions:
            for run in runs:
                run.do(actions[number % len(actions)], n=number)
        if runs[0].story.outcome:
            break
        stuck = _stuck(runs[0].story)
        instructions = tuple(instruction_of(process, wish) for wish in wishes)
        note(str(instructions))
        refusals = {_attempt(run.story, instructions) for run in runs}
        assert len(refusals) == 1
        if not runs[0].story.outcome and refusals == {""}:
            assert _stuck(runs[0].story) <= stuck
    assert runs[0].story.log == runs[1].story.log, "saving and loading changes nothing"


def _attempt(story: Story, instructions: tuple[Instruction, ...]) -> str:
    try:
        modified(story, *instructions)
    except EngineError as refusal:
        return str(refusal)
    return ""


def _stuck(story: Story) -> set[int]:
    """Tokens that nothing and nobody can move: not by a command, a token inside, or one that is still to come."""
    workflow = Instance.load(story.program, "i", story.parts, dict(story.stored))._workflow
    waited_for = {e.activity_id for e in (*story.of(events.UserTaskCreated), *story.of(events.JobCreated))}
    waited_for |= {e.activity_id for e in (*story.timers(), *story.of(events.SubscriptionOpened))}
    waited_for |= {e.activity_id for e in story.incidents}
    vain = {t.id for waiting in workflow.joins.values() for t in waiting if _waits_in_vain(story.program.process, t)}
    joining = {t.id for waiting in workflow.joins.values() for t in waiting}
    return vain | {
        token.id
        for token in workflow.tasks.values()
        if token.id and token.id not in waited_for | joining and not token._children
    }


def _waits_in_vain(process: Process, waiting: Any) -> bool:
    """Whether a parallel join lacks a flow that no other token of its scope leads to."""
    node = waiting.spec.node
    if node.kind is not NodeKind.PARALLEL_GATEWAY:
        return False
    scope = next(scope for scope in _scopes(process) if node.id in scope.nodes)
    others = [t.spec.node.id for t in waiting.container.inner_tokens if t.spec.node.id != node.id]
    seen: set[str] = set()
    flows: set[str] = set()
    while others:
        each = others.pop()
        if each in seen or each == node.id:
            continue
        seen.add(each)
        flows |= set(scope.nodes[each].outgoing)
        others += [scope.flows[flow].target for flow in scope.nodes[each].outgoing]
        others += [other.id for other in scope.nodes.values() if other.attached_to == each]
    return not set(node.incoming) - set(waiting.memory["arrived"]) <= flows
