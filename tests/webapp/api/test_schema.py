"""The API keeps what its OpenAPI document says, whatever it is sent (schemathesis)."""

from __future__ import annotations

import re

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import checks
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from engine import Engine
from tests.webapp.api.conftest import ORDER, PREFIX
from webapp import create_app
from webapp.areas.api.access import Throttle
from webapp.areas.api.operation import OPERATIONS

KEPT = [checks.not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


class Shop:
    """An engine that many requests share, since these tests want many."""

    def __init__(self, engine):
        self.app = create_app(engine, secret_key="only for tests")
        self.schema = schemathesis.openapi.from_wsgi(f"{PREFIX}/openapi.json", self.app)
        engine.deploy(ORDER)
        _, secret = engine.tokens.add("schema")
        self.headers = {"Authorization": f"Bearer {secret}"}
        self.engine = engine

    def ids(self, path):
        """Of something that is there."""
        instance = self.engine.start("order").id
        task = f"{instance}.2"
        known = {"/process-instances": instance, "/external-tasks": task, "/jobs": task, "/decisions": "order"}
        return next((id for prefix, id in known.items() if path.startswith(prefix)), "order:1")


@pytest.fixture(scope="module")
def shop():
    with Engine("sqlite://") as engine:
        shop = Shop(engine)
        shop.app.extensions["api_throttles"].known = Throttle(1e6, 1e6)
        yield shop


@pytest.mark.parametrize("known", OPERATIONS, ids=lambda known: known.name)
def test_what_is_sent_is_answered_as_described(shop, known):
    real = shop.ids(known.path)
    one = shop.schema[known.path][known.method]

    @settings(
        max_examples=6,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=one.as_strategy() | one.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE),
        is_real=st.booleans(),
    )
    def send(case, is_real):
        if is_real:
            case.path_parameters = dict.fromkeys(case.path_parameters or {}, real)
        if isinstance(case.body, dict) and "wait_seconds" in case.body:
            case.body["wait_seconds"] = 0
        case.call_and_validate(headers=shop.headers, checks=KEPT)

    send()


def test_every_operation_is_described(anybody):
    document = anybody.get("/openapi.json").json
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(each.method, each.path) for each in OPERATIONS}
    assert all(each.summary for each in OPERATIONS)


def test_no_reference_leads_nowhere(anybody):
    text = anybody.get("/openapi.json").text
    schemas = anybody.get("/openapi.json").json["components"]["schemas"]
    assert set(re.findall(r'"#/components/schemas/([^"]+)"', text)) <= schemas.keys()
