import pytest


@pytest.fixture
def request_id(leave):
    return leave.start("leave", business_key="L-1", variables={"days": 3}, by="ben").id


@pytest.fixture
def task(leave, request_id):
    [task] = leave.read.tasks(instance_id=request_id, scope="all").items
    return task


def test_a_task_is_offered_to_its_candidates_and_to_nobody_else(task, ann, ben):
    assert "Decide on leave" in ann.get("/tasks/?scope=groups").text
    assert "Nothing to claim" in ben.get("/tasks/?scope=groups").text
    assert ben.get(f"/tasks/{task.id}").status == 403


def test_an_administrator_sees_all_tasks_and_others_are_not_offered_that_list(task, admin, ben):
    assert "Decide on leave" in admin.get("/tasks/?scope=all").text
    assert "Decide on leave" not in ben.get("/tasks/?scope=all").text


def test_a_task_must_be_claimed_before_it_is_worked_on(leave, task, ann):
    assert "Claim this task to work on it." in ann.get(f"/tasks/{task.id}").text

    ann.post(f"/tasks/{task.id}/complete")

    assert ann.status == 403
    assert leave.read.task(task.id).closed_at is None


def test_who_claims_a_task_has_it_and_can_give_it_back(leave, task, ann):
    ann.post(f"/tasks/{task.id}/claim")
    assert leave.read.task(task.id).assignee == "ann"
    assert "Decide on leave" in ann.get("/tasks/").text

    ann.post(f"/tasks/{task.id}/unclaim")
    assert leave.read.task(task.id).assignee is None


def test_the_page_of_a_task_shows_what_the_process_knows(task, ann):
    ann.get(f"/tasks/{task.id}")

    assert "L-1" in ann.text
    assert "days 3" in ann.text


def test_completing_without_a_form_takes_rows_of_values(leave, request_id, task, ann):
    ann.post(f"/tasks/{task.id}/claim")
    ann.post(f"/tasks/{task.id}/complete", **{"name.0": "approved", "type.0": "yes/no", "value.0": "yes"})

    assert "'Decide on leave' is completed." in ann.text
    assert leave.read.variables(request_id)["approved"] is True
    assert leave.read.history(request_id).activities[1].actor == "ann"


def test_a_row_that_does_not_fit_completes_nothing_and_keeps_what_was_typed(leave, task, ann):
    ann.post(f"/tasks/{task.id}/claim")
    ann.post(f"/tasks/{task.id}/complete", **{"name.0": "days", "type.0": "number", "value.0": "a <few>"})

    assert ann.status == 422
    assert "is no number" in ann.text
    assert 'value="a &lt;few&gt;"' in ann.html
    assert leave.read.task(task.id).closed_at is None


def test_more_rows_can_be_asked_for_without_completing(leave, task, ann):
    ann.post(f"/tasks/{task.id}/claim")
    ann.post(
        f"/tasks/{task.id}/complete",
        **{"name.0": "a", "value.0": "1", "name.1": "b", "value.1": "2", "more_rows": "yes"},
    )

    assert ann.html.count('name="value.') == 4
    assert leave.read.task(task.id).closed_at is None


def test_a_task_that_somebody_else_has_claimed_cannot_be_taken(leave, task, ann, admin):
    ann.post(f"/tasks/{task.id}/claim")
    admin.post(f"/tasks/{task.id}/claim")

    assert admin.status == 409
    assert leave.read.task(task.id).assignee == "ann"


def test_an_administrator_can_take_a_task_over(leave, task, ann, admin, ben):
    ann.post(f"/tasks/{task.id}/claim")

    assert ann.post(f"/tasks/{task.id}/take-over").status == 403
    assert ben.post(f"/tasks/{task.id}/take-over").status == 403
    admin.post(f"/tasks/{task.id}/take-over")

    assert leave.read.task(task.id).assignee == "admin"


def test_completing_twice_is_told_and_changes_nothing(leave, task, ann):
    ann.post(f"/tasks/{task.id}/claim")
    ann.post(f"/tasks/{task.id}/complete")
    ann.post(f"/tasks/{task.id}/complete")

    assert ann.status == 409
    assert "closed already" in ann.text


def test_a_closed_task_says_so(leave, task, ann):
    ann.post(f"/tasks/{task.id}/claim")
    ann.post(f"/tasks/{task.id}/complete")

    assert "This task is closed" in ann.get(f"/tasks/{task.id}").text


def test_a_task_that_never_was_is_not_found(leave, ann):
    assert ann.get("/tasks/nothing.1").status == 404


def test_the_list_tells_a_waiting_browser_only_what_is_new(leave, ann):
    first = ann.get("/tasks/live?scope=groups").answer.json
    assert ann.get(f"/tasks/live?scope=groups&seen={first['stamp']}").status == 204

    leave.start("leave", business_key="L-2", variables={"days": 1})

    news = ann.get(f"/tasks/live?scope=groups&seen={first['stamp']}").answer.json
    assert "L-2" in news["fragments"]["tasks"]


def test_the_first_page_shows_what_waits_and_what_may_be_started(task, ann):
    ann.get("/")

    assert "1 to claim in your groups" in ann.text
    assert "Start a process Leave request" in ann.text
