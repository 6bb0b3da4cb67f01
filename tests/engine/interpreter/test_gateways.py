"""Where tokens go and where they wait for each other."""

from story import Story, program

from engine import commands, events


def test_an_exclusive_gateway_takes_the_first_flow_that_holds_in_document_order():
    body = '<startEvent id="S"/><exclusiveGateway id="G" default="G_C"/><task id="A"/><task id="B"/><task id="C"/>'
    paths = ("S G", "G ?${x>1}? A", "G ?${x>0}? B", "G C")

    assert Story(program(body, *paths), x=2).path == ["S", "G", "A"]
    assert Story(program(body, *paths), x=1).path == ["S", "G", "B"]
    assert Story(program(body, *paths), x=0).path == ["S", "G", "C"]


def test_a_flow_without_a_condition_that_stands_last_is_taken_where_no_other_is():
    body = '<startEvent id="S"/><exclusiveGateway id="G"/><task id="A"/><task id="B"/>'

    assert Story(program(body, "S G", "G ?${x>1}? A", "G B"), x=2).path == ["S", "G", "A"]
    assert Story(program(body, "S G", "G ?${x>1}? A", "G B"), x=1).path == ["S", "G", "B"]


def test_an_inclusive_gateway_always_takes_a_flow_without_a_condition():
    body = '<startEvent id="S"/><inclusiveGateway id="G"/><task id="A"/><task id="B"/>'

    assert set(Story(program(body, "S G", "G ?${x>1}? A", "G B"), x=2).path) == {"S", "G", "A", "B"}
    assert Story(program(body, "S G", "G ?${x>1}? A", "G B"), x=1).path == ["S", "G", "B"]


def test_a_condition_asks_for_data_in_the_standards_own_language():
    body = '<startEvent id="S"/><exclusiveGateway id="G"/><task id="A"/><task id="B"/>'
    paths = ("S G", "G ?bpmn:getDataObject('approved')? A", "G ?not(bpmn:getDataObject('approved'))? B")

    assert Story(program(body, *paths), approved=True).path == ["S", "G", "A"]
    assert Story(program(body, *paths), approved=False).path == ["S", "G", "B"]


def test_without_a_way_out_the_gateway_is_an_incident_until_the_variables_are_repaired():
    body = '<startEvent id="S"/><exclusiveGateway id="G"/><task id="A"/><task id="B"/>'
    story = Story(program(body, "S G", "G ?${x==1}? A", "G ?${x==2}? B"), x=3)

    (incident,) = story.incidents
    assert (incident.element_id, incident.kind) == ("G", "flow")
    story.do(commands.SetVariables, variables={"x": 2})
    story.do(commands.RetryActivity, activity_id=incident.activity_id)

    assert story.path == ["S", "G", "B"]
    assert story.outcome == "completed"


def test_a_parallel_join_waits_for_every_branch_and_loses_no_update():
    body = (
        '<startEvent id="S"/><parallelGateway id="F"/><userTask id="A"/><userTask id="B"/>'
        '<parallelGateway id="J"/><endEvent id="E"/>'
    )
    story = Story(program(body, "S F A J E", "F B J"), status="new", count=0)

    story.complete("A", status="approved")
    assert story.outcome is None
    story.complete("B", count=1)

    assert story.variables == {"status": "approved", "count": 1}
    assert story.path == ["S", "F", "A", "B", "J", "E"]


def test_a_second_token_on_the_same_flow_belongs_to_the_next_round_of_the_join():
    body = (
        '<startEvent id="S"/><parallelGateway id="F"/><task id="A1"/><task id="A2"/><exclusiveGateway id="M"/>'
        '<userTask id="B"/><parallelGateway id="J"/><endEvent id="E"/>'
    )
    story = Story(program(body, "S F A1 M J E", "F A2 M", "F B J"))

    story.complete("B")

    assert story.passed["J"] == 1
    assert story.outcome is None, "one token still waits at the join for a partner that never comes"


