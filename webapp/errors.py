"""One place that turns errors into answers: engine errors to a status, every status to a page or JSON."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable

from flask import Flask, g, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from engine.errors import (
    Conflict,
    DatabaseAway,
    DeploymentRefused,
    EngineError,
    InvalidInput,
    NotAllowed,
    NotFound,
    OutcomeUnknown,
)

log = logging.getLogger(__name__)

_SPEAKERS: dict[str, Callable[[Exception], ResponseReturnValue]] = {}

STATUS: dict[type[EngineError], int] = {
    NotFound: 404,
    NotAllowed: 403,
    Conflict: 409,
    InvalidInput: 422,
    DeploymentRefused: 422,
    DatabaseAway: 503,
    OutcomeUnknown: 503,
}
TITLES = {
    400: "This request does not fit",
    403: "You may not do this",
    404: "There is no such page",
    405: "This cannot be done here",
    409: "That is no longer possible",
    413: "That is too much at once",
    422: "The input does not fit",
    429: "Too many attempts",
    500: "Something went wrong here",
    503: "The database cannot be reached",
}
WORDS = {
    403: "Ask an administrator if you think that you should be able to.",
    404: "It may have been moved or removed, or the address has a slip in it.",
    413: "Send less than 2 MB.",
    503: "Nothing has changed. Try again in a moment.",
}


def install(app: Flask) -> None:
    app.register_error_handler(Exception, answer)


def speak(prefix: str, answer: Callable[[Exception], ResponseReturnValue]) -> None:
    """Errors of paths that begin with *prefix*, known ones or not, are told by *answer*."""
    _SPEAKERS[prefix] = answer


def answer(error: Exception) -> ResponseReturnValue:
    """The page (or JSON) for *error*. The details of unexpected ones go to the log, under a reference."""
    for prefix, speak_of in _SPEAKERS.items():
        if request.path.startswith(prefix):
            return speak_of(error)
    match error:
        case CSRFError():
            return _page(400, "The page was open for too long or in another session. Go back, reload it and try again.")
        case HTTPException(code=code) if code is not None and code < 400:
            return error
        case HTTPException(code=code):
            return _page(code or 500, WORDS.get(code or 500, error.description or ""), _headers(error))
        case DatabaseAway():
            g.is_database_away = True
            log.error("the database is away path=%s reason=%s", request.path, error)
            return _page(503, WORDS[503], {"Retry-After": "5"})
        case OutcomeUnknown():
            g.is_database_away = True
            log.error("the outcome of a commit is unknown path=%s", request.path)
            return _page(503, "Whether this has happened is not known. Look before you do it again.")
        case EngineError():
            return _page(status_of(error), str(error))
        case _:
            reference = secrets.token_hex(4)
            log.error("unexpected error reference=%s path=%s", reference, request.path, exc_info=error)
            return _page(500, f"It has been logged under the reference {reference}.")


def status_of(error: EngineError) -> int:
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)


def _headers(error: HTTPException) -> dict[str, str]:
    return {name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After"}}


def _page(status: int, words: str, headers: dict[str, str] | None = None) -> ResponseReturnValue:
    title = TITLES.get(status, "This did not work")
    if request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json":
        return jsonify(status=status, title=title, detail=words), status, headers or {}
    template = "errors/show.html" if current_user.is_authenticated else "errors/outside.html"
    return render_template(template, status=status, title=title, words=words), status, headers or {}
