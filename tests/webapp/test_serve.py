import stat
import threading
from urllib.request import urlopen

import pytest
from flask import Flask

from webapp.serve import Server, secret_key, serve


@pytest.fixture(autouse=True)
def no_configured_key(monkeypatch):
    monkeypatch.delenv("FERMATA_SECRET_KEY", raising=False)


def test_the_secret_key_is_made_once_and_is_ours_alone(tmp_path):
    first = secret_key(tmp_path / "var")

    assert secret_key(tmp_path / "var") == first
    assert len(first) >= 40
    assert stat.S_IMODE((tmp_path / "var" / "secret_key").stat().st_mode) == 0o600


def test_a_configured_key_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setenv("FERMATA_SECRET_KEY", "from the environment")

    assert secret_key(tmp_path / "var") == "from the environment"
    assert not (tmp_path / "var").exists()


def test_an_empty_key_file_is_refused(tmp_path):
    (tmp_path / "secret_key").touch()

    with pytest.raises(ValueError, match="Delete it"):
        secret_key(tmp_path)


def test_the_server_serves_until_it_is_closed():
    app = Flask("hello")
    app.add_url_rule("/", view_func=lambda: "hello")
    server = Server(app, port=0, threads=2)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        with urlopen(server.address, timeout=10) as answer:
            assert answer.read() == b"hello"
    finally:
        server.close()
        thread.join(10)

    assert not thread.is_alive()


def test_a_port_that_is_taken_is_told_before_serving():
    first = Server(Flask("first"), port=0, threads=1)
    try:
        with pytest.raises(OSError, match="in use"):
            Server(Flask("second"), port=first.port, threads=1)
    finally:
        first.close()
        first.run()


def test_the_product_is_served_until_its_event_is_set(the_engine, tmp_path):
    stop, addresses, ready = threading.Event(), [], threading.Event()

    def announce(address):
        addresses.append(address)
        ready.set()

    thread = threading.Thread(
        target=serve, args=(the_engine,), kwargs={"port": 0, "stop": stop, "on_ready": announce, "var": tmp_path}
    )
    thread.start()
    assert ready.wait(10)
    try:
        with urlopen(f"{addresses[0]}/log-in", timeout=10) as answer:
            assert b"<h1>Log in</h1>" in answer.read()
    finally:
        stop.set()
        thread.join(10)

    assert not thread.is_alive()
