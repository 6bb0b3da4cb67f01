"""A database that goes away in the middle of a commit: who asked is told what is not known, and how to go on."""

from __future__ import annotations

import pytest
from sqlalchemy import make_url

import engine.requests
from engine import Engine
from engine.errors import OutcomeUnknown
from tests.engine.conftest import database_url, postgres_template  # noqa: F401  the fixtures
from tests.engine.store.proxy import Proxy
from tests.webapp.api.conftest import ORDER, Program
from webapp import create_app

START = {"key": "order", "business_key": "A1"}


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
class TestACommitOfWhichNothingIsKnown:
    @pytest.fixture
    def proxy(self, database_url):  # noqa: F811  the fixture
        with Proxy(make_url(database_url)) as proxy:
            yield proxy

    @pytest.fixture
    def shop(self, proxy):
        with Engine(proxy.url.render_as_string(hide_password=False)) as engine:
            engine.deploy(ORDER)
            engine.store.patience = 0.2
            yield engine

    @pytest.fixture
    def client(self, shop):
        _, secret = shop.tokens.add("client")
        client = Program(create_app(shop, secret_key="only for tests").test_client(), secret)
        client.post("/process-instances", START, headers={"Idempotency-Key": "before"})
        return client

    @pytest.mark.parametrize("lost", ["sent", "answered"])
    def test_is_answered_with_503_and_repeated_with_its_key_it_is_done_once(
        self, shop, proxy, client, lost, monkeypatch
    ):
        key = {"Idempotency-Key": "order-1"}
        keep = engine.requests.tokens.keep_request

        def keep_and_lose(*args, **options):
            proxy.refuses, proxy.lose_commit = True, lost
            return keep(*args, **options)

        with monkeypatch.context() as patch:  # the last that is written before the commit
            patch.setattr("engine.requests.tokens.keep_request", keep_and_lose)
            answer = client.post("/process-instances", START, headers=key)
        proxy.refuses = False

        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert answer.json["type"] == "/api/v1/problems/outcome-unknown"
        assert "Repeat it with the same Idempotency-Key" in answer.json["detail"]

        again = client.post("/process-instances", START, headers=key)
        assert again.status_code == 201
        assert again.headers.get("Idempotency-Replayed") == ("true" if lost == "answered" else None)
        assert shop.read.instances().total == 2


@pytest.fixture
def in_doubt(order, monkeypatch):
    """Whether this instance is cancelled, or another is started, will not be known."""
    instance_id = order.start("order").id

    def lose(*_, **__):
        raise OutcomeUnknown

    for name in ("start", "cancel"):
        monkeypatch.setattr(order, name, lose)
    return instance_id


def test_who_has_sent_no_key_is_told_to_look_first(in_doubt, api):
    answer = api.post("/process-instances", START)

    assert (answer.status_code, answer.json["type"]) == (503, "/api/v1/problems/outcome-unknown")
    assert "Look whether it has happened before you repeat it" in answer.json["detail"]
    assert "Retry-After" not in answer.headers
    assert "With an Idempotency-Key it could be repeated" in answer.json["detail"]


def test_what_can_do_no_harm_a_second_time_may_be_repeated_without_a_key(in_doubt, api, app):
    cancelled = api.post("/process-instances/1/cancel", {"reason": "a slip"})

    assert (cancelled.status_code, cancelled.headers["Retry-After"]) == (503, "5")
    assert "Repeat it: if it has happened, that is refused or changes nothing more." in cancelled.json["detail"]
    told = app.test_client().delete(f"/engine-rest/process-instance/{in_doubt}", auth=("admin", "admin-pw"))
    assert (told.status_code, told.headers["Retry-After"]) == (503, "5")


def test_the_pages_and_the_paths_of_camunda_say_so_too(in_doubt, app, admin):
    admin.post("/instances/1/cancel", reason="a slip")
    assert admin.status == 503
    assert "Whether this has happened is not known. Look before you do it again." in admin.text

    auth = ("admin", "admin-pw")
    told = app.test_client().post("/engine-rest/process-definition/key/order/start", json={}, auth=auth)
    assert (told.status_code, told.json["type"]) == (503, "ProcessEngineException")
    assert "Look whether the change is there before you repeat it" in told.json["message"]
    assert "Retry-After" not in told.headers
