"""A request belongs to the trace that its sender says, and what it begins goes on in it."""

from __future__ import annotations

from flask import Flask, g, request

from engine import telemetry

_UNTOLD = ("health.live", "health.ready", "health.metrics", "static")


def install(app: Flask) -> None:
    app.before_request(_enter)
    app.teardown_request(_leave)


def _enter() -> None:
    if telemetry.is_watched() and request.endpoint not in _UNTOLD:
        name = f"{request.method} {request.url_rule or 'unknown'}"  # the rule, not the path: few names, no ids
        g.incoming_trace = telemetry.incoming(dict(request.headers), name)
        g.incoming_trace.__enter__()


def _leave(problem: BaseException | None) -> None:
    entered = g.pop("incoming_trace", None)
    if entered is not None:
        entered.__exit__(None, None, None)
