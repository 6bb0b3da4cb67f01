from io import BytesIO

import pytest

from engine.errors import DatabaseAway
from webapp.areas.engine_rest.access import Remembered


def authorized(secret):
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def token(the_engine, app):
    """token("read", person="ben") asks with a new token."""

    def make(*scopes, person=None):
        _, secret = the_engine.tokens.add(f"token for {scopes}", scopes, person=person)

        def ask(method, path, body=None):
            return app.test_client().open(f"/engine-rest{path}", method=method, json=body, headers=authorized(secret))

        return ask

    return make


def test_who_does_not_say_who_they_are_gets_nothing(app):
    answer = app.test_client().get("/engine-rest/version")

    assert answer.status_code == 401
    assert answer.get_json()["type"] == "AuthenticationException"
    # A browser that is asked for Basic would send the password along with what other sites ask for.
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="Fermata"'


def test_the_session_of_a_browser_counts_for_nothing(admin):
    assert admin.get("/processes").status == 200

    assert admin._client.get("/engine-rest/version").status_code == 401
    assert admin._client.post("/engine-rest/signal", json={"name": "alarm"}).status_code == 401


def test_name_and_password_open_the_door(api, app):
    assert api("ben").get("/version") == {"version": "7.22.0"}
    assert api("ben").get("/engine") == [{"name": "default"}]
    wrong = app.test_client().get("/engine-rest/version", auth=("ben", "guess"))
    assert wrong.status_code == 401


def test_guessing_is_slowed_down(app):
    def guess(password):
        return app.test_client().get("/engine-rest/version", auth=("ben", password)).status_code

    assert [guess(f"guess {number}") for number in range(9)] == [401] * 8 + [429]
    assert guess("ben-pw") == 429


def test_a_password_is_hashed_once_in_a_while_only(api, the_engine, monkeypatch):
    ben = api("ben")
    ben.get("/version")
    monkeypatch.setattr(the_engine.people, "authenticate", lambda name, password: pytest.fail("hashed again"))

    assert ben.get("/version") == {"version": "7.22.0"}


def test_what_is_remembered_of_passwords_is_bounded():
    remembered = Remembered(capacity=2)
    for name in ("ann", "ben", "cid"):
        remembered.add(name, "pw")

    assert [remembered.has(name, "pw") for name in ("ann", "ben", "cid")] == [False, True, True]
    assert not remembered.has("b", "en pw")
    late = Remembered(seconds=0)
    late.add("ann", "pw")
    assert not late.has("ann", "pw")


def test_a_token_opens_what_its_scopes_say(order, token):
    instance = order.start("order")
    worker, reader = token("workers"), token("read")
    fetch = {"workerId": "w", "maxTasks": 1, "topics": [{"topicName": "charge-card", "lockDuration": 1000}]}

    assert reader("POST", "/external-task/fetchAndLock", fetch).status_code == 403
    assert len(worker("POST", "/external-task/fetchAndLock", fetch).get_json()) == 1
    assert worker("GET", f"/history/process-instance/{instance.id}").status_code == 403
    assert reader("GET", f"/history/process-instance/{instance.id}").status_code == 200
    assert reader("DELETE", f"/process-instance/{instance.id}").status_code == 403
    assert reader("POST", "/process-definition/key/order/start", {}).status_code == 403
    assert token("start")("POST", "/process-definition/key/order/start", {}).status_code == 200
    assert token("operate")("DELETE", f"/process-instance/{instance.id}").status_code == 204


def test_a_token_that_acts_for_somebody_may_do_no_more_than_they(order, token):
    ben = token("read", "operate", "start", "tasks", person="ben")
    instance = ben("POST", "/process-definition/key/order/start", {}).get_json()

    assert order.read.instance(instance["id"]).started_by == "ben"
    assert ben("DELETE", f"/process-instance/{instance['id']}").status_code == 403


def test_a_token_that_is_not_valid_opens_nothing(app, the_engine):
    _, secret = the_engine.tokens.add("short-lived", ["read"])
    the_engine.tokens.revoke("short-lived")

    for given in (secret, "nonsense", ""):
        assert app.test_client().get("/engine-rest/version", headers=authorized(given)).status_code == 401


