"""Timers, messages, signals, errors, escalations, terminate."""

from datetime import UTC, datetime

from story import Story, program

from engine import commands, events

MESSAGE = '<message id="m" name="Shipped"><extensionElements><zeebe:subscription correlationKey="=orderId"/></extensionElements></message>'
SIGNAL = '<signal id="g" name="Go"/>'
ERROR = '<error id="e1" errorCode="LIMIT"/><error id="e2" errorCode="OTHER"/>'
ESCALATION = '<escalation id="x" escalationCode="LATE"/>'


def boundary(element_id: str, host: str, definition: str, interrupting: bool = True) -> str:
    cancels = "" if interrupting else ' cancelActivity="false"'
    return f'<boundaryEvent id="{element_id}" attachedToRef="{host}"{cancels}>{definition}</boundaryEvent>'


def timer(kind: str, value: str) -> str:
    return f"<timerEventDefinition><{kind}>{value}</{kind}></timerEventDefinition>"


def test_a_timer_catch_event_is_due_by_the_commands_clock():
    body = f'<startEvent id="S"/><intermediateCatchEvent id="W">{timer("timeDuration", "PT2H")}</intermediateCatchEvent><endEvent id="E"/>'
    story = Story(program(body, "S W E"))

    (started,) = story.of(events.TimerStarted)
    assert started.due_at == datetime(2026, 1, 5, 11, tzinfo=UTC)
    story.advance(hours=1)
    assert story.outcome is None
    story.advance(hours=1)
    assert story.outcome == "completed"


def test_an_interrupting_timer_withdraws_the_task_it_is_attached_to():
    body = (
        f'<startEvent id="S"/><userTask id="T"/>{boundary("Late", "T", timer("timeDuration", "P1D"))}<userTask id="U"/>'
    )
    story = Story(program(body, "S T", "Late U"))

    story.advance(days=1)

    assert story.path == ["S", "T", "Late", "U"]
    assert story.of(events.UserTaskClosed)[0].outcome == "cancelled"
    assert story.of(events.ActivityCancelled)[0].cause == "Late"


def test_a_reminder_cycle_comes_as_often_as_it_says_and_stops_with_its_task():
    body = f'<startEvent id="S"/><userTask id="T"/>{boundary("R", "T", timer("timeCycle", "R3/P1D"), False)}<task id="Remind"/>'
    made = program(body, "S T", "R Remind")

    ignored = Story(made)
    ignored.advance(days=10)
    assert ignored.passed["Remind"] == 3
    assert ignored.waiting_at == ["T"]

    done = Story(made)
    done.advance(days=1)
    done.complete("T")
    assert done.passed["Remind"] == 1
    assert done.timers() == []
    assert done.outcome == "completed"


def test_a_cycle_does_not_drift_when_it_is_fired_late():
    body = f'<startEvent id="S"/><userTask id="T"/>{boundary("R", "T", timer("timeCycle", "R/PT1H"), False)}<task id="Remind"/>'
    story = Story(program(body, "S T", "R Remind"))

    story.now = datetime(2026, 1, 5, 10, 25, tzinfo=UTC)
    story.trigger("R")

    assert story.timers()[0].due_at == datetime(2026, 1, 5, 11, tzinfo=UTC)


def test_a_message_catch_event_subscribes_with_its_correlation_key():
    body = '<startEvent id="S"/><intermediateCatchEvent id="W"><messageEventDefinition messageRef="m"/></intermediateCatchEvent><endEvent id="E"/>'
    story = Story(program(body, "S W E", definitions=MESSAGE), orderId=17)

    (opened,) = story.of(events.SubscriptionOpened)
    assert (opened.kind, opened.name, opened.correlation_key) == ("message", "Shipped", "17")
    story.trigger("W", tracking="t-1")

    assert story.variables["tracking"] == "t-1"
    assert story.of(events.SubscriptionClosed)[0].activity_id == opened.activity_id


def test_a_non_interrupting_message_may_come_as_often_as_it_likes():
    event = boundary("More", "T", '<messageEventDefinition messageRef="m"/>', False)
    body = f'<startEvent id="S"/><userTask id="T"/>{event}<task id="Note"/>'
    story = Story(program(body, "S T", "More Note", definitions=MESSAGE), orderId=1)

    story.trigger("More")
    story.trigger("More")

    assert story.passed["Note"] == 2
    assert story.waiting_at == ["T"]


