"""What can go wrong, as few types as callers need to tell apart. Messages say what, which, remedy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bpmn.model import Finding


class EngineError(Exception):
    """Base of all errors that a caller of the engine may want to catch."""


class NotFound(EngineError):
    """What was named does not exist (any more)."""


class NotAllowed(EngineError):
    """This person may not do this."""


class Conflict(EngineError):
    """The thing is not in a state in which this can be done: already completed, claimed by another, ended."""


class InvalidInput(EngineError):
    """The caller's data do not fit. *fields* maps a form field to what is wrong with it."""

    def __init__(self, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = dict(fields or {})


class DatabaseAway(EngineError):
    """The database cannot be reached. What was asked for has not happened, and may be asked for again."""


class OutcomeUnknown(EngineError):
    """The connection broke in the middle of a commit, and the database did not come back to say whether it happened."""

    def __init__(self) -> None:
        super().__init__(
            "The connection to the database broke in the middle of a commit, and whether it happened could not be "
            "found out. Look whether the change is there before you repeat it."
        )


class DeploymentRefused(EngineError):
    """The files cannot be run as they are. *findings* say where and why."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        errors = [f for f in self.findings if f.severity == "error"]
        super().__init__("\n".join(str(f) for f in errors) or "Nothing to deploy.")


class BpmnError(Exception):
    """Raised by a handler: a modelled error that a boundary event or event subprocess catches by *code*."""

    def __init__(self, code: str, message: str = "", variables: Mapping[str, Any] | None = None) -> None:
        super().__init__(message or code)
        self.code = code
        self.message = message
        self.variables = dict(variables or {})


class RetryLater(Exception):
    """Raised by a handler that knows when to try again. Uses up one attempt."""

    def __init__(self, after: timedelta, reason: str = "") -> None:
        super().__init__(reason or f"retry in {after}")
        self.after = after
        self.reason = reason


class PermanentFailure(Exception):
    """Raised by a handler when no retry can help: an incident at once."""
