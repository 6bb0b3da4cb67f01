"""What programs do with the REST API, from deploying to the history; and how it refuses."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from engine.errors import InvalidInput
from engine.jobs.presence import Presence
from tests.webapp.api.conftest import ORDER
from webapp.areas.api.access import Throttle
from webapp.areas.api.problems import answer


def fetch(api, worker="w1", **more):
    asked = {"worker_id": worker, "topics": [{"name": "charge"}], "max_tasks": 10}
    return api.post("/external-tasks/fetch", asked | more).json["tasks"]


def test_a_process_is_deployed_started_worked_on_and_told(api, the_engine):
    files = {"files": [(io.BytesIO(ORDER.read_bytes()), "order.bpmn")], "name": "first"}
    deployed = api.ask("POST", "/deployments", data=files)
    assert (deployed.status_code, deployed.json["definitions"][0]["id"]) == (201, "order:1")
    again = {"files": [(io.BytesIO(ORDER.read_bytes()), "order.bpmn")]}
    assert api.ask("POST", "/deployments", data=again).status_code == 200

    amount = {"$type": "decimal", "value": "12.50"}
    started = api.post("/process-instances", {"key": "order", "business_key": "A1", "variables": {"amount": amount}})
    place = started.headers["Location"].removeprefix("/api/v1")
    assert (started.status_code, api.get(place).json["business_key"]) == (201, "A1")

    [task] = fetch(api)
    assert (task["variables"], task["idempotency_key"]) == ({"amount": amount}, task["id"])
    extended = api.post(f"/external-tasks/{task['id']}/extend-lock", {"worker_id": "w1", "lock_seconds": 90})
    assert extended.json["lock_expires_at"] > task["lock_expires_at"]
    done = api.post(f"/external-tasks/{task['id']}/complete", {"worker_id": "w1", "variables": {"receipt": 7}})
    assert (done.status_code, done.data) == (204, b"")

    [approve] = api.get("/user-tasks?process_key=order").json["items"]
    assert api.post(f"/user-tasks/{approve['id']}/claim", {"user": "ann"}).status_code == 204
    assert api.get(f"/user-tasks/{approve['id']}").json["assignee"] == "ann"
    assert api.post(f"/user-tasks/{approve['id']}/complete", {"variables": {"ok": True}}).status_code == 204

    correlated = api.post("/messages/correlate", {"name": "payment", "business_key": "A1", "variables": {"paid": 1}})
    assert correlated.json["matched"] == [api.get(place).json["id"]]
    assert api.get(place).json["state"] == "completed"
    assert api.get(f"{place}/variables").json["variables"] == {"amount": amount, "receipt": 7, "ok": True, "paid": 1}
    visited = [each["element_id"] for each in api.get(f"{place}/activities").json["items"]]
    assert visited == ["Received", "Charge", "Approve", "Paid", "Done"]
    assert [each["worker"] for each in api.get(f"{place}/attempts").json["items"]] == ["w1"]
    changes = {each["name"]: each["after"] for each in api.get(f"{place}/variable-changes").json["items"]}
    assert changes["amount"] == amount
    assert api.get(f"{place}/log").json["items"][0]["action"] == "instance.started"


def test_what_is_deployed_can_be_read(api, order):
    assert api.get("/process-definitions?key=order").json["items"][0]["version_tag"] == "v1"
    assert api.get("/process-definitions/order").json["id"] == "order:1"
    xml = api.get("/process-definitions/order:1/xml")
    assert xml.data == ORDER.read_bytes()
    unchanged = api.get("/process-definitions/order:1/xml", headers={"If-None-Match": xml.headers["ETag"]})
    assert (unchanged.status_code, unchanged.data) == (304, b"")


def test_a_refused_deployment_says_where_and_why(api):
    broken = ORDER.read_bytes().replace(b'targetRef="Charge"', b'targetRef="Nowhere"')
    refused = api.ask("POST", "/deployments", data={"files": [(io.BytesIO(broken), "../../etc/order.bpmn")]})
    assert (refused.status_code, refused.mimetype) == (422, "application/problem+json")
    assert refused.json["type"].endswith("/deployment-refused")
    assert {(each["file"], each["line"] > 0) for each in refused.json["findings"]} == {("order.bpmn", True)}


def test_an_instance_is_started_by_version_tag_or_id(api, order):
    for wanted in ({"key": "order", "version_tag": "v1"}, {"definition_id": "order:1"}, {"key": "order", "version": 1}):
        assert api.post("/process-instances", wanted).json["definition_id"] == "order:1"
    for wrong, status in (
        ({"key": "order", "version": 2}, 404),
        ({"key": "nothing"}, 404),
        ({}, 422),
        ({"key": "order", "definition_id": "order:1"}, 422),
        ({"definition_id": "order:1", "version": 1}, 422),
    ):
        assert api.post("/process-instances", wrong).status_code == status


def test_a_repeated_start_starts_nothing(api, program, order):
    key = {"Idempotency-Key": "k-1"}
    first = api.post("/process-instances", {"key": "order"}, headers=key)
    second = api.post("/process-instances", {"key": "order"}, headers=key)
    assert (second.status_code, second.json) == (201, first.json)
    assert (first.headers.get("Idempotency-Replayed"), second.headers["Idempotency-Replayed"]) == (None, "true")
    assert api.post("/process-instances", {"key": "order", "business_key": "B"}, headers=key).status_code == 422
    assert program().post("/process-instances", {"key": "order"}, headers=key).json["id"] != first.json["id"]
    assert order.read.instances().total == 2


def test_a_key_is_free_again_after_a_day_even_before_it_is_swept(api, order, clock):
    key = {"Idempotency-Key": "k-3"}
    first = api.post("/process-instances", {"key": "order"}, headers=key)
    clock.advance(timedelta(hours=25))
    fresh = api.post("/process-instances", {"key": "order"}, headers=key)
    repeated = api.post("/process-instances", {"key": "order"}, headers=key)

    assert (first.status_code, fresh.status_code, repeated.json) == (201, 201, fresh.json)
    assert fresh.json["id"] != first.json["id"]
    assert "Idempotency-Replayed" not in fresh.headers
    assert order.read.instances().total == 2


def test_a_repeated_message_is_published_once(api, order):
    key = {"Idempotency-Key": "k-2"}
    asked = {"name": "payment", "ttl_seconds": 60}
    first = api.post("/messages/publish", asked, headers=key)
    assert first.json["outcome"] == "stored"
    assert api.post("/messages/publish", asked, headers=key).json == first.json
    assert len(order.read.messages("payment")) == 1
    assert api.post("/signals", {"name": "alarm"}, headers={"Idempotency-Key": "k-3"}).json == {"receivers": 0}


def test_a_request_that_comes_again_while_the_first_is_under_way_is_answered_as_the_first(api, order, monkeypatch):
    instance = order.start("order").id
    order.external.complete(fetch(api)[0]["id"], "w1")
    order.complete(order.read.tasks(scope="all").items[0].id)
    asked, key = {"name": "payment", "instance_id": instance}, {"Idempotency-Key": "k-4"}
    correlate, answers = order.correlate, []

    def overtaken(*arguments, **options):
        monkeypatch.setattr(order, "correlate", correlate)
        with ThreadPoolExecutor(1) as elsewhere:
            answers.append(elsewhere.submit(api.post, "/messages/correlate", asked, headers=key).result())
        return correlate(*arguments, **options)

    monkeypatch.setattr(order, "correlate", overtaken)
    answers.append(api.post("/messages/correlate", asked, headers=key))
    assert [(each.status_code, each.json["matched"]) for each in answers] == [(200, [instance])] * 2
    assert [each.headers.get("Idempotency-Replayed") for each in answers] == [None, "true"]


def test_lists_go_on_where_the_page_before_ended(api, order):
    started = [order.start("order").id for _ in range(5)]
    seen, cursor = [], ""
    while cursor is not None:
        page = api.get(f"/process-instances?limit=2{cursor and '&cursor=' + cursor}").json
        order.start("order")
        seen += [each["id"] for each in page["items"]]
        cursor = page["next"]
    assert seen == sorted(started, reverse=True)
    assert api.get("/process-instances?cursor=!").status_code == 422
    log = api.get(f"/process-instances/{started[0]}/activities?limit=1").json
    rest = api.get(f"/process-instances/{started[0]}/activities?limit=1&cursor={log['next']}").json
    assert [each["element_id"] for each in (*log["items"], *rest["items"])] == ["Received", "Charge"]


def test_an_unchanged_instance_is_not_told_again(api, order):
    path = f"/process-instances/{order.start('order').id}"
    etag = api.get(path).headers["ETag"]
    assert api.get(path, headers={"If-None-Match": etag}).status_code == 304
    api.ask("PATCH", f"{path}/variables", {"variables": {"a": 1}})
    assert api.get(path, headers={"If-None-Match": etag}).status_code == 200


def test_an_instance_is_steered(api, order):
    path = f"/process-instances/{order.start('order').id}"
    assert api.post(f"{path}/suspend", {"reason": "audit"}).status_code == 204
    assert api.get(path).json["state"] == "suspended"
    assert api.ask("PATCH", f"{path}/variables", {"variables": {"a": 1}}).status_code == 409
    assert api.post(f"{path}/activate").status_code == 204
    assert api.post(f"{path}/cancel").json["errors"] == [{"location": "/reason", "message": "missing"}]
    assert api.post(f"{path}/cancel", {"reason": "a slip"}).status_code == 204
    assert api.get(path).json["end_reason"] == "a slip"


def test_a_failed_task_becomes_an_incident_that_is_retried(api, order):
    order.start("order")
    [task] = fetch(api)
    said = {"worker_id": "w1", "error": "no line", "details": "trace", "retries": 0}
    assert api.post(f"/external-tasks/{task['id']}/fail", said).status_code == 204
    [incident] = api.get("/incidents").json["items"]
    assert (incident["message"], incident["detail"]) == ("no line", "trace")
    assert api.get("/jobs?state=failed").json["items"][0]["type"] == "charge"
    assert api.post(f"/incidents/{incident['id']}/retry", {"retries": 2}).status_code == 204
    assert [each["retries"] for each in fetch(api)] == [2]
    assert api.get("/incidents?open=false").json["items"][0]["id"] == incident["id"]


def test_a_start_timer_that_gave_up_is_an_incident_of_no_instance_and_tried_again(api, stuck, order):
    order.start("order")
    [task] = fetch(api)
    api.post(f"/external-tasks/{task['id']}/fail", {"worker_id": "w1", "error": "no line", "retries": 0})

    first = api.get("/incidents?limit=1").json
    [one, other] = first["items"] + api.get(f"/incidents?limit=1&cursor={first['next']}").json["items"]
    of_timer, of_task = (one, other) if one["process_key"] == "tick" else (other, one)
    assert api.get("/incidents?process_key=tick").json["items"] == [of_timer]
    assert api.get("/incidents?kind=start_timer").json["items"] == [of_timer]
    assert (of_timer["instance_id"], of_timer["activity_id"], of_timer["definition_id"]) == (None, None, "tick:1")
    assert (of_timer["job_id"], of_timer["element_id"]) == (of_timer["id"], "S")
    assert (of_task["process_key"], of_task["job_id"]) == ("order", task["id"])

    assert api.post(f"/incidents/{of_timer['id']}/retry", {"retries": 2}).status_code == 204
    assert api.get("/incidents").json["items"] == [of_task]
    assert api.get("/jobs?kind=start_timer").json["items"][0]["retries_left"] == 2
    assert api.post(f"/incidents/{of_timer['id']}/retry").status_code == 404


def test_a_worker_that_lost_its_lock_is_told(api, order, clock):
    order.start("order")
    [task] = fetch(api)
    clock.advance(timedelta(minutes=2))
    [again] = fetch(api, "w2")
    late = api.post(f"/external-tasks/{task['id']}/complete", {"worker_id": "w1"})
    assert (late.status_code, late.json["type"]) == (409, "/api/v1/problems/conflict")
    thrown = {"worker_id": "w2", "code": "CARD_DECLINED", "lock_token": again["lock_token"]}
    assert api.post(f"/external-tasks/{task['id']}/bpmn-error", thrown).status_code == 204
    assert api.post(f"/external-tasks/{task['id']}/complete", {"worker_id": "w2"}).status_code == 404


def test_a_task_is_unlocked_locked_by_id_and_given_retries(api, order):
    order.start("order")
    [task] = fetch(api)
    path = f"/external-tasks/{task['id']}"
    assert api.ask("POST", f"{path}/unlock").status_code == 204
    assert api.post(f"{path}/lock", {"worker_id": "w3"}).json["worker_id"] == "w3"
    assert api.ask("PUT", f"{path}/retries", {"retries": 4}).status_code == 204
    assert api.get(path).json["retries"] == 4
    assert api.get("/external-tasks?worker_id=w3").json["items"][0]["id"] == task["id"]


def test_a_person_sees_and_does_what_they_may(program, order):
    order.handler("charge")(lambda job: None)
    order.start("order")
    order.work()
    ann, ben = program(person="ann"), program(person="ben")
    [task] = ann.get("/user-tasks").json["items"]
    assert ben.get("/user-tasks").json["items"] == []
    assert ben.get(f"/user-tasks/{task['id']}").status_code == 403
    assert ann.post(f"/user-tasks/{task['id']}/claim", {"user": "ben"}).status_code == 403
    assert ann.post(f"/user-tasks/{task['id']}/claim").status_code == 204
    assert ann.get(f"/user-tasks/{task['id']}/form").status_code == 204
    assert ann.post(f"/user-tasks/{task['id']}/complete").status_code == 204
    assert ann.post("/messages/correlate", {"name": "payment"}).status_code == 403
    closed = program().get("/user-tasks?open=false").json["items"]
    assert [each["id"] for each in closed] == [task["id"]]


def test_scopes_say_what_a_token_is_for(program, order):
    reader = program("read")
    assert reader.get("/process-instances").status_code == 200
    refused = reader.post("/process-instances", {"key": "order"})
    assert (refused.status_code, "scope 'start'" in refused.json["detail"]) == (403, True)
    assert program("workers").get("/process-instances").status_code == 403


def test_without_a_valid_token_nothing_is_told(anybody, api, the_engine, app):
    refused = anybody.get("/process-instances")
    assert (refused.status_code, refused.json["title"]) == (401, "A valid token is needed")
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert app.test_client().get("/api/v1/jobs", headers={"Authorization": "Bearer x"}).status_code == 401
    the_engine.tokens.revoke(the_engine.tokens.list()[0].name)
    assert api.get("/process-instances").status_code == 401


def test_a_browser_session_opens_nothing(ann):
    assert ann.get("/api/v1/process-instances").status == 401


def test_too_many_requests_are_told_when_to_come_again(api, app):
    app.extensions["api_throttles"].known = Throttle(per_second=0.01, burst=3)
    answers = [api.get("/process-definitions") for _ in range(5)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) >= 1


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"key": 7}, "/key"),
        ({"key": "order", "colour": "red"}, "/colour"),
        ({"key": "a" * 256}, "/key"),
        ({"key": "a\0b"}, "/key"),
        ({"key": "order", "variables": {"a": [{"$type": "date", "value": "soon"}]}}, "/variables/a/0"),
        ({"key": "order", "variables": {"a": {"$type": "colour", "value": "red"}}}, "/variables/a"),
        ({"key": "order", "variables": {"a": {"$type": "object", "value": [1]}}}, "/variables/a"),
        (
            {"key": "order", "variables": {"o": {"$type": "object", "value": [[1, 2], [3, {"$type": "x"}]]}}},
            "/variables/o/value/1/1",
        ),
        ({"key": "order", "variables": {"a/b~c": {"$type": "date", "value": "soon"}}}, "/variables/a~1b~0c"),
        ({"key": "order", "variables": {"a": [{"~/": {"$type": "date"}}]}}, "/variables/a/0/~0~1"),
        ({"key": "order", "co/lour": "red"}, "/co~1lour"),
    ],
)
def test_a_request_that_does_not_fit_is_told_where(api, order, body, place):
    refused = api.post("/process-instances", body)
    assert (refused.status_code, refused.json["errors"][0]["location"]) == (422, place)
    assert order.read.instances().total == 0


def test_a_field_of_a_query_or_a_form_is_pointed_at_too(api, app):
    assert api.get("/process-instances?a/b=1&a/b=2").json["errors"][0]["location"] == "/query/a~1b"
    with app.test_request_context():
        refused = answer(InvalidInput("a/b: missing", {"a/b": "missing"}))
    assert (refused.status_code, refused.json["errors"]) == (422, [{"location": "/form/a~1b", "message": "missing"}])


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**64, 10**30, 1 - 10**308])
def test_a_whole_number_of_any_size_stays_exact(api, order, number):
    body = f'{{"key": "order", "variables": {{"n": {number}, "deep": [{{"m": {number}}}], "x": 1.5}}}}'
    started = api.ask("POST", "/process-instances", data=body, content_type="application/json")
    assert order.read.variables(started.json["id"]) == {"n": number, "deep": [{"m": number}], "x": 1.5}
    told = api.get(f"/process-instances/{started.json['id']}/variables").json["variables"]
    assert told["n"] == {"$type": "integer", "value": str(number)}


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1.5e-400", "9" * 309, "1" * 309])
def test_a_number_that_cannot_be_kept_is_refused_with_its_place(api, order, number):
    body = f'{{"key": "order", "variables": {{"fits": 12345678901234567890, "a/b": [0, {number}]}}}}'
    refused = api.ask("POST", "/process-instances", data=body, content_type="application/json")
    assert (refused.status_code, refused.json["errors"][0]["location"]) == (422, "/variables/a~1b/1")
    assert number not in refused.text
    assert order.read.instances().total == 0


@pytest.mark.parametrize("text", ["NaN", "Infinity", "01e400", "1e400 x", '"' + "9" * 30])
def test_what_is_no_json_is_not_taken_for_a_large_number(api, order, text):
    body = f'{{"key": "order", "variables": {{"a": {text}}}}}'
    assert api.ask("POST", "/process-instances", data=body, content_type="application/json").status_code == 400


def test_what_cannot_be_read_is_refused_as_a_problem(api, app):
    for options, status in (
        ({"data": "{", "content_type": "application/json"}, 400),
        ({"data": "key=order", "content_type": "application/x-www-form-urlencoded"}, 415),
        ({"data": b"[" * 100_000, "content_type": "application/json"}, 400),
    ):
        refused = api.ask("POST", "/process-instances", **options)
        assert (refused.status_code, refused.mimetype) == (status, "application/problem+json")
    assert api.get("/nothing").mimetype == "application/problem+json"
    wrong = api.ask("DELETE", "/process-instances")
    assert (wrong.status_code, wrong.mimetype) == (405, "application/problem+json")
    assert "POST" in wrong.headers["Allow"]


def test_more_than_16_megabytes_are_too_large(api):
    refused = api.ask("POST", "/process-instances", data=b" " * (17 * 2**20), content_type="application/json")
    assert (refused.status_code, refused.json["type"]) == (413, "/api/v1/problems/too-large")


def test_ten_megabytes_of_variables_come_back(api, order):
    text = "x" * (10 * 2**20)
    started = api.post("/process-instances", {"key": "order", "variables": {"text": text}})
    told = api.get(f"/process-instances/{started.json['id']}/variables")
    assert told.json["variables"]["text"] == text


def test_an_unexpected_error_keeps_its_secrets(api, order, monkeypatch, caplog):
    monkeypatch.setattr(order, "start", lambda *_, **__: 1 / 0)
    refused = api.post("/process-instances", {"key": "order", "variables": {"iban": "DE02"}})
    assert refused.status_code == 500
    assert refused.json["reference"] in caplog.text
    assert "DE02" not in caplog.text + refused.text


def test_the_docs_are_read_offline(anybody):
    page = anybody.get("/docs")
    assert page.status_code == 200
    assert "POST /api/v1/external-tasks/fetch" in page.text
    assert "://" not in page.text.replace("http://www.w3.org", "")
    assert anybody.get("/problems/conflict").headers["Location"] == "/api/v1/docs#problem-conflict"


def test_the_workers_and_what_they_hold_are_listed(api, order, the_engine):
    Presence(the_engine.store, "box-1:7:ab", the_engine.clock).beat(4)

    (told,) = api.get("/workers").json["items"]

    assert (told["name"], told["threads"], told["is_alive"], told["holds"]) == ("box-1:7:ab", 4, True, {})
