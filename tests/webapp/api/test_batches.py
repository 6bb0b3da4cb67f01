"""Batches over the REST API: all that is asked of them, how far they come, and who may ask."""

from __future__ import annotations

import pytest

from engine.model import Resource
from tests.webapp.api.conftest import ORDER


@pytest.fixture
def three(order):
    return [order.start("order", business_key=f"A{number}").id for number in (1, 2, 3)]


def stuck_tasks(order):
    """The external tasks of all instances have given up."""
    for job in order.read.jobs(state="available"):
        order.fail_job(job.id, "no line", retries=0)


def start(api, **body):
    answer = api.post("/batches", body)
    assert answer.status_code == 201, answer.json
    assert answer.headers["Location"] == f"/api/v1/batches/{answer.json['id']}"
    return answer.json


def states(order):
    return {order.read.instance(each.id).state.value for each in order.read.instances().items}


def test_instances_are_chosen_by_conditions_and_the_batch_tells_how_far_it_is(api, order, three):
    batch = start(api, kind="suspend", where={"process_key": "order", "element_id": "Charge"}, reason="recall 17")
    assert (batch["state"], batch["total"], batch["waiting"], batch["done"]) == ("running", 3, 3, 0)
    assert (batch["reason"], batch["changes"]) == ("recall 17", [])

    order.work()

    told = api.get(f"/batches/{batch['id']}").json
    assert (told["state"], told["done"], told["waiting"], told["summary"]) == ("completed", 3, 0, "3 suspended")
    assert states(order) == {"suspended"}
    start(api, kind="activate", where={"state": "suspended", "business_key": "A2"})
    order.work()
    assert order.read.instance(three[1]).state == "running"


def test_items_are_told_by_the_page(api, order, three):
    batch = start(api, kind="cancel", ids=[*three, "nobody"], reason="recall")
    order.work()

    path = f"/batches/{batch['id']}/items"
    first = api.get(f"{path}?limit=3").json
    rest = api.get(f"{path}?limit=3&cursor={first['next']}").json
    assert [each["instance_id"] for each in first["items"] + rest["items"]] == [*three, "nobody"]
    assert rest["next"] is None
    [failed] = api.get(f"{path}?state=failed").json["items"]
    assert (failed["number"], failed["message"]) == (4, "There is no process instance 'nobody'.")
    assert api.get(f"{path}?cursor=eHl6").status_code == 422
    assert api.get("/batches/nothing/items").status_code == 404


def test_they_are_listed_the_newest_first(api, order, three):
    made = [start(api, kind="suspend", ids=[each])["id"] for each in three]
    order.work()
    last = start(api, kind="cancel", ids=three)["id"]

    first = api.get("/batches?limit=3").json
    rest = api.get(f"/batches?limit=3&cursor={first['next']}").json
    assert [each["id"] for each in first["items"] + rest["items"]] == [last, *reversed(made)]
    assert [each["id"] for each in api.get("/batches?state=running").json["items"]] == [last]
    assert [each["id"] for each in api.get("/batches?kind=suspend&limit=1").json["items"]] == [made[2]]


def test_incidents_are_tried_again_those_of_no_instance_too(api, order, three, stuck):
    stuck_tasks(order)
    batch = start(api, kind="retry", where={"element_id": "Charge", "state": "running"}, retries=2)
    [of_timer] = api.get("/incidents?process_key=tick").json["items"]
    other = start(api, kind="retry", ids=[of_timer["id"]])
    order.work()

    told = api.get(f"/batches/{batch['id']}").json
    assert (told["done"], told["retried"]["under_way"]) == (3, 3)
    assert {each.retries_left for each in order.read.jobs() if each.type == "charge"} == {2}
    [item] = api.get(f"/batches/{other['id']}/items").json["items"]
    assert (item["state"], item["instance_id"], item["incident_id"]) == ("done", None, of_timer["id"])


def test_variables_are_set_tokens_moved_and_versions_changed(api, order, three):
    amount = {"$type": "decimal", "value": "12.50"}
    start(api, kind="set-variables", ids=three, variables={"amount": amount})
    order.work()
    assert api.get(f"/process-instances/{three[0]}/variables").json["variables"] == {"amount": amount}

    moves = [
        {"do": "cancel_element", "element_id": "Charge"},
        {"do": "start_before", "element_id": "Approve", "variables": {"ok": amount}},
    ]
    start(api, kind="modify", where={"definition_id": "order:1"}, instructions=moves)
    order.work()
    assert {each.element_id for each in order.read.active(three[2])} == {"Approve"}
    assert api.get(f"/process-instances/{three[2]}/variables").json["variables"]["ok"] == amount

    order.deploy(Resource("order.bpmn", ORDER.read_bytes().replace(b'"Approve"', b'"Agree"')))
    migration = {"process_key": "order", "mapping": {"Approve": "Agree"}}
    batch = start(api, kind="migrate", where={"version": 1}, migration=migration)
    order.work()
    assert api.get(f"/batches/{batch['id']}").json["summary"] == "3 migrated"
    assert {each.element_id for each in order.read.active(three[0])} == {"Agree"}


