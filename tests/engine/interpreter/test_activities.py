"""What tasks do, and what happens around them."""

import pytest
from story import Story, program

from engine import commands, events
from engine.errors import Conflict, NotFound

CHARGE = '<serviceTask id="Charge" camunda:type="external" camunda:topic="charge-card"/>'


def test_a_straight_line_of_tasks_runs_to_its_end():
    story = Story(program('<startEvent id="S"/><task id="A"/><manualTask id="B"/><endEvent id="E"/>', "S A B E"))

    assert story.path == ["S", "A", "B", "E"]
    assert story.outcome == "completed"


def test_a_service_task_waits_for_its_job_and_writes_what_it_returns():
    story = Story(program(f'<startEvent id="S"/>{CHARGE}<endEvent id="E"/>', "S Charge E"), amount=120)

    (job,) = story.of(events.JobCreated)
    assert job.names == ("charge-card",)
    assert story.outcome is None
    story.complete("Charge", receipt="r-1")

    assert story.variables == {"amount": 120, "receipt": "r-1"}
    assert story.outcome == "completed"


def test_a_job_cannot_be_completed_twice():
    story = Story(program(f'<startEvent id="S"/>{CHARGE}<task id="T"/><userTask id="U"/>', "S Charge T U"))
    (activity_id,) = story.waiting_ids("Charge")
    story.complete("Charge")
    before = len(story.log)

    with pytest.raises(Conflict, match="ended already"):
        story.do(commands.CompleteActivity, activity_id=activity_id)

    assert len(story.log) == before


def test_a_user_task_names_its_candidates_and_closes_when_completed():
    task = '<userTask id="Approve" name="Approve it" camunda:candidateGroups="managers, board" camunda:assignee="${boss}"/>'
    story = Story(program(f'<startEvent id="S"/>{task}', "S Approve"), boss="ann")

    (created,) = story.of(events.UserTaskCreated)
    assert (created.name, created.assignee, created.candidate_groups) == ("Approve it", "ann", ("managers", "board"))
    story.complete("Approve", approved=True)

    assert story.of(events.UserTaskClosed) == [events.UserTaskClosed(created.activity_id, "completed")]
    assert story.variables["approved"] is True


def test_input_mappings_are_local_and_output_mappings_carry_results_out():
    task = """<userTask id="T"><extensionElements><camunda:inputOutput>
        <camunda:inputParameter name="net">${price * 2}</camunda:inputParameter>
        <camunda:outputParameter name="total">${net + tax}</camunda:outputParameter>
      </camunda:inputOutput></extensionElements></userTask>"""
    story = Story(program(f'<startEvent id="S"/>{task}<userTask id="U"/>', "S T U"), price=10)

    assert story.instance.visible(story.waiting_ids("T")[0])["net"] == 20
    story.complete("T", tax=4)

    assert story.variables == {"price": 10, "tax": 4, "total": 24}


def test_in_camunda_8_results_stay_local_unless_an_output_names_them():
    task = """<userTask id="T"><extensionElements><zeebe:userTask/><zeebe:ioMapping>
        <zeebe:output source="=answer" target="kept"/></zeebe:ioMapping></extensionElements></userTask>"""
    story = Story(program(f'<startEvent id="S"/>{task}<userTask id="U"/>', "S T U"))

    story.complete("T", answer=42, noise="x")

    assert story.variables == {"kept": 42}


def test_a_script_that_fails_is_an_incident_and_goes_on_after_the_repair():
    script = '<scriptTask id="T" scriptFormat="python"><script>total = price * 2</script></scriptTask>'
    story = Story(program(f'<startEvent id="S"/>{script}<endEvent id="E"/>', "S T E"))

    (incident,) = story.incidents
    assert (incident.element_id, incident.kind) == ("T", "script")
    assert "price" in incident.message
    story.do(commands.SetVariables, variables={"price": 21})
    story.do(commands.RetryActivity, activity_id=incident.activity_id)

    assert story.variables["total"] == 42
    assert story.outcome == "completed"


