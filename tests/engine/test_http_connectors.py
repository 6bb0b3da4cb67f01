"""The HTTP connectors of Camunda 7 and 8, against a server of our own."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from xml.sax.saxutils import quoteattr

import pytest

from engine.engine import Engine
from engine.executors.http import NAMES, HttpConnector
from engine.executors.http.client import Response
from engine.model import Resource

DIAGRAM = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t"
    xmlns:camunda="http://camunda.org/schema/1.0/bpmn" xmlns:zeebe="http://camunda.org/schema/zeebe/1.0">
  <process id="p" isExecutable="true">
    <startEvent id="S"/><serviceTask id="T"><extensionElements>{}</extensionElements></serviceTask><endEvent id="E"/>
    <sequenceFlow id="a" sourceRef="S" targetRef="T"/><sequenceFlow id="b" sourceRef="T" targetRef="E"/>
  </process>
</definitions>"""


class Server(ThreadingHTTPServer):
    """Answers with what it was asked; /status/N with that status; /to?URL leads elsewhere; /much is long."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[dict[str, Any]] = []

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def answer(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        asked = {
            "method": self.command,
            "path": parts.path,
            "query": parse_qs(parts.query),
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": body,
        }
        self.server.requests.append(asked)
        status = 302 if parts.path == "/to" else int(parts.path.rpartition("/")[2]) if "/status/" in parts.path else 200
        text = json.dumps({"echo": body, "price": 1.10})
        self.send_response(status)
        if status == 302:
            self.send_header("Location", parse_qs(parts.query)["url"][0])
        for value in parse_qs(parts.query).get("after", ()):
            self.send_header("Retry-After", value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def connected(engine: Engine, server: Server) -> Engine:
    for name in NAMES:
        engine.register_executor(name, HttpConnector(name, [server.host]))
    return engine


def rest(task_headers: str = "", **inputs: str) -> str:
    written = "".join(
        f"<zeebe:input source={quoteattr(text)} target={quoteattr(name.replace('__', '.'))}/>"
        for name, text in inputs.items()
    )
    return (
        '<zeebe:taskDefinition type="io.camunda:http-json:1" retries="1"/>'
        f"<zeebe:ioMapping>{written}</zeebe:ioMapping><zeebe:taskHeaders>{task_headers}</zeebe:taskHeaders>"
    )


def header(key: str, value: str) -> str:
    return f"<zeebe:header key={quoteattr(key)} value={quoteattr(value)}/>"


RESULT = header("resultExpression", "={status: response.status, echo: response.body.echo}")


def run(engine: Engine, extensions: str, **variables: Any) -> str:
    engine.deploy(Resource("p.bpmn", DIAGRAM.format(extensions).encode()))
    instance = engine.start("p", variables=variables)
    engine.work()
    return instance.id


def test_the_rest_connector_sends_what_the_inputs_say_and_keeps_what_the_result_expression_takes(connected, server):
    task = rest(
        RESULT,
        method="POST",
        url=f'="http://{server.host}/orders/" + number',
        headers='={"X-Team": "sales"}',
        queryParameters="={page: 2, all: true}",
        body="={amount: amount, when: date(day)}",
        authentication__type="noAuth",
    )

    instance_id = run(connected, task, number="A-1", amount=5, day="2030-01-02")

    (asked,) = server.requests
    assert (asked["method"], asked["path"]) == ("POST", "/orders/A-1")
    assert asked["query"] == {"page": ["2"], "all": ["true"]}
    assert asked["headers"]["x-team"] == "sales"
    assert asked["headers"]["idempotency-key"]
    assert json.loads(asked["body"]) == {"amount": 5, "when": "2030-01-02"}
    variables = connected.read.variables(instance_id)
    assert variables.keys() == {"number", "amount", "day", "status", "echo"}
    assert variables["status"] == 200


@pytest.mark.parametrize(
    ("inputs", "name", "value"),
    [
        ({"type": "bearer", "token": "{{secrets.TOKEN}}"}, "authorization", "Bearer s3cret"),
        (
            {"type": "basic", "username": "ann", "password": "{{secrets.TOKEN}}"},
            "authorization",
            "Basic " + base64.b64encode(b"ann:s3cret").decode(),
        ),
        (
            {"type": "apiKey", "apiKeyLocation": "headers", "name": "X-Key", "value": "{{secrets.TOKEN}}"},
            "x-key",
            "s3cret",
        ),
    ],
)
def test_it_proves_who_asks_by_a_secret_that_is_never_kept(connected, server, monkeypatch, inputs, name, value):
    monkeypatch.setenv("FERMATA_SECRET_TOKEN", "s3cret")
    said = {f"authentication__{key}": text for key, text in inputs.items()}

    instance_id = run(
        connected, rest(header("resultVariable", "answer"), method="GET", url=f"http://{server.host}/", **said)
    )

    assert server.requests[0]["headers"][name] == value
    assert "s3cret" not in repr(connected.read.history(instance_id))


def test_a_status_of_400_and_above_is_a_failure_that_the_error_expression_sees(connected, server):
    error = '=if error.code = "404" then ignoreError({found: false}) else null'

    instance_id = run(
        connected, rest(header("errorExpression", error), method="GET", url=f"http://{server.host}/status/404")
    )
    assert connected.read.variables(instance_id) == {"found": False}

    instance_id = run(
        connected, rest(header("errorExpression", error), method="GET", url=f"http://{server.host}/status/503")
    )
    (incident,) = connected.read.incidents(instance_id)
    assert "GET was answered with 503" in incident.message


@pytest.mark.parametrize(
    ("status", "after", "seconds"),
    [
        (429, "120", 120),
        (503, "99999999", 24 * 60 * 60),
        (503, 1000, 1000),
        (503, -1000, 0),
        (503, "in a while", 10),
        (500, "120", 10),
    ],
)
def test_who_is_told_when_to_ask_again_asks_again_then(connected, server, clock, status, after, seconds):
    said = formatdate(time.time() + after, usegmt=True) if isinstance(after, int) else after
    task = rest(method="GET", url=f"http://{server.host}/status/{status}?after={quote(said)}")
    instance_id = run(connected, task.replace('retries="1"', 'retries="2"'))

    delay = connected.read.jobs(instance_id)[0].due_at - clock.now()
    assert delay.total_seconds() == pytest.approx(seconds, abs=300 if seconds == 1000 else 1)


def test_a_date_to_ask_again_counts_by_our_clock_where_the_other_side_does_not_say_its_own():
    at = datetime(2026, 1, 5, 9, tzinfo=UTC)
    said = {"retry-after": "Mon, 05 Jan 2026 09:02:00 GMT"}

    assert Response(503, "", said, "", at).retry_after == timedelta(minutes=2)
    assert Response(503, "", said | {"date": "Mon, 05 Jan 2026 09:01:00 GMT"}, "", at).retry_after == timedelta(
        minutes=1
    )
    assert Response(503, "", said | {"date": "lately"}, "", at).retry_after is None


def test_a_host_that_is_not_allowed_is_not_asked(connected, server):
    instance_id = run(connected, rest(method="GET", url="http://169.254.169.254/latest/meta-data?token=x"))

    (incident,) = connected.read.incidents(instance_id)
    assert "No diagram may send requests to '169.254.169.254'" in incident.message
    assert '[http] allowed_hosts = ["169.254.169.254"]' in incident.message
    assert server.requests == []


def test_nor_is_one_that_an_allowed_host_leads_to(connected, server):
    away = f"http://{server.host}/to?url=http://localhost:1/"

    instance_id = run(connected, rest(method="GET", url=away))

    (incident,) = connected.read.incidents(instance_id)
    assert "requests to 'localhost'" in incident.message


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"method": "GET", "url": "file:///etc/passwd"}, "is no URL of http"),
        ({"method": "GET", "url": "http://[::1"}, "is no URL of http"),
        ({"method": "STEAL", "url": "http://x"}, "There is no HTTP method 'STEAL'"),
        ({"method": "GET"}, "has no 'url'"),
        (
            {"method": "GET", "url": "http://x", "authentication__type": "oauth-client-credentials-flow"},
            "is not done here",
        ),
        ({"method": "GET", "url": "http://x", "headers": "text"}, "is a context"),
    ],
)
def test_what_cannot_be_sent_is_an_incident_that_says_why(connected, inputs, message):
    instance_id = run(connected, rest(**inputs))

    (incident,) = connected.read.incidents(instance_id)
    assert message in incident.message


def test_the_http_connector_of_camunda_7_gives_status_and_text_to_its_outputs(connected, server):
    connector = (
        "<camunda:connector><camunda:inputOutput>"
        f'<camunda:inputParameter name="url">http://{server.host}/orders/${{number}}</camunda:inputParameter>'
        '<camunda:inputParameter name="method">POST</camunda:inputParameter>'
        '<camunda:inputParameter name="headers"><camunda:map><camunda:entry key="Accept">text/plain</camunda:entry>'
        "</camunda:map></camunda:inputParameter>"
        '<camunda:inputParameter name="payload">{"amount": ${amount}}</camunda:inputParameter>'
        '<camunda:outputParameter name="status">${statusCode}</camunda:outputParameter>'
        '<camunda:outputParameter name="answer">${response}</camunda:outputParameter>'
        "</camunda:inputOutput><camunda:connectorId>http-connector</camunda:connectorId></camunda:connector>"
    )

    instance_id = run(connected, connector, number="A-1", amount=5)

    (asked,) = server.requests
    assert (asked["method"], asked["path"], asked["body"]) == ("POST", "/orders/A-1", '{"amount": 5}')
    assert asked["headers"]["accept"] == "text/plain"
    variables = connected.read.variables(instance_id)
    assert variables.keys() == {"number", "amount", "status", "answer"}
    assert variables["status"] == 200
    assert json.loads(variables["answer"])["echo"] == '{"amount": 5}'


def test_a_connector_of_camunda_7_without_outputs_leaves_nothing(connected, server):
    connector = (
        "<camunda:connector><camunda:inputOutput>"
        f'<camunda:inputParameter name="url">http://{server.host}/</camunda:inputParameter>'
        "</camunda:inputOutput><camunda:connectorId>http-connector</camunda:connectorId></camunda:connector>"
    )

    instance_id = run(connected, connector, amount=5)

    assert connected.read.variables(instance_id) == {"amount": 5}
