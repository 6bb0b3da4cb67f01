"""What every answer carries and every form must bring: security headers, CSRF tokens, a login brake."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from flask import Flask, Response, request
from flask_wtf import CSRFProtect

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def install(app: Flask) -> None:
    CSRFProtect(app)
    app.extensions["login_brake"] = LoginBrake()

    @app.after_request
    def protect(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if app.config["SESSION_COOKIE_SECURE"]:
            response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        if request.endpoint != "static":
            # Pages show personal data: no shared cache and no back button after logging out.
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class LoginBrake:
    """Slows down guessing: after *limit* failures within *window* seconds the same key must wait.

    In memory and per process. Holds at most *capacity* keys, the oldest give way.
    """

    def __init__(
        self,
        limit: int = 8,
        window: float = 300,
        capacity: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._window = window
        self._capacity = capacity
        self._clock = clock
        self._failures: OrderedDict[str, list[float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, *keys: str) -> int:
        """Seconds until the next attempt is allowed, 0 when it is now."""
        with self._lock:
            return max((self._wait(key) for key in keys), default=0)

    def _wait(self, key: str) -> int:
        recent = self._recent(key)
        if len(recent) < self._limit:
            return 0
        return max(1, round(recent[-self._limit] + self._window - self._clock()))

    def failed(self, *keys: str) -> None:
        with self._lock:
            for key in keys:
                self._failures[key] = [*self._recent(key), self._clock()]
                self._failures.move_to_end(key)
            while len(self._failures) > self._capacity:
                self._failures.popitem(last=False)

    def succeeded(self, *keys: str) -> None:
        with self._lock:
            for key in keys:
                self._failures.pop(key, None)

    def _recent(self, key: str) -> list[float]:
        since = self._clock() - self._window
        return [at for at in self._failures.get(key, ()) if at > since]
