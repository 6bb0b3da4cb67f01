"""`fermata up` and `fermata health` as what watches them uses them."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from engine import telemetry
from engine.cli import server
from engine.engine import Engine
from engine.observability.endpoint import Endpoint
from tests.engine.cli.conftest import MODELS, Fermata
from tests.engine.cli.test_up import Web


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Web]:
    def install(visit: Callable[[Any], None]) -> Web:
        web = Web(visit)
        monkeypatch.setattr(server, "_server", lambda: web.serve)
        return web

    return install


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """What a command that goes on for long sets up for its process is taken back."""
    root, engine = logging.getLogger(), logging.getLogger("engine")
    handlers, level, propagate, watchers = root.handlers[:], root.level, engine.propagate, telemetry._watchers
    yield
    root.handlers[:], engine.propagate, telemetry._watchers = handlers, propagate, watchers
    root.setLevel(level)


def test_up_logs_every_change_as_json_and_serves_metrics(
    folder: Path, web: Callable[..., Web], fermata: Fermata, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "fermata.toml").write_text("")
    (folder / "approval.bpmn").write_bytes((MODELS / "approval.bpmn").read_bytes())
    scraped: list[str] = []

    def visit(engine: Engine) -> None:
        address = re.search(r"Metrics and health are at (http://\S+?)\.\s", capsys.readouterr().out)
        assert address is not None
        engine.start("approval", variables={"card": "4711-0815"})
        scraped.append(urlopen(f"{address[1]}/metrics", timeout=120).read().decode())

    web(visit)
    said = fermata("up", "--log-format", "json", "--metrics-port", "0")
    lines = [json.loads(line) for line in said.err.splitlines() if line.startswith("{")]
    assert "instance.started" in {line["message"] for line in lines}
    assert all("instance_id" in line for line in lines if line["message"] == "instance.started")
    assert "4711-0815" not in said.err
    assert 'fermata_instances_total{event="started",process="approval"}' in scraped[0]


def test_up_says_when_the_port_for_metrics_is_taken(folder: Path, web: Callable[..., Web], fermata: Fermata) -> None:
    web(lambda engine: None)
    with Engine("sqlite://") as engine:
        taken = Endpoint(engine, "127.0.0.1", 0)
        said = fermata("up", "--metrics-port", str(taken.port))
        taken.close()
    assert said.code == 1
    assert "--metrics-port" in said.err


def test_health_looks_at_the_database(folder: Path, fermata: Fermata) -> None:
    before = fermata("health", "--json")
    assert (before.code, before.json["status"]) == (1, "unavailable")
    fermata("list")
    after = fermata("health", "--json")
    assert (after.code, after.json) == (
        0,
        {"status": "ok", "checks": {"database": "ok", "migrations": "ok", "queue": "ok"}},
    )


def test_health_asks_a_running_process(folder: Path, fermata: Fermata) -> None:
    with Engine("sqlite://") as engine:
        endpoint = Endpoint(engine, "127.0.0.1", 0)
        assert fermata("health", "--url", endpoint.address).code == 0
        endpoint.close()
        gone = fermata("health", "--url", endpoint.address)
    assert gone.code == 1
    assert "did not answer" in gone.out
