"""Brokers of our own, and a fleet of Celery's workers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text

from engine.clock import SystemClock
from engine.engine import Engine
from engine.jobs.relay import Relay
from tests.engine.celery.brokers import NotThere, Redis
from tests.engine.celery.rabbitmq import RabbitMQ

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PATIENCE = 120


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """Skips where there is none; fails instead with CI=true."""
    yield from _served(Redis, tmp_path_factory.mktemp("redis"))


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """Skips where it is not installed and cannot be had from Debian; fails instead with CI=true."""
    yield from _served(RabbitMQ, tmp_path_factory.mktemp("rabbitmq"))


def _served(kind: type[Redis] | type[RabbitMQ], folder: Path) -> Iterator[Any]:
    pytest.importorskip("celery")
    try:
        server = kind(folder)
    except NotThere as problem:
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(str(problem), pytrace=False)
        pytest.skip(str(problem))
    yield server
    server.close()


@dataclass(frozen=True, slots=True)
class Fleet:
    """*engine*: that of `fermata up --executor celery`, with its relay; the worker is another process."""

    engine: Engine
    relay: Relay
    broker: Redis | RabbitMQ
    worker: Worker
    queues: Sequence[str]
    calls_file: Path

    def calls(self, key: str = "") -> list[dict[str, Any]]:
        lines = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        return [call for call in map(json.loads, lines) if call["key"].startswith(key)]

    def forget_messages(self) -> None:
        """As if the broker had been started anew, without a disk."""
        self.broker.forget(self.queues)

    def until(self, is_so: Callable[[], Any]) -> Any:
        """Does what the engine of `fermata up` does meanwhile: its own jobs, and the looks for lost workers."""

        def work() -> Any:
            self.engine.work()
            self.relay.publish()
            return is_so()

        try:
            return until(work)
        except AssertionError:
            print(self.worker.log.read_text()[-6000:])
            raise


class Worker:
    """Celery's, with all its processes."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._command = command
        self._folder = folder
        self._environment = environment
        self.log = folder / "worker.log"
        self.start()

    def start(self) -> None:
        with self.log.open("a") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@pytest.fixture(
    scope="module",
    params=[
        ("redis", "sqlite"),
        pytest.param(("redis", "postgresql"), marks=pytest.mark.postgres),
        pytest.param(("rabbitmq", "postgresql"), marks=pytest.mark.postgres),
    ],
    ids=" and ".join,
)
def fleet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """One for all tests of a module: its worker takes seconds to come up."""
    broker = request.getfixturevalue(request.param[0])
    from engine.executors.celery import Messages, make_app
    from engine.settings import CelerySettings

    folder = tmp_path_factory.mktemp("fleet")
    prefix = f"{'-'.join(request.param)}-{os.getpid()}"
    if request.param[1] == "sqlite":
        database_url = f"sqlite:///{folder / 'fleet.db'}"
    else:
        template = request.getfixturevalue("postgres_template")
        database_url = _new_database(template, f"fleet_{request.param[0]}_{os.getpid()}")
    for name in ("fleet.bpmn", "computing.bpmn", "handlers.py"):
        shutil.copy(HERE / name, folder)
    settings = CelerySettings(broker.url, f"{prefix}-usual", {"second": f"{prefix}-other"}, republish_after=2)
    queues = (settings.queue, settings.queues["second"])
    (folder / "fermata.toml").write_text(
        f'[database]\nurl = "{database_url}"\n\n[celery]\nqueue = "{queues[0]}"\nrepublish_after = 2\n\n'
        f'[celery.queues]\nsecond = "{queues[1]}"\n'
    )
    calls = folder / "calls.jsonl"
    command = [sys.executable, "-m", "celery", "-A", "engine.executors.celery_app", "worker", "--concurrency", "1"]
    command += ["--queues", ",".join(queues), "--loglevel", "INFO", "--hostname", f"{prefix}@localhost"]
    command += ["--without-gossip", "--without-mingle"]
    environment = {**os.environ, "FERMATA_CELERY_BROKER": broker.url, "CALLS": str(calls), "PYTHONPATH": str(ROOT)}
    with Engine(database_url, clock=SystemClock()) as engine:
        engine.deploy(folder / "fleet.bpmn", folder / "computing.bpmn")
        again_after = timedelta(seconds=settings.republish_after)
        relay = engine.relay(Messages(make_app(settings), settings).send, again_after=again_after)
        worker = Worker(command, folder, environment)
        try:
            yield Fleet(engine, relay, broker, worker, queues, calls)
        finally:
            worker.kill()


def until(is_so: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (found := is_so()):
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.05)
    return found


def _new_database(template: str, name: str) -> str:
    url = make_url(template).set(database=name)
    database = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with database.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    database.dispose()
    return url.render_as_string(hide_password=False)
