from datetime import timedelta

import pytest


@pytest.fixture
def worker(api, order):
    return api("olga")


def fetch(worker, **more):
    topic = {"topicName": "charge-card", "lockDuration": 10_000, **more}
    return worker.post("/external-task/fetchAndLock", {"workerId": "w1", "maxTasks": 5, "topics": [topic]})


def test_a_task_is_fetched_with_what_a_worker_wants_to_know(order, worker):
    instance = order.start("order", business_key="A-17", variables={"amount": 120, "items": ["tea"]})

    [task] = fetch(worker, includeExtensionProperties=True)

    assert task["topicName"] == "charge-card"
    assert task["workerId"] == "w1"
    assert task["businessKey"] == "A-17"
    assert task["processInstanceId"] == instance.id
    assert task["processDefinitionKey"] == "order"
    assert task["activityId"] == "Charge"
    assert task["lockExpirationTime"] == "2026-03-02T12:00:10.000+0000"
    assert task["extensionProperties"] == {"currency": "EUR"}
    assert task["variables"] == {
        "amount": {"type": "Integer", "value": 120, "valueInfo": {}},
        "items": {"type": "Json", "value": '["tea"]', "valueInfo": {}},
    }


def test_structures_come_as_themselves_to_who_wants_them_deserialized(order, worker):
    order.start("order", variables={"items": ["tea"], "amount": 1})

    [task] = fetch(worker, deserializeValues=True, variables=["items"])

    about = {"objectTypeName": "java.util.ArrayList", "serializationDataFormat": "application/json"}
    assert task["variables"] == {"items": {"type": "Object", "value": ["tea"], "valueInfo": about}}


def test_completing_brings_variables_and_the_instance_goes_on(order, worker):
    instance = order.start("order")
    [task] = fetch(worker)

    worker.post(
        f"/external-task/{task['id']}/complete",
        {"workerId": "w1", "variables": {"receipt": {"value": "r-1", "type": "String"}}, "localVariables": {}},
    )

    assert worker.status == 204
    assert order.read.variables(instance.id) == {"receipt": "r-1"}
    assert [each.element_id for each in order.read.active(instance.id)] == ["Pack"]


def test_a_failure_leaves_the_attempts_that_the_worker_says(order, worker, clock):
    order.start("order")
    [task] = fetch(worker)

    failed = {"workerId": "w1", "errorMessage": "no line", "retries": 1, "retryTimeout": 60_000}
    worker.post(f"/external-task/{task['id']}/failure", failed)
    before = fetch(worker)
    clock.advance(timedelta(seconds=61))
    [again] = fetch(worker)

    assert before == []
    assert again["id"] == task["id"]
    assert again["retries"] == 1
    assert again["errorMessage"] == "no line"


def test_a_failure_without_attempts_left_is_an_incident_with_its_details(order, worker, api):
    instance = order.start("order")
    [task] = fetch(worker)

    worker.post(
        f"/external-task/{task['id']}/failure",
        {"workerId": "w1", "errorMessage": "no line", "errorDetails": "a stack", "retries": 0, "retryTimeout": 0},
    )
    [incident] = worker.get("/incident", processInstanceId=instance.id)
    assert worker.get("/incident", incidentType="failedExternalTask") == [incident]
    assert worker.get("/incident", incidentType="failedJob") == []
    stuck = worker.get("/external-task", noRetriesLeft="true")
    worker.get(f"/external-task/{task['id']}/errorDetails")

    assert (incident["incidentType"], incident["incidentMessage"]) == ("failedExternalTask", "no line")
    assert incident["configuration"] == task["id"]
    assert [each["id"] for each in stuck] == [task["id"]]
    assert worker.answer.text == "a stack"

    worker.put(f"/external-task/{task['id']}/retries", {"retries": 2})
    assert [each["id"] for each in fetch(worker)] == [task["id"]]
    assert worker.get("/incident") == []


def test_an_error_of_the_process_is_caught_there(order, worker):
    instance = order.start("order")
    [task] = fetch(worker)

    declined = {
        "workerId": "w1",
        "errorCode": "DECLINED",
        "errorMessage": "too old",
        "variables": {"card": {"value": 7}},
    }
    worker.post(f"/external-task/{task['id']}/bpmnError", declined)

    assert worker.status == 204
    assert order.read.variables(instance.id) == {"why": "too old", "card": 7}
    assert [each.element_id for each in order.read.active(instance.id)] == ["Ask"]


def test_a_lock_is_extended_and_given_back(order, worker):
    order.start("order")
    [task] = fetch(worker)

    worker.post(f"/external-task/{task['id']}/extendLock", {"workerId": "w1", "newDuration": 60_000})
    extended = worker.get(f"/external-task/{task['id']}")
    worker.post(f"/external-task/{task['id']}/unlock")
    given_back = worker.get(f"/external-task/{task['id']}")

    assert extended["lockExpirationTime"] == "2026-03-02T12:01:00.000+0000"
    assert given_back["workerId"] is None
    assert worker.get("/external-task/count", notLocked="true") == {"count": 1}
    assert worker.get("/external-task/count", locked="true") == {"count": 0}


def test_what_another_worker_holds_is_refused_as_camunda_refuses_it(order, worker):
    order.start("order")
    [task] = fetch(worker)

    told = worker.post(f"/external-task/{task['id']}/complete", {"workerId": "w2"})

    assert worker.status == 400
    assert told["type"] == "RestException"
    assert "not locked by 'w2'" in told["message"]


def test_a_task_that_is_gone_is_not_found(worker):
    told = worker.post("/external-task/nothing.1/complete", {"workerId": "w1"})

    assert worker.status == 404
    assert told["type"] == "RestException"


def test_a_worker_chooses_by_process_and_by_its_variables(order, worker):
    order.start("order", business_key="A-17", variables={"vip": True, "amount": 5})
    order.start("order", business_key="B-1", variables={"vip": False})

    assert fetch(worker, processDefinitionKey="other") == []
    assert fetch(worker, processVariables={"vip": 1}) == []
    assert [each["businessKey"] for each in fetch(worker, processVariables={"vip": True, "amount": 5.0})] == ["A-17"]
    assert [each["businessKey"] for each in fetch(worker, businessKey="B-1", processVariables={})] == ["B-1"]


def test_a_filter_that_is_not_known_is_refused_rather_than_ignored(worker):
    fetch(worker, tenantIdIn=["acme"])
    assert worker.status == 400
    worker.get("/external-task", colour="red")
    assert worker.status == 400


def test_only_who_has_the_right_fetches_tasks(order, api):
    ben = api("ben")
    order.start("order")

    told = fetch(ben)

    assert ben.status == 403
    assert told["type"] == "AuthorizationException"
