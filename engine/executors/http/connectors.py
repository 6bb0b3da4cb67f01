"""What Camunda's HTTP connectors take and give: the REST connector of 8, the http-connector of 7."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from engine import telemetry
from engine.errors import PermanentFailure
from engine.executors.http.bodies import as_json, from_text
from engine.executors.http.client import LONGEST, HttpClient, HttpFailure, Request, Response
from engine.model import Job

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_LONGEST_ERROR = 500  # characters of an error's body that a message has


def rest(client: HttpClient, job: Job) -> dict[str, Any]:
    """Camunda 8: inputs are variables; gives status, reason, headers and body. Fails from status 400 on."""
    given = job.variables
    if given.get("storeResponse") is True:
        raise PermanentFailure("Responses are not stored as documents here. Take off 'Store response'.")
    headers, query = _texts(given, "headers"), _mapping(given, "queryParameters")
    basic = _authenticate(_mapping(given, "authentication"), headers, query)
    request = Request(
        _method(given),
        _text(given, "url"),
        headers,
        {name: _sent(value) for name, value in query.items() if value is not None},
        _without_nulls(given) if given.get("ignoreNullValues") is True else as_json(given.get("body")),
        basic,
        _seconds(given, "connectionTimeoutInSeconds"),
        _seconds(given, "readTimeoutInSeconds"),
    )
    answer = client.send(_keyed(request, job))
    if answer.status >= 400:
        raise HttpFailure(_complaint(request, answer), str(answer.status), answer.retry_after)
    return {
        "status": answer.status,
        "reason": answer.reason,
        "headers": dict(answer.headers),
        "body": from_text(answer.text),
    }


def plain_http(client: HttpClient, job: Job) -> dict[str, Any]:
    """Camunda 7: inputs are the connector's parameters; gives statusCode, headers and the response as it came."""
    given = job.parameters
    payload = given.get("payload")
    request = Request(
        _method(given),
        _text(given, "url"),
        _texts(given, "headers"),
        body=payload if payload is None or isinstance(payload, str) else as_json(payload),
    )
    answer = client.send(_keyed(request, job))
    return {"statusCode": answer.status, "headers": dict(answer.headers), "response": answer.text}


def _authenticate(wanted: Mapping[str, Any], headers: dict[str, str], query: dict[str, Any]) -> tuple[str, str] | None:
    """Puts what proves who asks into *headers* or *query*, or gives user and password."""
    match wanted.get("type") or "noAuth":
        case "noAuth":
            return None
        case "basic":
            return _text(wanted, "username"), _text(wanted, "password")
        case "bearer":
            headers["Authorization"] = f"Bearer {_text(wanted, 'token')}"
        case "apiKey":
            where: dict[str, Any] = query if wanted.get("apiKeyLocation") == "query" else headers
            where[_text(wanted, "name")] = _text(wanted, "value")
        case other:
            raise PermanentFailure(
                f"Authentication '{other}' is not done here: use noAuth, basic, bearer or apiKey, or a handler."
            )
    return None


def _traced(request: Request) -> Request:
    """What the other side does belongs to the trace that asked for it, unless the diagram names another one."""
    given = {name.lower() for name in request.headers}
    ours = {name: value for name, value in telemetry.outgoing().items() if name.lower() not in given}
    return replace(request, headers={**request.headers, **ours}) if ours else request


def _keyed(request: Request, job: Job) -> Request:
    """A repeated attempt is told apart from a second order where the other side looks at the key."""
    request = _traced(request)
    if request.method not in ("POST", "PATCH") or any(name.lower() == "idempotency-key" for name in request.headers):
        return request
    return replace(request, headers={**request.headers, "Idempotency-Key": job.idempotency_key})


def _complaint(request: Request, answer: Response) -> str:
    said = " ".join(answer.text.split())[:_LONGEST_ERROR]
    return f"{request.method} was answered with {answer.status} {answer.reason}{': ' + said if said else ''}".strip()


def _method(given: Mapping[str, Any]) -> str:
    method = str(given.get("method") or "GET").upper()
    if method not in _METHODS:
        raise PermanentFailure(f"There is no HTTP method '{method}'. Choose one of {', '.join(_METHODS)}.")
    return method


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value.strip():
        raise PermanentFailure(f"The HTTP connector has no '{name}'. Give it one in the diagram.")
    return value.strip()


def _mapping(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = given.get(name)
    if value is None or value == "":
        return {}
    if not isinstance(value, Mapping):
        raise PermanentFailure(f"'{name}' of an HTTP connector is a context, with a value for each name.")
    return dict(cast("Mapping[str, Any]", value))


def _texts(given: Mapping[str, Any], name: str) -> dict[str, str]:
    return {key: str(_sent(value)) for key, value in _mapping(given, name).items() if value is not None}


def _sent(value: Any) -> Any:
    """A value in a header or query: numbers and truth as texts, lists as several values."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return [_sent(each) for each in cast("list[Any]", value)]
    return value if isinstance(value, str) else str(value)


def _seconds(given: Mapping[str, Any], name: str) -> float:
    value = given.get(name)
    if value is None or value == "":
        return 20.0
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if seconds < 0:
        raise PermanentFailure(f"'{name}' of an HTTP connector is a number of seconds.")
    return min(seconds or LONGEST, LONGEST)  # 0: no limit of its own


def _without_nulls(given: Mapping[str, Any]) -> Any:
    body = as_json(given.get("body"))
    if isinstance(body, Mapping):
        return {key: value for key, value in cast("Mapping[str, Any]", body).items() if value is not None}
    return body


BY_NAME: Mapping[str, Callable[[HttpClient, Job], dict[str, Any]]] = {
    "io.camunda:http-json:1": rest,
    "http-connector": plain_http,
}
