"""A program with a token for everything, and one for each scope or person asked for."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

PREFIX = "/api/v1"
ORDER = Path(__file__).with_name("order.bpmn")


class Program:
    def __init__(self, client, secret):
        self._client = client
        self._headers = {"Authorization": f"Bearer {secret}"} if secret else {}

    def ask(self, method, path, json=None, headers=None, **options):
        if json is not None:
            options |= {"data": orjson.dumps(json), "content_type": "application/json"}
        return self._client.open(PREFIX + path, method=method, headers={**self._headers, **(headers or {})}, **options)

    def get(self, path, **options):
        return self.ask("GET", path, **options)

    def post(self, path, json=None, **options):
        return self.ask("POST", path, json if json is not None else {}, **options)


@pytest.fixture
def program(app, the_engine):
    """program("read") may read; program(person="ann") is Ann's."""

    def make(*scopes, person=None):
        more = {"scopes": scopes} if scopes else {}
        name = person or f"program-{'-'.join(scopes)}"
        _, secret = the_engine.tokens.add(f"{name}-{len(the_engine.tokens.list())}", person=person, **more)
        return Program(app.test_client(), secret)

    return make


@pytest.fixture
def api(program):
    return program()


@pytest.fixture
def anybody(app):
    return Program(app.test_client(), None)


@pytest.fixture
def order(the_engine):
    the_engine.deploy(ORDER)
    return the_engine
