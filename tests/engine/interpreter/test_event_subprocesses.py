"""Event subprocesses, conditional and multiple events."""

from story import Story, program

from engine import commands, events

ERROR = '<error id="e1" errorCode="LIMIT"/>'
SIGNALS = '<signal id="g" name="Go"/><signal id="h" name="Halt"/>'
CONDITION = "<conditionalEventDefinition><condition>${ready}</condition></conditionalEventDefinition>"


def handler(start: str, interrupting: bool = True, work: str = '<userTask id="H"/>') -> str:
    kind = "" if interrupting else ' isInterrupting="false"'
    return (
        f'<subProcess id="ESP" triggeredByEvent="true"><startEvent id="ES"{kind}>{start}</startEvent>{work}'
        '<endEvent id="EE"/><sequenceFlow id="e1_" sourceRef="ES" targetRef="H"/>'
        '<sequenceFlow id="e2_" sourceRef="H" targetRef="EE"/></subProcess>'
    )


def timer(kind: str, value: str) -> str:
    return f"<timerEventDefinition><{kind}>{value}</{kind}></timerEventDefinition>"


WORK = '<startEvent id="S"/><userTask id="T"/><endEvent id="E"/>'


def test_an_interrupting_one_takes_the_place_of_the_work_around_it():
    story = Story(program(WORK + handler(timer("timeDuration", "P1D")), "S T E"))

    story.advance(days=1)
    assert story.waiting_at == ["H"]
    story.complete("H")

    assert story.outcome == "completed"
    assert "E" not in story.path
    assert [cancelled.element_id for cancelled in story.of(events.ActivityCancelled)] == ["T"]


def test_a_non_interrupting_one_runs_beside_the_work_each_time():
    story = Story(program(WORK + handler(timer("timeCycle", "R2/P1D"), interrupting=False), "S T E"))

    story.advance(days=5)
    assert sorted(story.waiting_at) == ["H", "H", "T"]
    story.complete("T")
    assert story.outcome is None
    story.complete("H")
    story.complete("H")

    assert story.outcome == "completed"
    assert story.timers() == []


def test_an_unfired_one_does_not_keep_the_process_open():
    story = Story(program(WORK + handler('<signalEventDefinition signalRef="g"/>'), "S T E", definitions=SIGNALS))

    story.complete("T")

    assert story.outcome == "completed"
    assert story.open_catchers() == {}


def test_it_catches_an_error_before_the_boundary_of_the_scope_around_it():
    inside = (
        '<subProcess id="P"><startEvent id="S2"/><userTask id="T"/><endEvent id="E2"/>'
        '<sequenceFlow id="a" sourceRef="S2" targetRef="T"/><sequenceFlow id="b" sourceRef="T" targetRef="E2"/>'
        + handler('<errorEventDefinition errorRef="e1" camunda:errorCodeVariable="code"/>')
        + "</subProcess>"
    )
    boundary = '<boundaryEvent id="B" attachedToRef="P"><errorEventDefinition errorRef="e1"/></boundaryEvent>'
    body = f'<startEvent id="S"/>{inside}{boundary}<userTask id="Next"/><userTask id="Bad"/>'
    story = Story(program(body, "S P Next", "B Bad", definitions=ERROR))

    story.error("T", "LIMIT")
    assert story.waiting_at == ["H"]
    assert story.variables["code"] == "LIMIT"
    story.complete("H")

    assert story.waiting_at == ["Next"]


def test_an_error_inside_its_handler_is_for_the_scope_outside():
    body = '<startEvent id="S"/><subProcess id="P"><startEvent id="S2"/><userTask id="T"/>{}</subProcess>{}<userTask id="X"/>'
    esp = handler('<errorEventDefinition errorRef="e1"/>')
    boundary = '<boundaryEvent id="B" attachedToRef="P"><errorEventDefinition errorRef="e1"/></boundaryEvent>'
    inside = f'<sequenceFlow id="a" sourceRef="S2" targetRef="T"/>{esp}'
    story = Story(program(body.format(inside, boundary), "S P", "B X", definitions=ERROR))

    story.error("T", "LIMIT")
    story.error("H", "LIMIT")

    assert story.waiting_at == ["X"]


