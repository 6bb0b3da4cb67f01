"""Programs that speak Camunda 7's REST API: `api("admin")` asks with a person's name and password."""

from pathlib import Path

import pytest

ORDER = Path(__file__).with_name("order.bpmn")


class Api:
    """JSON in, JSON out; the status of the last answer is kept."""

    def __init__(self, client, auth):
        self._client = client
        self._auth = auth
        self.answer = None

    def ask(self, method, path, body=None, **options):
        if body is not None:
            options["json"] = body
        self.answer = self._client.open(f"/engine-rest{path}", method=method, auth=self._auth, **options)
        return self.answer.get_json() if self.answer.is_json else None

    def get(self, path, **query):
        return self.ask("GET", path, query_string=query)

    def post(self, path, body=None, **options):
        return self.ask("POST", path, body, **options)

    def put(self, path, body):
        return self.ask("PUT", path, body)

    def delete(self, path):
        return self.ask("DELETE", path)

    @property
    def status(self):
        return self.answer.status_code


@pytest.fixture
def api(app):
    def enter(name):
        return Api(app.test_client(), (name, f"{name}-pw"))

    return enter


@pytest.fixture
def admin_api(api):
    return api("admin")


@pytest.fixture
def order(the_engine):
    """A process with an external task, a user task, a message and an error to catch; workers elsewhere do the task."""
    the_engine.external.open()
    the_engine.deploy(ORDER, by="tests")
    return the_engine