def test_an_inclusive_join_waits_only_for_tokens_that_can_still_come():
    body = (
        '<startEvent id="S"/><inclusiveGateway id="F" default="F_C"/><userTask id="A"/><userTask id="B"/><task id="C"/>'
        '<inclusiveGateway id="J"/><endEvent id="E"/>'
    )
    paths = ("S F", "F ?${a}? A", "F ?${b}? B", "F C", "A J", "B J", "C J", "J E")

    both = Story(program(body, *paths), a=True, b=True)
    both.complete("A")
    assert both.outcome is None
    both.complete("B")
    assert (both.passed["J"], both.outcome) == (1, "completed")

    one = Story(program(body, *paths), a=False, b=True)
    one.complete("B")
    assert (one.passed["J"], one.outcome) == (1, "completed")


def test_an_inclusive_join_does_not_wait_for_a_token_that_can_as_well_come_by_a_flow_that_has_one():
    body = (
        '<startEvent id="S"/><parallelGateway id="F"/><userTask id="U"/><exclusiveGateway id="X" default="X_B"/>'
        '<exclusiveGateway id="A"/><task id="B"/><inclusiveGateway id="J"/><endEvent id="E"/>'
    )
    story = Story(program(body, "S F A J E", "F U X ?${x==1}? A", "X B J"), x=0)

    assert (story.passed["J"], story.waiting_at) == (1, ["U"])
    story.complete("U")
    assert (story.passed["J"], story.outcome) == (2, "completed")


def test_an_inclusive_join_inside_a_loop_fires_once_a_turn():
    body = (
        '<startEvent id="S"/><exclusiveGateway id="M"/><inclusiveGateway id="F"/><task id="A"/><task id="B"/>'
        '<inclusiveGateway id="J"/><scriptTask id="N" scriptFormat="python"><script>i = i + 1</script></scriptTask>'
        '<exclusiveGateway id="X" default="X_E"/><endEvent id="E"/>'
    )
    story = Story(program(body, "S M F", "F ?${true}? A J", "F ?${true}? B J", "J N X ?${i<3}? M", "X E"), i=0)

    assert story.passed["J"] == 3
    assert story.outcome == "completed"


def test_an_event_gateway_goes_the_way_of_the_first_event_and_withdraws_the_others():
    body = (
        '<startEvent id="S"/><eventBasedGateway id="G"/>'
        '<intermediateCatchEvent id="Paid"><messageEventDefinition messageRef="m"/></intermediateCatchEvent>'
        '<intermediateCatchEvent id="Late"><timerEventDefinition><timeDuration>P2D</timeDuration></timerEventDefinition>'
        "</intermediateCatchEvent>"
        '<intermediateCatchEvent id="Later"><timerEventDefinition><timeDuration>P5D</timeDuration></timerEventDefinition>'
        '</intermediateCatchEvent><userTask id="A"/><userTask id="B"/>'
    )
    made = program(body, "S G Paid A", "G Late B", "G Later B", definitions='<message id="m" name="Payment"/>')

    story = Story(made)
    assert story.waiting_at == ["G"]
    story.advance(days=6)
    assert story.path == ["S", "G", "Late", "B"]
    assert story.open_catchers() == {}

    story = Story(made)
    story.trigger("Paid", receipt="r-9")
    assert story.path == ["S", "G", "Paid", "A"]
    assert story.variables == {"receipt": "r-9"}
    assert story.timers() == []


def test_several_flows_out_of_a_task_fork_and_several_into_it_merge():
    body = '<startEvent id="S"/><task id="F"/><task id="A"/><task id="B"/><task id="M"/>'
    story = Story(program(body, "S F A M", "F B M"))

    assert story.passed["M"] == 2
    assert story.outcome == "completed"


def test_a_loop_of_ten_thousand_turns_finishes_and_leaves_nothing_behind():
    body = (
        '<startEvent id="S"/><exclusiveGateway id="M"/>'
        '<scriptTask id="T" scriptFormat="python"><script>i = i + 1</script></scriptTask>'
        '<exclusiveGateway id="X" default="X_U"/><userTask id="U"/>'
    )
    story = Story(program(body, "S M T X ?${i<10000}? M", "X U"), i=0)

    assert story.variables["i"] == 10_000
    assert story.waiting_at == ["U"]
    assert len(str(story.parts)) < 300, "the saved state does not grow with the steps done"
    assert len(story.of(events.ActivityEntered)) == 30_000 + 3 - 1
