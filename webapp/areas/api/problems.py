"""Every error as problem details (RFC 9457): what kind, what exactly, and where in the request."""

from __future__ import annotations

import logging
import secrets
from typing import Any

import orjson
from flask import Response, g, request
from werkzeug.exceptions import HTTPException

from engine.errors import DatabaseAway, DeploymentRefused, EngineError, InvalidInput, OutcomeUnknown
from webapp.areas.api.reading import pointer
from webapp.errors import status_of

MEDIA_TYPE = "application/problem+json"
PREFIX = "/api/v1/problems/"
KINDS = {
    400: ("malformed", "The request cannot be read"),
    401: ("unauthenticated", "A valid token is needed"),
    403: ("not-allowed", "The token or its person may not do this"),
    404: ("not-found", "There is no such thing"),
    405: ("no-such-method", "This path does not know this method"),
    409: ("conflict", "The thing is not in a state in which this can be done"),
    413: ("too-large", "The request is too large"),
    415: ("wrong-media-type", "The request is not written in a way that is read here"),
    422: ("invalid", "The request does not fit"),
    429: ("too-many-requests", "Too many requests"),
    500: ("internal", "Something went wrong here"),
    503: ("unavailable", "The database cannot be reached; nothing has changed"),
}
IN_DOUBT = ("outcome-unknown", "Whether it has happened is not known")
_UNSEEN = "The connection to the database broke in the middle of the commit, and it did not come back in time to tell."
REFUSED = ("deployment-refused", "The files cannot be run as they are")

log = logging.getLogger(__name__)


class Refusal(Exception):
    """A request that does not get as far as the engine. *errors*: JSON pointers, and what is wrong there."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: list[dict[str, str]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors or []
        self.headers = headers or {}


def answer(error: Exception) -> Response:
    """The details of an unexpected error go to the log, under a reference; never what was in the request."""
    match error:
        case Refusal():
            return problem(error.status, error.detail, error.headers, errors=error.errors)
        case DatabaseAway():
            return problem(503, "Try again in a moment.", {"Retry-After": "5"})
        case OutcomeUnknown():
            return _in_doubt()
        case DeploymentRefused():
            return problem(422, str(error)[:4000], kind=REFUSED, findings=[_finding(each) for each in error.findings])
        case InvalidInput():
            errors = [{"location": _located(place), "message": what} for place, what in error.fields.items()]
            return problem(422, str(error), errors=errors)
        case EngineError():
            return problem(status_of(error), str(error))
        case HTTPException():
            headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
            return problem(error.code or 500, error.description or "", headers)
        case _:
            reference = secrets.token_hex(4)
            log.error("unexpected error reference=%s path=%s", reference, request.path, exc_info=error)
            return problem(500, f"It has been logged under the reference {reference}.", reference=reference)


def problem(
    status: int, detail: str, headers: dict[str, str] | None = None, *, kind: tuple[str, str] | None = None, **more: Any
) -> Response:
    name, title = kind or KINDS.get(status, ("other", "This did not work"))
    said = {"type": PREFIX + name, "title": title, "status": status, "detail": detail, "instance": request.path}
    body = said | {key: value for key, value in more.items() if value}
    return Response(orjson.dumps(body), status, headers, mimetype=MEDIA_TYPE)


def _in_doubt() -> Response:
    """Who may repeat it is told when; nobody is invited to do what would then be done twice."""
    log.error("the outcome of a commit is unknown path=%s", request.path)
    if g.get("repeat_key") is not None:
        advice = "Repeat it with the same Idempotency-Key: it is done once, whether it has happened or not."
    elif g.get("needs_repeat_key"):
        advice = (
            "Look whether it has happened before you repeat it. With an Idempotency-Key it could be repeated as it is."
        )
        return problem(503, f"{_UNSEEN} {advice}", kind=IN_DOUBT)
    else:
        advice = "Repeat it: if it has happened, that is refused or changes nothing more."
    return problem(503, f"{_UNSEEN} {advice}", {"Retry-After": "5"}, kind=IN_DOUBT)


def _located(place: str) -> str:
    """The engine names the fields of forms by their keys alone."""
    return place if place.startswith("/") else pointer("/form", place)


def _finding(finding: Any) -> dict[str, Any]:
    return {
        "file": finding.file,
        "line": finding.line,
        "severity": str(finding.severity),
        "rule": finding.rule,
        "message": finding.message,
        "element_id": finding.element_id,
    }