def test_a_signal_reaches_everything_in_the_instance_that_waits_for_it():
    catch = '<intermediateCatchEvent id="{}"><signalEventDefinition signalRef="g"/></intermediateCatchEvent>'
    throw = '<intermediateThrowEvent id="Throw"><signalEventDefinition signalRef="g"/></intermediateThrowEvent>'
    body = (
        f'<startEvent id="S"/><parallelGateway id="F"/>{throw}{catch.format("A")}{catch.format("B")}<endEvent id="E"/>'
    )
    story = Story(program(body, "S F Throw E", "F A E", "F B E", definitions=SIGNAL))

    assert story.passed == {"S": 1, "F": 1, "Throw": 1, "A": 1, "B": 1, "E": 3}
    assert story.outcome == "completed"


def test_an_error_interrupts_the_nearest_activity_that_catches_its_code():
    inside = (
        '<subProcess id="P"><startEvent id="S2"/><userTask id="T"/><endEvent id="Fail"><errorEventDefinition errorRef="e1"/>'
        '</endEvent><sequenceFlow id="a" sourceRef="S2" targetRef="T"/><sequenceFlow id="b" sourceRef="T" targetRef="Fail"/>'
        "</subProcess>"
    )
    other = boundary("Other", "P", '<errorEventDefinition errorRef="e2"/>')
    caught = boundary("Caught", "P", '<errorEventDefinition errorRef="e1"/>')
    body = f'<startEvent id="S"/>{inside}{other}{caught}<userTask id="A"/><userTask id="B"/>'
    story = Story(program(body, "S P", "Other A", "Caught B", definitions=ERROR))

    story.complete("T")

    assert story.path == ["S", "P", "S2", "T", "Fail", "Caught", "B"]
    assert story.passed["Fail"] == 1
    assert [cancelled.element_id for cancelled in story.of(events.ActivityCancelled)] == ["P"]


def test_an_error_never_touches_a_parallel_sibling():
    sub = (
        '<subProcess id="{0}"><startEvent id="S{0}"/><userTask id="T{0}"/><sequenceFlow id="f{0}" sourceRef="S{0}" '
        'targetRef="T{0}"/></subProcess>'
    )
    events_ = boundary("E1", "P1", '<errorEventDefinition errorRef="e1"/>') + boundary(
        "E2", "P2", '<errorEventDefinition errorRef="e1"/>'
    )
    body = (
        f'<startEvent id="S"/><parallelGateway id="F"/>{sub.format("P1")}{sub.format("P2")}{events_}<endEvent id="E"/>'
    )
    story = Story(program(body, "S F P1", "F P2", "E1 E", "E2 E", definitions=ERROR))

    story.error("TP1", "LIMIT")

    assert "E1" in story.path
    assert "E2" not in story.path
    assert story.waiting_at == ["TP2"]


def test_an_error_that_nobody_catches_ends_the_instance_as_failed():
    body = '<startEvent id="S"/><parallelGateway id="F"/><userTask id="A"/><userTask id="B"/>'
    story = Story(program(body, "S F A", "F B"))

    story.error("A", "LIMIT")

    (ended,) = story.of(events.InstanceEnded)
    assert (ended.outcome, ended.error_code) == ("failed", "LIMIT")
    assert isinstance(story.log[-1], events.InstanceEnded)
    assert story.parts == {}


def test_a_caught_error_hands_over_its_code_message_and_variables():
    event = boundary(
        "Caught",
        "T",
        '<errorEventDefinition errorRef="e1" camunda:errorCodeVariable="c" camunda:errorMessageVariable="why"/>',
    )
    story = Story(
        program(
            f'<startEvent id="S"/><userTask id="T"/>{event}<userTask id="U"/>', "S T", "Caught U", definitions=ERROR
        )
    )

    story.error("T", "LIMIT", max=10)

    assert story.variables == {"max": 10, "c": "LIMIT", "why": ""}


def test_an_escalation_may_be_caught_beside_the_work_that_goes_on():
    inside = (
        '<subProcess id="P"><startEvent id="S2"/><intermediateThrowEvent id="Esc"><escalationEventDefinition escalationRef="x"/>'
        '</intermediateThrowEvent><userTask id="T"/><sequenceFlow id="a" sourceRef="S2" targetRef="Esc"/>'
        '<sequenceFlow id="b" sourceRef="Esc" targetRef="T"/></subProcess>'
    )
    event = boundary("Told", "P", '<escalationEventDefinition escalationRef="x"/>', False)
    story = Story(
        program(f'<startEvent id="S"/>{inside}{event}<userTask id="Boss"/>', "S P", "Told Boss", definitions=ESCALATION)
    )

    assert sorted(story.waiting_at) == ["Boss", "T"]