def test_paths_that_are_not_here_are_told_as_such(admin_api):
    for path in ("/", "/case-instance", "/batch/count"):
        told = admin_api.get(path)
        assert (admin_api.status, told["type"]) == (404, "RestException")
    admin_api.post("/decision-definition/key/x/evaluate", {})
    assert admin_api.status == 404


def test_the_one_engine_is_also_reached_by_its_name(order, admin_api):
    started = admin_api.post("/engine/default/process-definition/key/order/start", {})

    assert admin_api.get(f"/engine/default/process-instance/{started['id']}")["definitionId"] == "order:1"
    admin_api.get("/engine/other/process-instance")
    assert admin_api.status == 404


def test_forms_of_pages_still_need_their_token(admin, leave):
    admin.post("/processes/leave/start", csrf_token="forged", days="3")

    assert admin.status == 400


def test_a_database_that_is_away_is_no_fault_of_who_asks(order, admin_api, monkeypatch):
    def away(id):
        raise DatabaseAway("The database is away.")

    monkeypatch.setattr(order.external, "get", away)
    admin_api.get("/external-task/x")

    assert admin_api.status == 503
    assert admin_api.answer.headers["Retry-After"] == "5"


def test_only_the_modeler_may_read_answers_from_a_page_of_its_own(app):
    ask = app.test_client()
    modeler = ask.options("/engine-rest/deployment/create", headers={"Origin": "file://"})
    other = ask.options("/engine-rest/deployment/create", headers={"Origin": "https://example.com"})

    assert modeler.status_code == 200
    assert modeler.headers["Access-Control-Allow-Origin"] == "file://"
    assert "Authorization" in modeler.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in modeler.headers
    assert "Access-Control-Allow-Origin" not in other.headers


def test_links_into_cockpit_lead_to_the_pages(app):
    ask = app.test_client()
    told = ask.get("/.well-known/camunda-automation-platform/webapps").get_json()

    assert told["cockpitUrl"] == "http://localhost/camunda-links/"
    assert ask.get("/camunda-links/process-instance/abc").headers["Location"] == "/instances/abc"
    assert ask.get("/camunda-links/repository").headers["Location"] == "/processes/"


def test_an_unexpected_error_is_told_by_its_reference_only(order, admin_api, monkeypatch):
    monkeypatch.setattr(order.external, "get", lambda id: 1 / 0)

    told = admin_api.get("/external-task/x")

    assert (admin_api.status, told["type"]) == (500, "RestException")
    assert "division" not in told["message"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/process-instance/a%00b", None, 404),
        ("GET", "/task?dueDate=0001-01-01T00:00:00.000%2B1400", None, 400),
        ("POST", "/process-instance", {"businessKey": "\ud800"}, 400),
        ("POST", "/process-definition/key/order/start", {"variables": {"\ud800": {"value": 1}}}, 400),
        ("POST", "/process-definition/key/order/start", {"variables": {"a": {"value": "\ud800"}}}, 400),
        ("POST", "/process-definition/key/order/start", {"businessKey": "x" * 300}, 400),
        (
            "POST",
            "/external-task/fetchAndLock",
            {"workerId": "w", "maxTasks": 1, "topics": [{"topicName": "a\0"}]},
            400,
        ),
    ],
)
def test_texts_that_no_database_has_are_refused(order, admin_api, method, path, body, status):
    told = admin_api.ask(method, path, body)

    assert admin_api.status == status
    assert "reference" not in told["message"]


def test_large_files_are_taken_of_those_who_are_known(api, app, the_engine):
    form = ('{"id": "large", "components": [], "note": "' + "x" * 3_000_000 + '"}').encode()

    def upload(**options):
        parts = {"large.form": (BytesIO(form), "large.form")}
        return app.test_client().post("/engine-rest/deployment/create", data=parts, **options)

    assert upload().status_code == 401
    assert upload(auth=("admin", "admin-pw")).status_code == 200
