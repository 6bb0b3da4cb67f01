"""Smaller things that the dialects say, and what becomes of them as an instance runs."""

from __future__ import annotations

from typing import Any

import pytest
from story import Story, program

from engine import commands, events

START_END = '<startEvent id="Start"/><endEvent id="End"/>'


def extended(tag: str, inside: str, attributes: str = "", content: str = "") -> str:
    extensions = f"<extensionElements>{inside}</extensionElements>"
    return f'<{tag} id="T" {attributes}>{extensions if inside else ""}{content}</{tag}>'


def through(task: str, **variables: Any) -> Story:
    return Story(program(START_END + task, "Start T End"), **variables)


# --- timeouts of user tasks


def timeout(timer: str, listener: str = "x = 1") -> str:
    return extended(
        "userTask",
        f'<camunda:taskListener event="timeout" id="L"><timerEventDefinition>{timer}</timerEventDefinition>'
        f'<camunda:script scriptFormat="python">{listener}</camunda:script></camunda:taskListener>',
    )


def test_a_timeout_is_told_while_the_task_stays_open():
    told = through(timeout("<timeDuration>PT1H</timeDuration>"))

    told.advance(minutes=59)
    assert "x" not in told.variables
    told.advance(minutes=2)

    assert told.variables["x"] == 1
    assert told.waiting_at == ["T"]
    assert told.timers() == []


def test_a_cycle_tells_it_again_and_again():
    told = through(timeout("<timeCycle>R3/PT1H</timeCycle>", "n = n + 1"), n=0)

    told.advance(hours=5)

    assert told.variables["n"] == 3


def test_it_is_not_told_when_the_task_is_done():
    told = through(timeout("<timeDuration>PT1H</timeDuration>"))

    told.complete("T")

    assert told.timers() == []
    assert told.outcome == "completed"


# --- listeners at an event-based gateway

GATEWAY = (
    '<startEvent id="Start"/><endEvent id="End"/><eventBasedGateway id="G">{}</eventBasedGateway>'
    '<intermediateCatchEvent id="A"><signalEventDefinition signalRef="S"/></intermediateCatchEvent>'
    '<intermediateCatchEvent id="B"><timerEventDefinition><timeDuration>PT1H</timeDuration></timerEventDefinition>'
    "</intermediateCatchEvent>"
)
SIGNAL = '<signal id="S" name="s"/>'


def listener(event: str) -> str:
    script = f'<camunda:script scriptFormat="python">heard = heard + ["{event}"]</camunda:script>'
    return f'<camunda:executionListener event="{event}">{script}</camunda:executionListener>'


def test_listeners_at_an_event_gateway_are_told_before_the_event_that_came_goes_on():
    extensions = f"<extensionElements>{listener('start')}{listener('end')}</extensionElements>"
    told = Story(program(GATEWAY.format(extensions), "Start G A End", "G B End", definitions=SIGNAL), heard=[])

    told.trigger("A", amount=3)

    assert told.variables == {"heard": ["start", "end"], "amount": 3}
    assert told.path == ["Start", "G", "A", "End"]
    assert told.outcome == "completed"


def test_a_listener_that_a_handler_does_holds_the_token_at_the_gateway_with_what_the_event_brought():
    extensions = (
        '<extensionElements><camunda:executionListener event="end" class="org.example.Heard"/></extensionElements>'
    )
    told = Story(program(GATEWAY.format(extensions), "Start G A End", "G B End", definitions=SIGNAL))

    told.trigger("A", amount=3)
    assert told.path == ["Start", "G"]
    assert told.timers() == []

    (job,) = told.of(events.JobCreated)
    told.do(commands.CompleteActivity, activity_id=job.activity_id)

    assert told.path == ["Start", "G", "A", "End"]
    assert told.variables["amount"] == 3


