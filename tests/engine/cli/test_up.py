"""`fermata up`: deploys, makes people, serves, stops cleanly and carries on."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.cli import server
from tests.engine.cli.conftest import MODELS, Fermata

PATIENCE = 120
SETTINGS = """
[people.ann]
password = "ann-secret"
display_name = "Ann Marsh"
groups = ["managers"]
"""


class Web:
    """Stands in for the web application: announces itself, lets *visit* happen, and waits to be stopped."""

    def __init__(self, visit: Callable[[Any], None]) -> None:
        self.visit = visit
        self.calls: list[dict[str, Any]] = []

    def serve(
        self,
        engine: Any,
        *,
        host: str,
        port: int,
        stop: threading.Event,
        on_ready: Callable[[str], None],
        var: Path,
        proxy: str | None,
    ) -> None:
        self.calls.append({"host": host, "port": port, "var": var, "proxy": proxy})
        on_ready(f"http://{host}:{port}")
        self.visit(engine)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(PATIENCE)


@pytest.fixture
def application(folder: Path) -> Path:
    (folder / "fermata.toml").write_text(SETTINGS)
    (folder / "approval.bpmn").write_bytes((MODELS / "approval.bpmn").read_bytes())
    return folder


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Web]:
    def install(visit: Callable[[Any], None] = lambda engine: None) -> Web:
        web = Web(visit)
        monkeypatch.setattr(server, "_server", lambda: web.serve)
        return web

    return install


def test_it_says_where_it_is_and_who_can_log_in_and_stops_on_sigterm(application: Path, web, fermata: Fermata) -> None:
    web()

    said = fermata("up", "--port", "8123")

    assert said.code == 0
    assert "Fermata is up at http://127.0.0.1:8123." in said.out
    assert "Ann Marsh" in said.out
    assert said.out.splitlines()[-1] == "Stopped. Start again and every running instance goes on."
    assert (application / "var" / "fermata.db").is_file()


def test_a_second_start_carries_on_and_deploys_nothing_new(application: Path, web, fermata: Fermata) -> None:
    started: list[str] = []
    web(lambda engine: started.append(engine.start("approval").id))
    assert "(deployed)" in fermata("up").out

    seen: list[Any] = []
    web(lambda engine: seen.extend([engine.read.instance(started[0]).state, len(engine.people.list())]))
    assert "(unchanged)" in fermata("up").out

    assert seen == ["running", 1]


@pytest.mark.parametrize("options", [("--host", "0.0.0.0"), ("--proxy", "127.0.0.1")])
def test_people_with_public_passwords_are_not_made_where_others_reach_them(
    options: tuple[str, str], application: Path, web, fermata: Fermata
) -> None:
    people: list[Any] = []
    web(lambda engine: people.extend(engine.people.list()))

    said = fermata("up", *options)

    assert people == []
    assert "not made where others reach them" in said.err


@pytest.mark.parametrize(("given", "believed"), [("10.0.0.5", "10.0.0.5"), ("::0:1", "::1"), ("*", "*")])
def test_the_web_server_is_told_whom_to_believe(
    given: str, believed: str, application: Path, web, fermata: Fermata
) -> None:
    served = web()

    fermata("up", "--proxy", given)

    assert [call["proxy"] for call in served.calls] == [believed]


def test_a_proxy_that_is_no_address_is_refused_before_anything_is_made(
    application: Path, web, fermata: Fermata
) -> None:
    served = web()

    said = fermata("up", "--proxy", "proxy.example.org")

    assert (said.code, served.calls) == (2, [])
    assert "'proxy.example.org' is no address" in " ".join(said.err.replace("│", " ").split())
    assert not (application / "var").exists()


def test_workers_run_what_the_web_pages_start(application: Path, web, fermata: Fermata) -> None:
    (application / "handlers.py").write_text(
        "from engine import handler\n\n@handler('org.example.ChargeCard')\ndef charge(job):\n    return 1\n"
    )
    states: list[str] = []

    def approve(engine: Any) -> None:
        committed = threading.Event()
        engine.on_commit(committed.set)
        instance = engine.start("approval")
        engine.complete(engine.read.tasks().items[0].id, {"approved": True})
        while engine.read.instance(instance.id).state == "running" and committed.wait(PATIENCE):
            committed.clear()
        states.append(engine.read.instance(instance.id).state)

    web(approve)
    fermata("up")

    assert states == ["completed"]


def test_a_model_that_cannot_run_stops_the_start(application: Path, web, fermata: Fermata) -> None:
    (application / "refused.bpmn").write_bytes((MODELS / "refused.bpmn").read_bytes())
    web()

    said = fermata("up")

    assert said.code == 1
    assert "refused.bpmn:5: error:" in said.out


def test_an_address_that_is_taken_is_a_sentence(application: Path, fermata: Fermata, monkeypatch) -> None:
    def taken(*_: Any, **__: Any) -> None:
        raise OSError(98, "Address already in use")

    monkeypatch.setattr(server, "_server", lambda: taken)

    said = fermata("up")

    assert said.code == 1
    assert "Cannot listen on 127.0.0.1:8000: Address already in use. Stop what runs there or choose" in said.err


def test_a_fleet_gets_the_service_tasks_and_not_the_threads_here(application: Path, web, fermata: Fermata) -> None:
    (application / "handlers.py").write_text(
        "from engine import handler\n\n@handler('org.example.ChargeCard')\ndef charge(job):\n    return 1\n"
    )
    (application / "fermata.toml").write_text(
        '[celery]\nbroker = "memory://fermata-test"\n[celery.queues]\n"org.example.ChargeCard" = "cards"\n'
    )
    sent: list[Any] = []

    def approve(engine: Any) -> None:
        from celery import Celery

        instance = engine.start("approval")
        engine.complete(engine.read.tasks().items[0].id, {"approved": True})
        with Celery(broker="memory://fermata-test").connection() as connection:
            message = connection.SimpleQueue("cards").get(timeout=PATIENCE)
            sent.extend([message.headers["task"], message.payload[0], engine.read.jobs(instance.id)[0].id])

    web(approve)

    assert fermata("up", "--executor", "celery").code == 0
    assert sent == ["fermata.run", [sent[2]], sent[2]]


def test_a_fleet_without_a_broker_is_a_sentence(application: Path, web, fermata: Fermata, monkeypatch) -> None:
    monkeypatch.delenv("FERMATA_CELERY_BROKER", raising=False)
    web()

    said = fermata("up", "--executor", "celery")

    assert said.code == 1
    assert "No broker for Celery. Set FERMATA_CELERY_BROKER" in said.err
    assert "deployed" not in said.out
