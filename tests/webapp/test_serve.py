import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

import pytest
from flask import Flask, request

from webapp.serve import Server, make_server, secret_key, serve

LONG = 120


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """Serves in a thread; afterwards it has ended."""
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(LONG)
    assert not thread.is_alive()


def served(server: Server, headers: dict[str, str] | None = None, path: str = "/") -> Any:
    return urlopen(Request(server.address + path, headers=headers or {}), timeout=LONG)


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

    with running(Server(app, port=0, threads=2)) as server, served(server) as answer:
        assert answer.read() == b"hello"


@pytest.mark.parametrize(
    ("proxy", "seen"),
    [("127.0.0.1", "https 203.0.113.7"), ("*", "https 203.0.113.7"), ("10.9.9.9", "http 127.0.0.1"), (None, None)],
)
def test_only_the_proxy_is_believed_about_who_asks(proxy, seen):
    app = Flask("seeing")
    app.add_url_rule("/", view_func=lambda: f"{request.scheme} {request.remote_addr}")
    asked = {"X-Forwarded-For": "198.51.100.1, 203.0.113.7", "X-Forwarded-Proto": "https"}

    with running(Server(app, port=0, threads=2, proxy=proxy)) as server, served(server, asked) as answer:
        assert answer.read().decode() == (seen or "http 127.0.0.1")


@pytest.mark.parametrize(("proxy", "is_secure"), [("127.0.0.1", True), (None, False)])
def test_behind_a_proxy_cookies_are_for_https_alone(proxy, is_secure, the_engine, tmp_path):
    server = make_server(the_engine, port=0, threads=2, var=tmp_path, proxy=proxy)

    with running(server), served(server, path="/log-in") as answer:
        assert ("Secure" in answer.headers["Set-Cookie"], "Strict-Transport-Security" in answer.headers) == (
            is_secure,
            is_secure,
        )


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
    assert ready.wait(LONG)
    try:
        with urlopen(f"{addresses[0]}/log-in", timeout=LONG) as answer:
            assert b"<h1>Log in</h1>" in answer.read()
    finally:
        stop.set()
        thread.join(LONG)

    assert not thread.is_alive()
