"""A request belongs to the trace that its sender says, and what it begins goes on in it.

Its span is called and described as the semantic conventions of OpenTelemetry for HTTP servers say (1.23 on, stable),
without the query, which may hold values of variables.
"""

from __future__ import annotations

from flask import Flask, Response, g, request

from engine import telemetry

_UNTOLD = ("health.live", "health.ready", "health.metrics", "static")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})
_OTHER = "_OTHER"


def install(app: Flask) -> None:
    app.before_request(_enter)
    app.after_request(_answer)
    app.teardown_request(_leave)


def _enter() -> None:
    if telemetry.is_watched() and request.endpoint not in _UNTOLD:
        attributes = _attributes()
        method = attributes["http.request.method"]
        name = "HTTP" if method == _OTHER else method
        if (rule := request.url_rule) is not None:  # not the path: few names, no ids
            name = f"{name} {rule}"
        g.incoming_trace = telemetry.incoming(dict(request.headers), str(name), attributes)
        g.incoming_answered = g.incoming_trace.__enter__()


def _attributes() -> telemetry.Attributes:
    is_known = request.method in _METHODS
    told: dict[str, str | int] = {
        "http.request.method": request.method if is_known else _OTHER,
        "url.path": request.path,
        "url.scheme": request.scheme,
    }
    if not is_known:
        told["http.request.method_original"] = request.method
    if request.url_rule is not None:
        told["http.route"] = request.url_rule.rule
    if request.user_agent.string:
        told["user_agent.original"] = request.user_agent.string
    host, _, port = request.host.rpartition(":")
    if port.isascii() and port.isdigit():
        return told | {"server.address": host, "server.port": int(port)}
    return told | {"server.address": request.host}


def _answer(response: Response) -> Response:
    if (answered := g.get("incoming_answered")) is not None:
        status = response.status_code
        is_error = status >= 500
        answered({"http.response.status_code": status} | ({"error.type": str(status)} if is_error else {}), is_error)
    return response


def _leave(problem: BaseException | None) -> None:
    entered, answered = g.pop("incoming_trace", None), g.pop("incoming_answered", None)
    if entered is not None and answered is not None:
        if problem is not None:
            answered({"error.type": type(problem).__name__}, True)
        entered.__exit__(None, None, None)
