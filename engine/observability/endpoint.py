"""A small HTTP server for processes without a web application: /metrics, /health/live, /health/ready."""

from __future__ import annotations

import hmac
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import orjson

from engine.observability.exposition import Exposition
from engine.observability.health import health_of

if TYPE_CHECKING:
    from engine.engine import Engine

TOKEN_VARIABLE = "FERMATA_METRICS_TOKEN"
JSON = "application/json"
_PATIENCE = 10.0  # seconds for a request to arrive


def has_token(authorization: str) -> bool:
    """Whether a request with this header has the token that is set; False where none is."""
    token = os.environ.get(TOKEN_VARIABLE, "")
    return bool(token) and hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode())


def is_allowed(authorization: str) -> bool:
    """On a port of its own, where no token is set, everybody who reaches it."""
    return not os.environ.get(TOKEN_VARIABLE) or has_token(authorization)


class Endpoint:
    """Listens at once: a port that is taken raises OSError here. *port*: 0 takes any free one."""

    def __init__(self, engine: Engine, host: str, port: int) -> None:
        exposition = Exposition(engine)

        class Handler(BaseHTTPRequestHandler):
            timeout = _PATIENCE
            server_version = "fermata"
            sys_version = ""

            def do_GET(self) -> None:
                self.wfile.write(self._begin())

            def do_HEAD(self) -> None:
                self._begin()

            def _begin(self) -> bytes:
                """Sends the head of an answer; gives its body."""
                status, body, content_type = self._answer(self.path.partition("?")[0])
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                return body

            def _answer(self, path: str) -> tuple[int, bytes, str]:
                match path:
                    case "/health/live":
                        return 200, orjson.dumps({"status": "ok"}), JSON
                    case "/health/ready":
                        health = health_of(engine)
                        return 200 if health.is_ready else 503, orjson.dumps(health.told()), JSON
                    case "/metrics" if is_allowed(self.headers.get("Authorization", "")):
                        return 200, *exposition.render(self.headers.get("Accept", ""))
                    case "/metrics":
                        return 401, b"Send the token: Authorization: Bearer ...\n", "text/plain"
                    case _:
                        return 404, b"There is /metrics, /health/live and /health/ready.\n", "text/plain"

            def log_message(self, format: str, *args: Any) -> None:
                """A scrape every few seconds is nothing for the log."""

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self.address = f"http://{host}:{self.port}"
        self._thread = Thread(target=self._server.serve_forever, name="fermata metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