def test_listeners_on_the_flow_to_the_event_that_came_are_told():
    body = GATEWAY.format("") + (
        f'<sequenceFlow id="g" sourceRef="G" targetRef="A"><extensionElements>{listener("take")}</extensionElements>'
        "</sequenceFlow>"
    )
    told = Story(program(body, "Start G B End", "A End", definitions=SIGNAL), heard=[])

    told.trigger("A", amount=3)

    assert told.variables == {"heard": ["take"], "amount": 3}
    assert told.outcome == "completed"


# --- loops


def loop(attributes: str = "", activity: str = "") -> str:
    marker = f"<multiInstanceLoopCharacteristics {attributes}><loopCardinality>2</loopCardinality>"
    return extended("userTask", "", activity, marker + "</multiInstanceLoopCharacteristics>")


def test_a_save_point_of_a_looped_activity_is_before_the_loop():
    told = through(loop(activity='camunda:asyncBefore="true"'))

    assert len(told.of(events.ContinuationCreated)) == 1
    told.do(commands.Continue, activity_id=told.of(events.ContinuationCreated)[0].activity_id)
    assert told.waiting_at == ["T", "T"]
    assert len(told.of(events.ContinuationCreated)) == 1


def test_a_save_point_inside_the_loop_is_before_each_instance():
    told = through(loop('camunda:asyncBefore="true"'))

    assert len(told.of(events.ContinuationCreated)) == 2
    for each in told.of(events.ContinuationCreated):
        told.do(commands.Continue, activity_id=each.activity_id)
    assert len(told.of(events.UserTaskCreated)) == 2


@pytest.mark.parametrize(("on_instances", "before", "after"), [("false", 1, 11), ("true", 2, 22)])
def test_scripts_run_around_a_loop_or_around_each_turn_of_it(on_instances, before, after):
    scripts = (
        "<spiffworkflow:preScript>n = n + 1</spiffworkflow:preScript>"
        "<spiffworkflow:postScript>n = n + 10</spiffworkflow:postScript>"
    )
    marker = (
        f'<multiInstanceLoopCharacteristics spiffworkflow:scriptsOnInstances="{on_instances}">'
        "<loopCardinality>2</loopCardinality></multiInstanceLoopCharacteristics>"
    )
    told = through(extended("userTask", scripts, content=marker), n=0)
    assert told.variables["n"] == before

    told.complete("T")
    told.complete("T")

    assert told.variables["n"] == after


def test_the_counters_of_camunda_7_are_variables_of_the_loop():
    told = through(loop())
    (body,) = [each for each in told.of(events.ActivityEntered) if each.kind == "multiInstanceBody"]

    def counters() -> dict[str, Any]:
        return {name: value for (scope, name), value in told.stored.items() if scope == body.activity_id}

    assert counters() == {"nrOfInstances": 2, "nrOfActiveInstances": 2, "nrOfCompletedInstances": 0}
    assert body.activity_id in told.of(events.UserTaskCreated)[0].scopes

    told.complete("T")
    assert counters() == {"nrOfInstances": 2, "nrOfActiveInstances": 1, "nrOfCompletedInstances": 1}

    told.complete("T")
    assert told.variables == {}


# --- priorities of jobs


def test_a_save_point_has_the_priority_of_its_element():
    told = through('<task id="T" camunda:asyncBefore="true" camunda:jobPriority="${level + 1}"/>', level=4)

    assert [each.priority for each in told.of(events.ContinuationCreated)] == [5]


def test_a_priority_that_is_no_number_is_an_incident():
    told = through('<task id="T" camunda:asyncBefore="true" camunda:jobPriority="high"/>')

    assert [each.message for each in told.incidents] == ["'high' is no whole number for priority."]


@pytest.mark.parametrize("kind", ["task", "serviceTask"])
@pytest.mark.parametrize("priority", ["2147483648", "-99999999999"])
def test_a_priority_that_no_database_keeps_is_an_incident(kind, priority):
    how = 'camunda:asyncBefore="true"' if kind == "task" else 'camunda:type="external" camunda:topic="t"'
    how += f' camunda:{"job" if kind == "task" else "task"}Priority="{priority}"'
    told = through(f'<{kind} id="T" {how}/>')

    assert [each.message for each in told.incidents] == ["A priority lies within ±2,147,483,647. This one does not."]


