import pytest


@pytest.fixture
def pack(order):
    """An order that waits to be packed by somebody of the office."""
    instance = order.start("order", business_key="A-17", variables={"amount": 120})
    order.complete_job(f"{instance.id}.2")
    [task] = order.read.tasks(instance_id=instance.id).items
    return task


def test_open_tasks_are_found_by_what_they_are(pack, admin_api):
    def found(**query):
        return [each["id"] for each in admin_api.get("/task", **query)]

    assert found(processInstanceBusinessKey="A-17", taskDefinitionKey="Pack", unassigned="true") == [pack.id]
    assert found(candidateGroup="office") == [pack.id]
    assert found(candidateGroups="sales,office", nameLike="Pack%") == [pack.id]
    assert found(candidateUser="ben") == []
    assert found(assignee="ben") == []
    assert found(processVariables="amount_eq_120", sortBy="created", sortOrder="desc") == [pack.id]
    assert found(createdAfter="2026-03-02T12:00:01.000+0000") == []
    assert found(minPriority=50, maxPriority=50) == [pack.id]
    assert admin_api.get("/task/count", processDefinitionKey="order") == {"count": 1}
    assert admin_api.post("/task/count", {"candidateGroups": ["office"]}) == {"count": 1}
    shown = admin_api.get(f"/task/{pack.id}")
    assert (shown["name"], shown["taskDefinitionKey"]) == ("Pack the goods", "Pack")
    assert (shown["created"], shown["processDefinitionId"]) == ("2026-03-02T12:00:00.000+0000", "order:1")


def test_a_candidate_claims_and_completes(order, pack, api):
    ben = api("ben")

    ben.post(f"/task/{pack.id}/claim", {"userId": "ben"})
    claimed = ben.get(f"/task/{pack.id}")["assignee"]
    ben.post(f"/task/{pack.id}/complete", {"variables": {"parcels": {"value": 2, "type": "Integer"}}})

    assert claimed == "ben"
    assert ben.status == 204
    assert order.read.variables(pack.instance_id)["parcels"] == 2
    assert order.read.task(pack.id).closed_by == "ben"
    ben.get(f"/task/{pack.id}")
    assert ben.status == 404


def test_completing_may_bring_the_variables_back(pack, admin_api):
    told = admin_api.post(f"/task/{pack.id}/complete", {"withVariablesInReturn": True})

    assert told["amount"] == {"type": "Integer", "value": 120, "valueInfo": {}}


def test_a_claimed_task_is_refused_as_camunda_refuses_it(pack, admin_api):
    admin_api.post(f"/task/{pack.id}/claim", {"userId": "ben"})
    told = admin_api.post(f"/task/{pack.id}/claim", {"userId": "ann"})

    assert (admin_api.status, told["type"]) == (500, "ProcessEngineException")
    assert "claimed by ben" in told["message"]

    admin_api.post(f"/task/{pack.id}/unclaim")
    admin_api.post(f"/task/{pack.id}/assignee", {"userId": "ann"})
    assert admin_api.get(f"/task/{pack.id}")["assignee"] == "ann"


def test_tasks_of_others_are_not_seen_and_not_done(order, pack, api):
    ann, ben = api("ann"), api("ben")

    assert (ann.get("/task"), ann.get("/task/count")) == ([], {"count": 0})
    assert [each["id"] for each in ben.get("/task")] == [pack.id]
    for action, body in (("complete", {}), ("claim", {"userId": "ann"}), ("assignee", {"userId": "ann"})):
        ann.post(f"/task/{pack.id}/{action}", body)
        assert ann.status == 403
    ben.post(f"/task/{pack.id}/claim", {"userId": "ann"})
    assert ben.status == 403
    assert ann.get("/history/task") == []
    assert order.read.task(pack.id).assignee is None


def test_an_error_out_of_a_task_that_nobody_catches_is_an_incident(pack, admin_api):
    admin_api.post(f"/task/{pack.id}/bpmnError", {"errorCode": "BROKEN", "errorMessage": "fell"})
    assert admin_api.status == 204
    admin_api.post(f"/task/{pack.id}/bpmnEscalation", {})
    assert admin_api.status in (400, 404)


def test_the_form_variables_are_what_the_task_sees(leave, admin_api):
    instance = leave.start("leave", variables={"days": 3, "reason": "move"})
    [task] = leave.read.tasks(instance_id=instance.id).items

    shown = admin_api.get(f"/task/{task.id}/form-variables")

    assert shown["days"] == {"type": "Integer", "value": 3, "valueInfo": {}}
    assert set(admin_api.get(f"/task/{task.id}/form-variables", variableNames="days")) == {"days"}