def test_it_sees_and_writes_the_variables_of_its_scope():
    work = '<scriptTask id="H" scriptFormat="python"><script>total = total + 1</script></scriptTask>'
    body = WORK + handler('<signalEventDefinition signalRef="g"/>', interrupting=False, work=work)
    story = Story(program(body, "S T E", definitions=SIGNALS), total=1)

    story.trigger("ES")
    story.trigger("ES")

    assert story.variables["total"] == 3


def test_after_an_incident_in_arming_nothing_waits_twice():
    signal = handler('<signalEventDefinition signalRef="g"/>', interrupting=False)
    timed = handler(timer("timeDuration", "${wait}"), interrupting=False)
    for old in ("ESP", "ES", "EE", "H", "e1_", "e2_"):
        timed = timed.replace(f'"{old}"', f'"{old}2"')
    body = (
        '<startEvent id="S"/><subProcess id="P"><startEvent id="S2"/><userTask id="T"/><endEvent id="E2"/>'
        f'<sequenceFlow id="a" sourceRef="S2" targetRef="T"/><sequenceFlow id="b" sourceRef="T" targetRef="E2"/>'
        f'{signal}{timed}</subProcess><endEvent id="E"/>'
    )
    story = Story(program(body, "S P E", definitions=SIGNALS))

    (incident,) = story.incidents
    story.do(commands.SetVariables, variables={"wait": "PT1H"})
    story.do(commands.RetryActivity, activity_id=incident.activity_id)

    opened, closed = story.of(events.SubscriptionOpened), story.of(events.SubscriptionClosed)
    assert len(opened) - len(closed) == 1
    assert len(story.timers()) == 1


def test_a_condition_fires_when_a_variable_makes_it_hold():
    body = f'<startEvent id="S"/><intermediateCatchEvent id="W">{CONDITION}</intermediateCatchEvent><endEvent id="E"/>'
    made = program(body, "S W E")

    story = Story(made, ready=False)
    assert story.outcome is None
    story.do(commands.SetVariables, variables={"ready": True})
    assert story.outcome == "completed"

    assert Story(made, ready=True).outcome == "completed", "it is asked at once, too"


def test_a_conditional_boundary_event_interrupts_when_a_sibling_writes_the_variable():
    boundary = f'<boundaryEvent id="B" attachedToRef="T">{CONDITION}</boundaryEvent>'
    body = (
        f'<startEvent id="S"/><parallelGateway id="F"/><userTask id="T"/>{boundary}<userTask id="V"/><userTask id="X"/>'
    )
    story = Story(program(body, "S F T", "F V", "B X"), ready=False)

    story.complete("V", ready=True)

    assert story.waiting_at == ["X"]


def test_a_multiple_event_needs_one_of_its_triggers_and_a_parallel_multiple_one_needs_all():
    parts = '<signalEventDefinition signalRef="g"/><signalEventDefinition signalRef="h"/>'
    body = '<startEvent id="S"/><intermediateCatchEvent id="W"{}>{}</intermediateCatchEvent><endEvent id="E"/>'

    def waiting(attributes: str) -> tuple[Story, list[int]]:
        story = Story(program(body.format(attributes, parts), "S W E", definitions=SIGNALS))
        return story, [opened.activity_id for opened in story.of(events.SubscriptionOpened)]

    story, (_, halt) = waiting("")
    story.do(commands.TriggerEvent, activity_id=halt)
    assert story.outcome == "completed"
    assert story.open_catchers() == {}

    story, (go, halt) = waiting(' parallelMultiple="true"')
    story.do(commands.TriggerEvent, activity_id=go, variables={"a": 1})
    assert story.outcome is None
    story.do(commands.TriggerEvent, activity_id=halt, variables={"b": 2})
    assert story.outcome == "completed"
    assert story.variables == {"a": 1, "b": 2}
