"""The worker that docs/rest.md shows, as a process of its own, against a server on a socket."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine import Engine
from engine.model import InstanceState
from tests.webapp.api.conftest import ORDER
from webapp import create_app
from webapp.serve import Server

PAGE = Path(__file__).parents[3] / "docs" / "rest.md"


@pytest.fixture
def served(tmp_path):
    with Engine(f"sqlite:///{tmp_path / 'engine.db'}") as engine:
        engine.deploy(ORDER)
        server = Server(create_app(engine, secret_key="only for tests"), port=0)
        thread = threading.Thread(target=server.run)
        thread.start()
        yield engine, server.address
        engine.external.close()
        server.close()
        thread.join()


@pytest.fixture
def worker(served):
    engine, address = served
    _, secret = engine.tokens.add("billing", ["workers"])
    code = re.search(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)[1]
    environment = {**os.environ, "API": f"{address}/api/v1", "TOKEN": secret}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def test_the_worker_of_the_docs_does_what_it_is_there_for(served, worker):
    engine, _ = served
    has_moved = threading.Event()
    engine.on_commit(has_moved.set)
    cheap = engine.start("order", variables={"amount": 120}).id
    dear = engine.start("order", variables={"amount": 5000}).id
    broken = engine.start("order").id

    def is_done():
        has_moved.clear()
        attempts = [each for id in (cheap, dear, broken) for each in engine.read.history(id).job_attempts]
        return [each.outcome for each in attempts if each.ended_at and each.attempt == 1]

    while len(is_done()) < 3:
        assert worker.poll() is None, worker.stderr.read()
        assert has_moved.wait(120)
    assert is_done() == ["completed", "bpmn_error", "retry"]
    assert engine.read.variables(cheap)["receipt"] == f"paid 120, {cheap}.2"
    assert engine.read.instance(dear).state is InstanceState.COMPLETED
