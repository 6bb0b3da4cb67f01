"""Serves the pages with waitress: threads enough for polling browsers, one process, no debug mode."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from waitress import wasyncore
from waitress.server import create_server

from webapp import live
from webapp.app import create_app
from webapp.areas import api

if TYPE_CHECKING:
    from flask import Flask

    from engine.engine import Engine

HOST, PORT, THREADS = "127.0.0.1", 8000, 16
LARGEST_REQUEST = 17 * 1024 * 1024  # bytes that are read before the application is asked
PROXY_HEADERS = {"x-forwarded-for", "x-forwarded-proto"}  # who asks, by whose address attempts are counted, and how
PATIENCE = 0.5  # seconds until a stop is noticed
SECRET_VARIABLE = "FERMATA_SECRET_KEY"


class Server:
    """A listening server; `run` serves until `close` is called or its *stop* event is set.

    *proxy*: the address from which a proxy asks, "*" for any; what it says of those who ask it is believed.
    Listens at once: a port that is taken raises OSError here and not in `run`.
    """

    def __init__(
        self,
        app: Flask,
        host: str = HOST,
        port: int = PORT,
        threads: int = THREADS,
        stop: threading.Event | None = None,
        proxy: str | None = None,
    ) -> None:
        self._app = app
        self._stop = stop or threading.Event()
        self._sockets: dict[int, Any] = {}
        self._server: Any = create_server(
            app,
            map=self._sockets,
            host=host,
            port=port,
            threads=threads,
            ident=None,
            max_request_body_size=LARGEST_REQUEST,
            trusted_proxy=proxy,
            trusted_proxy_headers=PROXY_HEADERS if proxy else set(),
            clear_untrusted_proxy_headers=True,
        )
        bound = getattr(self._server, "effective_listen", None)
        self.port: int = bound[0][1] if bound else self._server.effective_port
        self.address = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def run(self) -> None:
        """Serves; when it returns, requests under way have been answered."""
        try:
            while not self._stop.is_set():
                wasyncore.loop(timeout=PATIENCE, use_poll=True, map=self._sockets, count=1)
        finally:
            live.release(self._app)
            api.release(self._app)
            self._server.task_dispatcher.shutdown()
            self._server.close()

    def close(self) -> None:
        """Lets `run` return, within half a second; safe in any thread."""
        self._stop.set()


def make_server(
    engine: Engine,
    *,
    host: str = HOST,
    port: int = PORT,
    threads: int = THREADS,
    stop: threading.Event | None = None,
    var: Path = Path("var"),
    proxy: str | None = None,
    name: str = "Fermata",
) -> Server:
    """A server over *engine* that keeps its secret key in the folder *var*. Raises OSError.

    *proxy*: the address of a proxy that encrypts, by which browsers come; "*" for any.
    """
    app = create_app(engine, secret_key=secret_key(var), is_https=proxy is not None, name=name)
    return Server(app, host, port, threads, stop, proxy)


def serve(engine: Engine, *, on_ready: Callable[[str], None] | None = None, **options: Any) -> None:
    """Serves *engine* until the event *stop* is set. *on_ready* is given the address; *options*: of `make_server`."""
    server = make_server(engine, **options)
    if on_ready is not None:
        on_ready(server.address)
    server.run()


def secret_key(var: Path) -> str:
    """The key from FERMATA_SECRET_KEY, else the one kept in *var*, made there at first and readable only by us."""
    if configured := os.environ.get(SECRET_VARIABLE):
        return configured
    path = var / "secret_key"
    var.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = path.read_text().strip()
        if not key:
            raise ValueError(f"{path} is empty. Delete it: a new secret key is made at the next start.") from None
        return key
    key = secrets.token_urlsafe(48)
    with os.fdopen(handle, "w") as file:
        file.write(key)
    return key