def test_the_highest_priority_is_kept():
    told = through('<task id="T" camunda:asyncBefore="true" camunda:jobPriority="2147483647"/>')

    assert [each.priority for each in told.of(events.ContinuationCreated)] == [2**31 - 1]


# --- errors


def test_a_thrown_error_brings_its_message():
    error = '<error id="E" errorCode="refused" camunda:errorMessage="No ${what}"/>'
    body = (
        '<startEvent id="Start"/><endEvent id="End"/><endEvent id="Caught"/>'
        '<subProcess id="T"><startEvent id="S"/><endEvent id="Throw"><errorEventDefinition errorRef="E"/></endEvent>'
        '<sequenceFlow id="st" sourceRef="S" targetRef="Throw"/></subProcess>'
        '<boundaryEvent id="Catch" attachedToRef="T"><errorEventDefinition errorRef="E" '
        'camunda:errorCodeVariable="code" camunda:errorMessageVariable="why"/></boundaryEvent>'
    )

    told = Story(program(body, "Start T End", "Catch Caught", definitions=error), what="money")

    assert told.variables == {"what": "money", "code": "refused", "why": "No money"}


# --- call activities


@pytest.mark.parametrize(
    ("mappings", "expected"),
    [
        ("", {}),
        ('<camunda:in variables="all"/>', {"a": 1, "mine": 2}),
        ('<camunda:in variables="all" local="true"/>', {"mine": 2}),
        ('<camunda:in source="a" target="b"/>', {"b": 1}),
        ('<camunda:in source="a" target="b" local="true"/>', {"b": None}),
        ('<camunda:in source="mine" target="b" local="true"/>', {"b": 2}),
    ],
)
def test_what_a_call_hands_over_is_just_what_it_maps(mappings, expected):
    inputs = '<camunda:inputOutput><camunda:inputParameter name="mine">${a + 1}</camunda:inputParameter>'

    told = through(extended("callActivity", f"{inputs}</camunda:inputOutput>{mappings}", 'calledElement="q"'), a=1)

    assert told.of(events.ProcessCalled)[0].variables == expected


def test_a_local_output_of_a_call_stays_in_the_activity():
    outputs = (
        '<camunda:out source="r" target="kept" local="true"/><camunda:inputOutput>'
        '<camunda:outputParameter name="out">${kept + 1}</camunda:outputParameter></camunda:inputOutput>'
    )
    told = through(extended("callActivity", outputs, 'calledElement="q"'))

    told.complete("T", r=4)

    assert told.variables == {"out": 5}


# --- ad-hoc subprocesses of Camunda 8


def tools(attributes: str, inside: str = '<userTask id="A"/><userTask id="B"/>') -> str:
    return extended("adHocSubProcess", f"<zeebe:adHoc {attributes}/>", content=inside)


def test_only_what_the_collection_names_begins():
    told = through(tools('activeElementsCollection="=wanted"'), wanted=["B"])

    assert told.waiting_at == ["B"]
    told.complete("B")
    assert told.outcome == "completed"


def test_what_the_elements_bring_is_collected():
    told = through(
        tools('activeElementsCollection="=wanted" outputCollection="found" outputElement="=answer"'), wanted=["A", "B"]
    )

    told.complete("A", answer=1)
    told.complete("B", answer=2)

    assert told.variables["found"] == [1, 2]


@pytest.mark.parametrize(("wanted", "message"), [(["X"], "names 'X', which is none of A, B"), ("A", "no list")])
def test_a_collection_that_names_something_else_is_an_incident(wanted, message):
    told = through(tools('activeElementsCollection="=wanted"'), wanted=wanted)

    (incident,) = told.incidents
    assert message in incident.message