def test_a_batch_is_paused_resumed_and_cancelled_with_a_reason(api, order, three):
    batch = start(api, kind="cancel", ids=three)
    path = f"/batches/{batch['id']}"
    assert api.post(f"{path}/pause", {"reason": "wait"}).status_code == 204
    order.work()
    assert api.get(path).json["waiting"] == 3
    assert api.post(f"{path}/pause").status_code == 409
    assert api.post(f"{path}/resume").status_code == 204
    assert api.post(f"{path}/cancel", {"reason": "a slip"}).status_code == 204
    order.work()

    told = api.get(path).json
    assert (told["state"], told["cancelled"], states(order)) == ("cancelled", 3, {"running"})
    changes = [(each["state"], each["reason"]) for each in told["changes"]]
    assert changes == [("paused", "wait"), ("running", ""), ("cancelled", "a slip")]
    assert told["changes"][0]["actor"].startswith("program-")
    assert api.post(f"{path}/cancel").status_code == 409
    assert api.post("/batches/nothing/pause").status_code == 404
    assert api.post("/batches", {"kind": "cancel", "ids": ["x" * 65]}).status_code == 404


def test_a_key_makes_one_batch_however_often_it_is_sent(api, order, three):
    asked = {"kind": "cancel", "ids": three, "reason": "recall"}
    first = api.post("/batches", asked, headers={"Idempotency-Key": "b1"})
    order.work()
    again = api.post("/batches", asked, headers={"Idempotency-Key": "b1"})

    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert (again.json["id"], again.json["done"]) == (first.json["id"], 3)
    assert len(api.get("/batches").json["items"]) == 1
    other = api.post("/batches", asked | {"reason": "other"}, headers={"Idempotency-Key": "b1"})
    assert other.status_code == 422


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"kind": "explode", "ids": ["1"]}, "/kind"),
        ({"kind": "cancel"}, "/where"),
        ({"kind": "cancel", "where": {}}, "/where"),
        ({"kind": "cancel", "ids": ["1"], "where": {"process_key": "order"}}, "/where"),
        ({"kind": "cancel", "ids": ["1"], "retries": 3}, "/retries"),
        ({"kind": "cancel", "where": {"colour": "red"}}, "/where/colour"),
        ({"kind": "retry", "where": {"version": 1}}, "/where/version"),
        ({"kind": "retry", "ids": ["1"], "retries": 0}, "/retries"),
        ({"kind": "set-variables", "ids": ["1"], "variables": {}}, "/variables"),
        ({"kind": "modify", "ids": ["1"]}, "/instructions"),
        ({"kind": "modify", "ids": ["1"], "instructions": [{"do": "move", "element_id": "x"}]}, "/instructions/0"),
        ({"kind": "migrate", "ids": ["1"]}, "/migration"),
        ({"kind": "suspend", "where": {"process_key": "nothing"}}, None),
        ({"kind": "migrate", "ids": ["1"], "migration": {"process_key": "order"}}, None),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place_and_makes_no_batch(api, order, three, body, place):
    answer = api.post("/batches", body)

    assert answer.status_code == 422
    assert [each["location"] for each in answer.json.get("errors", [])] == ([place] if place else [])
    assert order.batches.list() == []


def test_operators_ask_for_batches_and_administrators_for_what_removes_history(program, order, three):
    ended = {"kind": "delete", "where": {"process_key": "order"}}
    order.cancel(three[0], "done with")

    assert program("read").post("/batches", {"kind": "cancel", "ids": three}).status_code == 403
    assert program(person="ann").post("/batches", {"kind": "cancel", "ids": three}).status_code == 403
    assert program(person="olga").post("/batches", {"kind": "suspend", "ids": three[1:]}).status_code == 201
    assert program(person="olga").post("/batches", ended).status_code == 403
    assert program("operate").get("/batches").status_code == 403
    assert program(person="admin").post("/batches", ended).json["total"] == 1
    order.work()
    assert order.read.instances().total == 2
    [batch] = order.batches.list(kind="delete")
    assert (batch.actor, batch.summary) == ("admin", "1 deleted")
