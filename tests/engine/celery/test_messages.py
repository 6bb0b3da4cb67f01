"""What is sent to a broker, what becomes of one that does not answer, and whom a revocation hits."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Timer
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("celery")

from celery import Celery

from engine.engine import Engine
from engine.executors import celery
from engine.executors.celery import Messages, Runner, make_app, relayed
from engine.jobs import relay as relay_module
from engine.settings import CelerySettings
from engine.store.relay import ReadyJob
from tests.engine.celery.brokers import Redis
from tests.engine.celery.conftest import PATIENCE, until

INTERRUPTIBLE = Path(__file__).parents[1] / "jobs" / "interruptible.bpmn"
JOB = ReadyJob("job-1", ("work",), 1)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with Engine(f"sqlite:///{tmp_path / 'engine.db'}") as engine:
        engine.deploy(INTERRUPTIBLE)
        yield engine


@pytest.fixture
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(celery, "CONNECTS_WITHIN", 0.2)
    monkeypatch.setattr(celery, "ANSWERS_WITHIN", 0.2)
    monkeypatch.setattr(relay_module, "POLL", 0.05)
    monkeypatch.setattr(relay_module, "PATIENCE", PATIENCE)


@pytest.fixture(params=["redis://127.0.0.1:{}/0", "amqp://me:secret@127.0.0.1:{}//"], ids=["redis", "amqp"])
def silent(request: pytest.FixtureRequest) -> Iterator[CelerySettings]:
    """A broker that takes every connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield CelerySettings(request.param.format(server.getsockname()[1]))


def test_a_message_does_not_expire_by_the_clock_of_a_worker() -> None:
    settings = CelerySettings("memory://messages", "messages")
    app = make_app(settings)
    Messages(app, settings).send(JOB)
    with app.connection() as connection:
        message = connection.SimpleQueue("messages").get(timeout=PATIENCE)
    assert message.headers["expires"] is None
    assert message.properties["expiration"] == str(24 * 60 * 60 * 1000)


@pytest.mark.usefixtures("short_patience")
def test_a_broker_that_never_answers_holds_up_neither_the_relay_nor_its_end(
    engine: Engine, silent: CelerySettings, caplog: pytest.LogCaptureFixture
) -> None:
    engine.start("interruptible")
    with relayed(engine, silent):
        until(lambda: "jobs could not be announced, it is tried again" in caplog.messages)
    assert "the broker does not answer, the relay stops without it" not in caplog.messages
    assert "secret" not in caplog.text


@pytest.mark.usefixtures("short_patience")
def test_announcements_go_on_once_a_broker_that_had_stopped_answers(
    engine: Engine, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    settings = CelerySettings(redis.url, "stopped")
    with relayed(engine, settings), Celery(broker=redis.url).connection() as connection:
        queue = connection.SimpleQueue("stopped")
        engine.start("interruptible")
        first = queue.get(timeout=PATIENCE).payload[0]
        redis.signal(signal.SIGSTOP)
        try:
            engine.start("interruptible")
            until(lambda: "jobs could not be announced, it is tried again" in caplog.messages)
        finally:
            redis.signal(signal.SIGCONT)
        until(lambda: "the broker takes messages again" in caplog.messages)
        until(lambda: queue.get(timeout=PATIENCE).payload[0] != first)  # which may come twice


class FleetsEngine:
    """*work* is what an attempt does; it may call `lose`, as the engine does where a result is not wanted any more."""

    def __init__(self) -> None:
        self.work: Callable[[], object] = lambda: None

    def relay(self, send: object, **_: object) -> Any:
        return SimpleNamespace(publish=lambda: 0)

    def on_unwanted(self, callback: Callable[[str], object]) -> None:
        self.lose = lambda: callback("job-1")

    def run_announced(self, job_id: str) -> bool:
        self.work()
        return True


@pytest.fixture
def revoked() -> list[str]:
    return []


@pytest.fixture
def of_fleet() -> FleetsEngine:
    return FleetsEngine()


@pytest.fixture
def runner(of_fleet: FleetsEngine, revoked: list[str]) -> Runner:
    app: Any = SimpleNamespace(control=SimpleNamespace(revoke=lambda task_id, **_: revoked.append(task_id)))
    return Runner(of_fleet, app, CelerySettings())  # type: ignore[arg-type]


def test_an_attempt_that_does_not_heed_is_revoked(
    runner: Runner, of_fleet: FleetsEngine, revoked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(celery, "GRACE", 0.05)
    of_fleet.work = lambda: (of_fleet.lose(), until(lambda: revoked))
    runner.run("job-1", "first")
    assert revoked == ["first"]


def test_a_revocation_never_hits_the_next_attempt_of_the_job(
    runner: Runner, of_fleet: FleetsEngine, revoked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    graces: list[Timer] = []

    def timer(*given: Any) -> Timer:
        graces.append(Timer(*given))
        return graces[-1]

    monkeypatch.setattr(celery, "Timer", timer)
    of_fleet.work = of_fleet.lose
    runner.run("job-1", "first")
    (grace,) = graces
    of_fleet.work = lambda: grace.function(*grace.args)  # it has passed in the middle of the next attempt
    runner.run("job-1", "second")
    grace.cancel()
    assert revoked == []
