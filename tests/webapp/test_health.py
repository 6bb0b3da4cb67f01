"""What machines ask the web process: metrics and health."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

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


def test_a_request_goes_on_in_the_trace_of_who_asks(visitor):
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    leave = tracing.enable(provider)
    try:
        ann = visitor("ann")
        exporter.clear()
        ann.get("/instances", headers={"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"})
    finally:
        leave()
    spans = exporter.get_finished_spans()
    assert {span.name for span in spans} >= {"GET /instances/"}
    assert {(span.context.trace_id, span.parent.span_id) for span in spans} == {(int("ab" * 16, 16), int("cd" * 8, 16))}
