"""What machines ask the web process: metrics and health."""

from __future__ import annotations

import pytest

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
