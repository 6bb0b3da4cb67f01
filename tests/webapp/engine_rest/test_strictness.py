"""No field of a request that would change the result is silently ignored."""

import io

import pytest

from engine.errors import InvalidInput
from webapp.areas.engine_rest.asking import Asked

START = "/process-definition/key/order/start"


@pytest.fixture
def begun(order):
    return order.start("order", variables={"amount": 3})


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", START, {"startInstructions": [{"type": "startBeforeActivity"}]}, "startInstructions"),
        ("POST", START, {"skipCustomListeners": True}, "skipCustomListeners"),
        ("POST", START, {"variabels": {"a": {"value": 1}}}, "variabels"),
        ("POST", "/external-task/fetchAndLock", {"sorting": [{"sortBy": "createTime"}]}, "sorting"),
        ("POST", "/external-task/fetchAndLock", {"topics": [{"topicName": "t", "tenantId": "x"}]}, "tenantId"),
        ("POST", "/external-task/{job}/failure", {"variables": {"a": {"value": 1}}}, "variables"),
        ("POST", "/external-task/{job}/failure", {"localVariables": {"a": {"value": 1}}}, "localVariables"),
        ("PUT", "/external-task/{job}/retries", {"retries": 1, "externalTaskIds": ["x"]}, "externalTaskIds"),
        ("PUT", "/job/{job}/retries", {"retries": 1, "dueDate": "2026-03-02T12:00:00.000+0000"}, "dueDate"),
        ("PUT", "/process-instance/{id}/suspended", {"suspended": True, "processDefinitionKey": "order"}, "process"),
        ("PUT", "/process-instance/{id}/variables/a", {"value": 1, "local": True}, "local"),
        ("POST", "/process-instance/{id}/variables", {"modification": {"a": {"value": 1}}}, "modification"),
        ("DELETE", "/process-instance/{id}?skipCustomListeners=true", None, "skipCustomListeners"),
        ("DELETE", "/process-instance/{id}?skipSubprocesses=true", None, "skipSubprocesses"),
        ("POST", "/signal", {"name": "alarm", "executionId": "x"}, "executionId"),
    ],
)
def test_a_field_that_is_not_known_is_refused_by_its_name(order, begun, admin_api, method, path, body, field):
    told = admin_api.ask(method, path.format(id=begun.id, job=f"{begun.id}.2"), body)

    assert (admin_api.status, told["type"]) == (400, "InvalidRequestException")
    assert field in told["message"]
    assert order.read.instance(begun.id).state == "running"
    assert order.read.variables(begun.id) == {"amount": 3}


@pytest.mark.parametrize("field", ["taskId", "delegationState", "localVariables"])
def test_a_task_refuses_them_too(order, begun, admin_api, field):
    order.complete_job(f"{begun.id}.2")
    (task,) = order.read.tasks().items

    told = admin_api.post(f"/task/{task.id}/complete", {field: "x"})

    assert admin_api.status == 400
    assert field in told["message"]
    assert order.read.task(task.id).closed_at is None


def test_what_asks_for_nothing_is_let_through():
    asked = Asked(
        {"known": 1, "tenantId": None, "skipCustomListeners": False, "variables": {}, "withoutTenantId": True}
    )

    assert asked.only("known", without_effect=("withoutTenantId",)) is asked
    with pytest.raises(InvalidInput, match="'known' is not known here"):
        asked.only()


def test_a_deployment_that_should_begin_later_is_refused(the_engine, admin_api):
    form = {"deployment-activation-time": "2027-01-01T00:00:00.000+0000", "a.bpmn": (io.BytesIO(b"x"), "a.bpmn")}

    told = admin_api.ask("POST", "/deployment/create", data=form)

    assert admin_api.status == 400
    assert "deployment-activation-time" in told["message"]


def test_to_delete_what_is_not_there_fails_unless_it_is_said_that_it_may(admin_api):
    admin_api.delete("/process-instance/none")
    assert admin_api.status == 404
    admin_api.delete("/process-instance/none?failIfNotExists=false")
    assert admin_api.status == 204


def test_a_worker_may_ask_for_local_variables_only(begun, admin_api):
    def fetched(**more):
        topic = {"topicName": "charge-card", "lockDuration": 1000, **more}
        [task] = admin_api.post("/external-task/fetchAndLock", {"workerId": "w", "maxTasks": 1, "topics": [topic]})
        admin_api.post(f"/external-task/{task['id']}/unlock")
        return task["variables"]

    assert fetched()["amount"]["value"] == 3
    assert "amount" not in fetched(localVariables=True)
