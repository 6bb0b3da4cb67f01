import pytest

from engine import PermanentFailure


@pytest.fixture
def request_id(leave):
    return leave.start("leave", business_key="L-1", variables={"days": 3}, by="ben").id


def decide(the_engine, instance_id):
    [task] = the_engine.read.tasks(instance_id=instance_id, scope="all").items
    the_engine.claim(task.id, "ann")
    the_engine.complete(task.id, {"approved": True}, by="ann")


@pytest.fixture
def stuck_id(the_engine, request):
    """An instance whose calendar has refused for good."""

    @the_engine.handler("book-leave")
    def refuse(job):
        raise PermanentFailure("The calendar is closed.")

    the_engine.deploy(request.path.with_name("leave.bpmn"))
    instance = the_engine.start("leave", business_key="L-9", variables={"days": 3}, by="ben")
    decide(the_engine, instance.id)
    the_engine.work()
    return instance.id


def test_the_list_finds_by_process_state_and_key(leave, request_id, ann):
    leave.start("leave", business_key="other", variables={"days": 1})

    assert "L-1" in ann.get("/instances/?process=leave&state=running&business_key=L-1").text
    assert "other" not in ann.text
    assert "No instance fits" in ann.get("/instances/?state=completed").text


@pytest.mark.parametrize(
    "query", ["state=nonsense", "page=-3", "page=many", "page=999999999999999999999", "process=%00"]
)
def test_a_filter_that_makes_no_sense_breaks_nothing(request_id, ann, query):
    assert ann.get(f"/instances/?{query}").status == 200


def test_hundreds_of_instances_come_in_pages(leave, ann):
    for number in range(120):
        leave.start("leave", business_key=f"L-{number:03}", variables={"days": 1})

    assert "1–50 of 120" in ann.get("/instances/?process=leave").text
    ann.get("/instances/?process=leave&page=3&_scheme=javascript")
    assert "101–120 of 120" in ann.text
    assert 'href="/instances/?process=leave' in ann.html


def test_an_instance_tells_where_it_waits_and_what_it_knows(request_id, ann):
    ann.get(f"/instances/{request_id}")

    assert "Waiting at Decide on leave" in ann.text
    assert "days 3 number" in ann.text
    assert "Days off wished Start event" in ann.text


def test_the_history_names_who_did_what_and_how_long_it_took(leave, request_id, clock, ann):
    from datetime import timedelta

    clock.advance(timedelta(hours=2))
    decide(leave, request_id)

    ann.get(f"/instances/{request_id}")

    assert "Decide on leave User task · by ann" in ann.text
    assert "2 h" in ann.text


def test_changes_show_the_value_before_and_after(leave, request_id, ann):
    leave.set_variables(request_id, {"days": 5}, by="admin")

    ann.get(f"/instances/{request_id}?view=changes")

    assert "days 3 → 5 admin" in ann.text


@pytest.mark.parametrize("view", ["history", "changes", "jobs", "incidents", "log", "nonsense"])
def test_each_view_of_a_finished_instance_can_be_read(leave, request_id, ann, view):
    decide(leave, request_id)
    leave.work()

    assert ann.get(f"/instances/{request_id}?view={view}").status == 200
    assert "Completed" in ann.text


def test_the_marks_show_the_path_and_the_token(request_id, ann):
    marks = ann.get(f"/instances/{request_id}/marks").answer.json

    assert marks["flows"] == {"ToDecide": 1}
    assert marks["nodes"]["Decide"]["tokens"] == 1
    assert marks["nodes"]["Wished"] == {"visits": 1, "tokens": 0, "incidents": 0, "cancelled": 0}


def test_a_waiting_browser_is_told_only_what_is_new(leave, request_id, ann):
    first = ann.get(f"/instances/{request_id}/live").answer.json
    assert ann.get(f"/instances/{request_id}/live?seen={first['stamp']}").status == 204

    decide(leave, request_id)
    leave.work()

    news = ann.get(f"/instances/{request_id}/live?seen={first['stamp']}").answer.json
    assert news["is_final"]
    assert "Completed" in news["fragments"]["heading"]
    assert news["marks"]["nodes"]["Booked"]["visits"] == 1


def test_a_step_has_a_page_with_its_inputs_outputs_and_attempts(leave, request_id, ann):
    decide(leave, request_id)
    leave.work()
    [booked] = [one for one in leave.read.history(request_id).activities if one.element_id == "Book"]

    ann.get(f"/instances/{request_id}/activities/{booked.activity_id}")

    assert "Book in calendar Completed" in ann.text
    assert "booked true" in ann.text
    assert "#1 Completed" in ann.text


def test_a_step_that_never_was_is_not_found(request_id, ann):
    assert ann.get(f"/instances/{request_id}/activities/99").status == 404
    assert ann.get("/instances/nothing").status == 404


def test_an_operator_can_retry_an_incident_and_others_cannot(the_engine, stuck_id, ben, operator):
    [incident] = the_engine.read.incidents(instance_id=stuck_id)
    the_engine.handler("book-leave")(lambda job: {"booked": True})
    retry = f"/instances/{stuck_id}/incidents/{incident.id}/retry"

    assert "The calendar is closed." in ben.get(f"/instances/{stuck_id}?view=incidents").text
    assert ben.post(retry).status == 403
    operator.post(retry)
    the_engine.work()

    assert the_engine.read.instance(stuck_id).state == "completed"
    assert [one.resolved_by for one in the_engine.read.incidents(instance_id=stuck_id, open_only=False)] == ["olga"]


def test_an_open_incident_shows_on_the_first_page(stuck_id, ann):
    assert "The calendar is closed." in ann.get("/").text
    assert "1 open incident" in ann.text


def test_cancelling_wants_a_reason_and_an_operator(leave, request_id, ann, operator):
    cancel = f"/instances/{request_id}/cancel"

    assert ann.post(cancel, reason="no").status == 403
    assert operator.post(cancel, reason="  ").status == 422
    assert leave.read.instance(request_id).state == "running"

    operator.post(cancel, reason="Moved to next year")

    assert leave.read.instance(request_id).state == "cancelled"
    assert "Moved to next year" in operator.text
