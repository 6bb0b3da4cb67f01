import pytest

from engine.model import Resource
from engine.searching import Condition, Search


def redeploy(the_engine, source, old, new):
    data = source.read_text().replace(old, new).encode()
    the_engine.deploy(Resource("leave.bpmn", data), by="tests")


@pytest.fixture
def leave_file(request):
    return request.path.with_name("leave.bpmn")


def test_the_list_shows_each_process_with_what_it_is_for(leave, ann):
    ann.get("/processes/")

    assert "Leave request" in ann.text
    assert "Days off, from the wish to the calendar." in ann.text


def test_before_anything_is_deployed_the_list_says_what_to_do(ann):
    assert "fermata deploy" in ann.get("/processes/").text


def test_an_older_version_says_that_it_is_one(leave, leave_file, ann):
    redeploy(leave, leave_file, "Days off wished", "Wished")

    assert "This is an older version." in ann.get("/processes/leave?version=1").text
    assert "This is an older version." not in ann.get("/processes/leave").text


def test_a_version_that_never_was_is_not_found(leave, ann):
    ann.get("/processes/leave?version=7")

    assert ann.status == 404
    assert "There is no version 7 of 'leave'. The newest is 1." in ann.text


def test_the_diagram_is_served_byte_for_byte_and_as_nothing_but_a_file(leave, leave_file, ann):
    answer = ann.get("/processes/leave/versions/1/diagram.bpmn").answer

    assert answer.data == leave_file.read_bytes()
    assert answer.headers["Content-Disposition"] == 'attachment; filename="leave.bpmn"'
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")


def test_a_browser_that_has_the_diagram_is_not_sent_it_again(leave, ann):
    address = "/processes/leave/versions/1/diagram.bpmn"
    stamp = ann.get(address).answer.headers["ETag"]

    assert ann.get(address, headers={"If-None-Match": stamp}).status == 304


def test_the_start_form_shows_its_fields_with_labels_and_defaults(leave, ann):
    ann.get("/processes/leave/start")

    assert '<label for="field.days">' in ann.html
    assert 'value="holiday"' in ann.html


def test_starting_by_the_form_leads_to_the_instance(leave, ann):
    ann.post("/processes/leave/start", **{"business_key": "L-1", "field.days": "3", "field.reason": "sea"})

    [instance] = leave.read.instances().items
    assert ann.path == f"/instances/{instance.id}"
    assert (instance.business_key, instance.started_by) == ("L-1", "ann")
    assert leave.read.variables(instance.id) == {"days": 3, "reason": "sea"}


def test_a_field_that_does_not_fit_is_told_beside_it_and_nothing_starts(leave, ann):
    ann.post("/processes/leave/start", **{"business_key": "L-1", "field.days": "many", "field.reason": "sea"})

    assert ann.status == 422
    assert 'id="field.days-problem"' in ann.html
    assert 'value="many"' in ann.html
    assert 'value="L-1"' in ann.html
    assert leave.read.instances().total == 0


def test_starting_by_json(leave, ann):
    ann.post("/processes/leave/start", by="json", variables='{"days": 2, "who": {"name": "Ann"}}')

    [instance] = leave.read.instances().items
    assert leave.read.variables(instance.id) == {"days": 2, "who": {"name": "Ann"}}


@pytest.mark.parametrize("text", ["{", "[1]", '"text"', "[" * 50_000, '{"a": 1}}'])
def test_variables_that_are_no_json_object_start_nothing(leave, ann, text):
    ann.post("/processes/leave/start", by="json", variables=text)

    assert ann.status == 422
    assert 'id="variables-problem"' in ann.html
    assert leave.read.instances().total == 0


def test_only_candidate_starters_start_a_process_that_names_them(the_engine, leave_file, ann, ben, admin):
    redeploy(
        the_engine, leave_file, 'isExecutable="true"', 'isExecutable="true" camunda:candidateStarterGroups="managers"'
    )

    assert ben.get("/processes/leave/start").status == 403
    assert ben.post("/processes/leave/start", by="json").status == 403
    assert "Start" not in ben.get("/processes/leave").text
    assert the_engine.read.instances().total == 0
    assert ann.get("/processes/leave/start").status == 200
    assert admin.get("/processes/leave/start").status == 200


STARTERS = {
    "a user": 'camunda:candidateStarterUsers="ann, somebody"',
    "a group": 'camunda:candidateStarterGroups="managers"',
}


@pytest.mark.parametrize("said", STARTERS.values(), ids=STARTERS)
def test_users_and_groups_that_may_start_see_the_button_and_others_do_not(the_engine, leave_file, ann, ben, said):
    redeploy(the_engine, leave_file, 'isExecutable="true"', f'isExecutable="true" {said}')

    assert "/processes/leave/start" in ann.get("/processes/").html
    assert "/processes/leave/start" not in ben.get("/processes/").html
    assert ben.post("/processes/leave/start", by="json").status == 403
    assert ann.post("/processes/leave/start", by="json").status == 200
    assert [each.started_by for each in the_engine.read.instances()] == ["ann"]


def test_what_is_not_startable_in_the_tasklist_nobody_starts_there_but_an_operator_elsewhere(
    the_engine, leave_file, admin
):
    redeploy(the_engine, leave_file, 'isExecutable="true"', 'isExecutable="true" camunda:isStartableInTasklist="false"')

    assert admin.get("/processes/leave/start").status == 403
    assert the_engine.start("leave", by="admin").process_key == "leave"


def test_the_version_tag_is_shown(the_engine, leave_file, ann):
    redeploy(the_engine, leave_file, 'isExecutable="true"', 'isExecutable="true" camunda:versionTag="spring 2"')

    assert "spring 2" in ann.get("/processes/").text
    assert "spring 2" in ann.get("/processes/leave").text


def test_a_start_timer_that_gave_up_is_among_the_open_incidents_of_the_first_page(stuck, ann):
    ann.get("/")

    assert "1 open incident" in ann.text
    assert 'href="/processes/tick">' in ann.html
    (incident,) = stuck.read.open_incidents()
    assert incident.message[:40] in ann.text
    assert "Retry</button>" not in ann.html
    assert ann.post(f"/incidents/{incident.id}/retry").status == 403
    assert stuck.read.open_incidents().total == 1


def test_an_operator_tries_it_again_from_there(stuck, operator):
    (incident,) = stuck.read.open_incidents()
    assert f'action="/incidents/{incident.id}/retry"' in operator.get("/").html

    operator.post(f"/incidents/{incident.id}/retry")

    assert (operator.status, operator.path) == (200, "/")
    assert "It is being tried again." in operator.text
    assert "Nothing is stuck" in operator.text
    [job] = [each.item for each in stuck.find.jobs(Search((Condition("id", incident.id),)))]
    assert (job.state, job.error) == ("available", None)
    assert operator.post(f"/incidents/{incident.id}/retry").status == 404