def test_a_failed_output_mapping_keeps_the_result_and_does_not_ask_again():
    task = """<userTask id="T"><extensionElements><camunda:inputOutput>
        <camunda:outputParameter name="sum">${given + missing}</camunda:outputParameter>
      </camunda:inputOutput></extensionElements></userTask>"""
    story = Story(program(f'<startEvent id="S"/>{task}<endEvent id="E"/>', "S T E"))

    story.complete("T", given=1)
    (incident,) = story.incidents
    story.do(commands.SetVariables, variables={"missing": 2})
    story.do(commands.RetryActivity, activity_id=incident.activity_id)

    assert story.variables["sum"] == 3
    assert len(story.of(events.UserTaskCreated)) == 1


def test_a_result_that_is_held_by_an_incident_is_not_taken_twice():
    task = """<serviceTask id="T" camunda:type="external" camunda:topic="x"><extensionElements><camunda:inputOutput>
        <camunda:outputParameter name="sum">${given + missing}</camunda:outputParameter>
      </camunda:inputOutput></extensionElements></serviceTask>"""
    story = Story(program(f'<startEvent id="S"/>{task}<endEvent id="E"/>', "S T E"))
    story.complete("T", given=1)

    with pytest.raises(Conflict, match="does not wait"):
        story.complete("T", given=2)

    assert len(story.incidents) == 1


def test_a_subprocess_is_done_when_the_last_token_inside_has_gone():
    inside = (
        '<subProcess id="P"><startEvent id="S2"/><parallelGateway id="F"/><userTask id="A"/><userTask id="B"/>'
        '<sequenceFlow id="a" sourceRef="S2" targetRef="F"/><sequenceFlow id="b" sourceRef="F" targetRef="A"/>'
        '<sequenceFlow id="c" sourceRef="F" targetRef="B"/></subProcess>'
    )
    story = Story(program(f'<startEvent id="S"/>{inside}<endEvent id="E"/>', "S P E"))

    story.complete("A")
    assert story.outcome is None
    story.complete("B")

    assert story.passed["P"] == 1
    assert story.outcome == "completed"


def test_a_called_process_gets_what_is_mapped_in_and_returns_what_is_mapped_out():
    call = """<callActivity id="C" calledElement="child"><extensionElements>
        <camunda:in source="order" target="item"/><camunda:out source="price" target="cost"/>
      </extensionElements></callActivity>"""
    story = Story(program(f'<startEvent id="S"/>{call}<endEvent id="E"/>', "S C E"), order="book", other=1)

    (called,) = story.of(events.ProcessCalled)
    assert (called.process_key, called.variables) == ("child", {"item": "book"})
    story.complete("C", price=7, internal=True)

    assert story.variables == {"order": "book", "other": 1, "cost": 7}
    assert story.outcome == "completed"


def test_save_points_before_and_after_a_task_wait_for_their_continuation():
    body = '<startEvent id="S"/><task id="T" camunda:asyncBefore="true" camunda:asyncAfter="true"/><endEvent id="E"/>'
    story = Story(program(body, "S T E"))
    (activity_id,) = story.waiting_ids("T")

    story.do(commands.Continue, activity_id=activity_id)
    assert story.outcome is None
    story.do(commands.Continue, activity_id=activity_id)

    assert len(story.of(events.ContinuationCreated)) == 2
    assert story.outcome == "completed"


def test_variables_can_only_be_set_in_a_live_scope():
    story = Story(program('<startEvent id="S"/><userTask id="U"/>', "S U"))

    with pytest.raises(NotFound):
        story.do(commands.SetVariables, scope_id=99, variables={"a": 1})

    assert story.variables == {}


def test_cancelling_ends_everything_that_waits():
    story = Story(
        program(f'<startEvent id="S"/><parallelGateway id="F"/>{CHARGE}<userTask id="U"/>', "S F U", "F Charge")
    )

    story.do(commands.Cancel, actor="user:ann", reason="a duplicate")

    (ended,) = story.of(events.InstanceEnded)
    assert (ended.outcome, ended.reason) == ("cancelled", "a duplicate")
    assert len(story.of(events.JobStopped)) == 1
    assert [closed.outcome for closed in story.of(events.UserTaskClosed)] == ["cancelled"]
    assert story.parts == {}


def test_an_endless_loop_ends_in_an_incident_and_not_in_a_hanging_engine(monkeypatch):
    monkeypatch.setattr("engine.interpreter.instance.STEP_LIMIT", 1000)
    body = '<startEvent id="S"/><exclusiveGateway id="G"/><task id="A"/>'
    story = Story(program(body, "S G A G"))

    (incident,) = story.incidents
    assert incident.kind == "loop"