def test_an_escalation_end_event_that_interrupts_is_still_recorded_as_reached():
    inside = (
        '<subProcess id="P"><startEvent id="S2"/><endEvent id="Esc"><escalationEventDefinition escalationRef="x"/></endEvent>'
        '<sequenceFlow id="a" sourceRef="S2" targetRef="Esc"/></subProcess>'
    )
    event = boundary("Told", "P", '<escalationEventDefinition escalationRef="x"/>')
    story = Story(
        program(f'<startEvent id="S"/>{inside}{event}<userTask id="Boss"/>', "S P", "Told Boss", definitions=ESCALATION)
    )

    assert story.waiting_at == ["Boss"]
    assert story.passed["Esc"] == 1
    assert "Esc" not in [cancelled.element_id for cancelled in story.of(events.ActivityCancelled)]


def test_terminate_ends_the_instance_and_siblings_do_not_run_on():
    body = (
        '<startEvent id="S"/><parallelGateway id="F"/><endEvent id="Stop"><terminateEventDefinition/></endEvent>'
        '<userTask id="A"/><task id="B"/><userTask id="C"/>'
    )
    story = Story(program(body, "S F Stop", "F A", "F B C"))

    assert story.outcome == "terminated"
    assert story.passed["Stop"] == 1
    assert {cancelled.element_id for cancelled in story.of(events.ActivityCancelled)} == {"A", "C"}


def test_terminate_inside_a_subprocess_ends_only_that():
    inside = (
        '<subProcess id="P"><startEvent id="S2"/><parallelGateway id="F2"/><userTask id="A"/><endEvent id="Stop">'
        '<terminateEventDefinition/></endEvent><sequenceFlow id="a" sourceRef="S2" targetRef="F2"/>'
        '<sequenceFlow id="b" sourceRef="F2" targetRef="A"/><sequenceFlow id="c" sourceRef="F2" targetRef="Stop"/></subProcess>'
    )
    story = Story(program(f'<startEvent id="S"/>{inside}<userTask id="Next"/>', "S P Next"))

    assert story.waiting_at == ["Next"]
    assert story.passed["P"] == 1


def test_a_link_goes_on_at_its_partner():
    body = (
        '<startEvent id="S"/><intermediateThrowEvent id="Out"><linkEventDefinition name="L"/></intermediateThrowEvent>'
        '<intermediateCatchEvent id="In"><linkEventDefinition name="L"/></intermediateCatchEvent><userTask id="U"/>'
    )
    story = Story(program(body, "S Out", "In U"))

    assert story.path == ["S", "Out", "In", "U"]


def test_a_message_throw_event_tells_the_engine_what_to_send():
    body = (
        '<startEvent id="S"/><intermediateThrowEvent id="Out"><messageEventDefinition messageRef="m"/></intermediateThrowEvent>'
        '<endEvent id="E"/>'
    )
    story = Story(program(body, "S Out E", definitions='<message id="m" name="Shipped"/>'))

    (thrown,) = story.of(events.MessageThrown)
    assert (thrown.name, thrown.element_id) == ("Shipped", "Out")
    assert story.outcome == "completed"


def test_what_cannot_be_thrown_is_not_recorded_as_done_and_not_half_thrown():
    parts = '<signalEventDefinition signalRef="g"/><signalEventDefinition signalRef="h"/>'
    body = f'<startEvent id="S"/><endEvent id="Out">{parts}</endEvent>'
    story = Story(program(body, "S Out", definitions=SIGNAL + '<signal id="h" name="Halt-${which}"/>'))

    (incident,) = story.incidents
    assert (story.passed["Out"], story.of(events.SignalThrown)) == (0, [])
    story.do(commands.SetVariables, variables={"which": "a"})
    story.do(commands.RetryActivity, activity_id=incident.activity_id)

    assert [thrown.name for thrown in story.of(events.SignalThrown)] == ["Go", "Halt-a"]
    assert (story.passed["Out"], story.outcome) == (1, "completed")
