"""Errors as Camunda tells them: {"type", "message", "code"}, with the findings of a refused deployment."""

from __future__ import annotations

import logging
import secrets
from typing import Any

from flask import jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from bpmn.model import Finding, Severity
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

REALM = 'Bearer realm="Fermata"'
"""Basic is taken too, but not asked for: a browser would ask its user, and from then on send the password along with
whatever any page asks for here."""
_HEADERS = {401: {"WWW-Authenticate": REALM}, 503: {"Retry-After": "5"}}
_PARSE_ERROR = "ENGINE-09005 Could not parse BPMN process. Errors:"
"""Camunda Modeler looks for this beginning to say that the diagram is at fault."""


class RestError(Exception):
    """An answer that Camunda gives for this case with this status and type of exception."""

    def __init__(self, status: int, message: str, type: str = "RestException") -> None:
        super().__init__(message)
        self.status = status
        self.type = type


def answer_error(error: Exception) -> ResponseReturnValue:
    match error:
        case RestError(status=status, type=kind):
            return told(status, kind, str(error))
        case DeploymentRefused():
            return _refused(error)
        case NotFound():
            return told(404, "InvalidRequestException", str(error))
        case InvalidInput():
            return told(400, "InvalidRequestException", str(error))
        case NotAllowed():
            return told(403, "AuthorizationException", str(error))
        case DatabaseAway():
            return told(503, "ProcessEngineException", str(error))
        case OutcomeUnknown():
            log.error("the outcome of a commit is unknown path=%s", request.path)
            is_safe = request.method in ("PUT", "DELETE")  # done twice, it is refused or changes nothing more
            return told(503, "ProcessEngineException", str(error), None if is_safe else {})
        case Conflict() | EngineError():
            return told(500, "ProcessEngineException", str(error))
        case HTTPException(code=code):
            return told(code or 500, "RestException", error.description or error.name)
        case _:
            reference = secrets.token_hex(4)
            log.error("unexpected error reference=%s path=%s", reference, request.path, exc_info=error)
            message = f"Something went wrong here. It has been logged under the reference {reference}."
            return told(500, "RestException", message)


def told(
    status: int, kind: str, message: str, headers: dict[str, str] | None = None, **more: Any
) -> ResponseReturnValue:
    """*headers*: in place of those that the status has."""
    said = _HEADERS.get(status, {}) if headers is None else headers
    return jsonify({"type": kind, "message": message, "code": 0, **more}), status, said


def _refused(refusal: DeploymentRefused) -> ResponseReturnValue:
    """As Camunda tells that a diagram cannot be parsed: all in the message, and by file in the details."""
    details: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for finding in refusal.findings:
        of_file = details.setdefault(finding.file, {"errors": [], "warnings": []})
        of_file["errors" if finding.severity is Severity.ERROR else "warnings"].append(_problem(finding))
    errors = [finding for finding in refusal.findings if finding.severity is Severity.ERROR]
    lines = [f"* {finding.message} | resource {finding.file} | line {finding.line}" for finding in errors]
    message = "\n".join([_PARSE_ERROR, *lines]) if lines else str(refusal)
    return told(400, "ParseException", message, details=details)


def _problem(finding: Finding) -> dict[str, Any]:
    elements = [finding.element_id] if finding.element_id else []
    return {
        "message": finding.message,
        "line": finding.line,
        "column": 0,
        "mainElementId": finding.element_id,
        "elementIds": elements,
    }
