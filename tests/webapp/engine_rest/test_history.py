from datetime import timedelta
from pathlib import Path

import pytest

from engine.external.records import Topic


@pytest.fixture
def story(order, clock):
    """One order that was picked up after a minute, and one that waits for its card to be charged."""
    done = order.start("order", business_key="A-17", variables={"amount": 120}, by="ann")
    order.complete_job(f"{done.id}.2")
    clock.advance(timedelta(seconds=60))
    order.complete(order.read.tasks(instance_id=done.id).items[0].id, by="ben")
    order.correlate("picked-up", business_key="A-17")
    return done.id, order.start("order", business_key="B-1").id


def test_instances_are_found_also_after_their_end(story, admin_api):
    done, waiting = story

    [ended] = admin_api.get("/history/process-instance", finished="true")
    unfinished = admin_api.post("/history/process-instance", {"unfinished": True, "processDefinitionKey": "order"})
    newest = admin_api.get("/history/process-instance", sortBy="startTime", sortOrder="desc", maxResults=1)

    assert (ended["id"], ended["state"], ended["startUserId"]) == (done, "COMPLETED", "ann")
    assert (ended["durationInMillis"], ended["processDefinitionVersion"]) == (60_000, 1)
    assert [each["id"] for each in unfinished] == [each["id"] for each in newest] == [waiting]
    assert unfinished[0]["state"] == "ACTIVE"
    assert admin_api.get(f"/history/process-instance/{done}") == ended
    assert admin_api.get("/history/process-instance/count", completed="true") == {"count": 1}
    assert admin_api.get("/history/process-instance/count", variables="amount_eq_120") == {"count": 1}


def test_activities_are_told_in_order(story, admin_api):
    done, _ = story

    told = admin_api.get("/history/activity-instance", processInstanceId=done)

    assert [each["activityId"] for each in told] == ["Received", "Charge", "Pack", "PickedUp", "Shipped"]
    packed = told[2]
    assert (packed["activityType"], packed["assignee"], packed["durationInMillis"]) == ("userTask", "ben", 60_000)
    assert (packed["taskId"], packed["parentActivityInstanceId"]) == (packed["id"], done)
    assert admin_api.get(f"/history/activity-instance/{packed['id']}") == packed
    assert admin_api.get("/history/activity-instance/count", unfinished="true") == {"count": 1}
    assert admin_api.get("/history/activity-instance/count", canceled="true") == {"count": 0}


def test_activities_are_called_and_found_by_camundas_types(story, order, admin_api):
    done, waiting = story
    order.deploy(Path(__file__).with_name("events.bpmn"))
    events = order.start("events").id
    [task] = order.external.fetch_and_lock("w", [Topic("send")])
    order.external.bpmn_error(task.id, "w", "E1")

    told = admin_api.get("/history/activity-instance", processInstanceId=events)
    ended = admin_api.get("/history/activity-instance", activityType="noneEndEvent")
    caught = admin_api.get("/history/activity-instance", activityType="intermediateMessageCatch")

    assert {each["activityId"]: each["activityType"] for each in told} == {
        "Began": "startEvent",
        "Tell": "intermediateNoneThrowEvent",
        "Send": "serviceTask",
        "Refused": "boundaryError",
        "Over": "terminateEndEvent",
    }
    assert [each["processInstanceId"] for each in ended] == [done]
    assert [(each["processInstanceId"], each["activityType"]) for each in caught] == [
        (done, "intermediateMessageCatch")
    ]
    for narrowed in ({"processInstanceId": events}, {"processDefinitionKey": "events"}, {"activityId": "Over"}):
        query = {"activityType": "terminateEndEvent", **narrowed}
        assert admin_api.get("/history/activity-instance/count", **query) == {"count": 1}
    assert admin_api.get("/history/activity-instance", activityType="boundaryTimer") == []
    assert admin_api.post("/history/activity-instance/count", {"activityType": "serviceTask"}) == {"count": 3}
    assert order.read.instance(waiting).ended_at is None


def test_a_type_that_camunda_does_not_know_is_refused_by_its_name(story, admin_api):
    refused = admin_api.get("/history/activity-instance", activityType="end")

    assert admin_api.status == 400
    assert "'end' is no type of activities" in refused["message"]
    assert "noneEndEvent" in refused["message"]


def test_variables_are_told_as_they_are_now(story, admin_api):
    done, _ = story

    [variable] = admin_api.get("/history/variable-instance", processInstanceId=done, variableName="amount")

    assert (variable["type"], variable["value"], variable["name"]) == ("Integer", 120, "amount")
    assert admin_api.get("/history/variable-instance/count", variableNameLike="am%") == {"count": 1}


def test_user_tasks_are_told_with_their_end(story, admin_api):
    done, _ = story

    [task] = admin_api.get("/history/task", processInstanceId=done, finished="true")

    assert (task["taskDefinitionKey"], task["deleteReason"], task["duration"]) == ("Pack", "completed", 60_000)
    assert admin_api.get("/history/task/count", unfinished="true") == {"count": 0}


def test_what_is_not_there_is_not_found(admin_api):
    for path in ("process-instance/nothing", "activity-instance/nothing", "activity-instance/nothing.99999999999999"):
        admin_api.get(f"/history/{path}")
        assert admin_api.status == 404
