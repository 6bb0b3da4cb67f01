"""What machines ask the web process: metrics and health."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from engine.observability import tracing

TOKEN = {"Authorization": "Bearer s3cret"}


@pytest.fixture
def client(app):
    return app.test_client()


def test_everybody_may_ask_for_health(client):
    assert client.get("/health/live").json == {"status": "ok"}
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json["checks"]["database"]) == (200, "ok")


def test_metrics_are_for_the_token_alone(client, monkeypatch):
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401
    monkeypatch.setenv("FERMATA_METRICS_TOKEN", "s3cret")
    assert client.get("/metrics").status_code == 401
    answer = client.get("/metrics", headers=TOKEN)
    assert (answer.status_code, "fermata_queue_due" in answer.text) == (200, True)


def test_an_administrator_may_look_at_metrics_and_others_not(visitor):
    assert visitor("admin").get("/metrics").status == 200
    assert visitor("ann").get("/metrics").status == 401


@pytest.fixture
def spans():
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    leave = tracing.enable(provider)
    yield exporter
    leave()


def test_a_request_goes_on_in_the_trace_of_who_asks(visitor, spans):
    ann = visitor("ann")
    spans.clear()
    ann.get("/instances", headers={"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"})
    found = spans.get_finished_spans()
    assert {span.name for span in found} >= {"GET /instances/"}
    assert {(span.context.trace_id, span.parent.span_id) for span in found} == {(int("ab" * 16, 16), int("cd" * 8, 16))}


def test_a_request_is_described_as_the_semantic_conventions_say(client, spans):
    client.get("/log-in?next=4711", headers={"User-Agent": "probe/1", "Host": "desk.example:8443"})
    (span,) = spans.get_finished_spans()
    assert (span.name, span.kind, span.status.is_unset) == ("GET /log-in", SpanKind.SERVER, True)
    assert dict(span.attributes) == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/log-in",
        "server.address": "desk.example",
        "server.port": 8443,
        "url.path": "/log-in",
        "url.scheme": "http",
        "user_agent.original": "probe/1",
    }


def test_a_request_that_no_rule_fits_is_called_by_its_method_alone(client, spans):
    client.open("/nowhere", method="BREW")
    (span,) = spans.get_finished_spans()
    told = span.attributes
    assert (span.name, span.status.is_unset) == ("HTTP", True)
    assert (told["http.request.method"], told["http.request.method_original"]) == ("_OTHER", "BREW")
    assert told["http.response.status_code"] >= 400
    assert "http.route" not in told


def test_a_request_that_fails_here_has_a_span_with_an_error(app, client, spans, monkeypatch):
    app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setitem(app.view_functions, "auth.log_in", lambda: 1 / 0)
    assert client.get("/log-in").status_code == 500
    (span,) = spans.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes["http.response.status_code"], span.attributes["error.type"]) == (500, "500")
    assert "division" not in span.to_json()
