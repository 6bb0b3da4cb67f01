"""What a failed call of a model means for the job: try again, try again later, or stop for an operator.

Messages carry status and error codes, never the provider's text: it may quote the prompt or part of a key.
"""

from __future__ import annotations

import re
from datetime import timedelta

from pydantic_ai import exceptions

from engine.errors import PermanentFailure, RetryLater
from engine.executors.agent.settings import OFFLINE_SWITCH, AgentSettings

LONGEST_WAIT = timedelta(days=1)
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_TRANSIENT_STATUS = (408, 409, 425, 429)


class ModelCallFailed(Exception):
    """The model could not be asked this time; an ordinary retry may help."""


class Refused(Exception):
    """The provider withheld the model's answer (a content filter)."""


def failure_of(error: Exception, settings: AgentSettings) -> Exception:
    """The exception that tells the job what to do about *error*, raised by a call of the model."""
    what = f"Model '{settings.model}' of agent '{settings.job_type}'"
    detail = _detail(error)
    match error:
        case exceptions.ContentFilterError():
            return Refused(f"{what}: the provider's content filter withheld the answer.")
        case exceptions.ModelAuthenticationError():
            where = f"environment variable {settings.key_variable}" if settings.key_variable else "model's server"
            return PermanentFailure(f"{what} refused the key{detail}. Check the {where}, then retry the incident.")
        case exceptions.ModelQuotaExceededError():
            return PermanentFailure(
                f"{what} has no credit left{detail}. Top up the account, then retry the incident: saved steps are kept."
            )
        case exceptions.ModelNotFoundError():
            return PermanentFailure(f"{what} does not exist at its provider{detail}. Correct model, then retry.")
        case exceptions.ModelContextWindowExceededError():
            return PermanentFailure(
                f"{what} cannot take that much text{detail}. Give it less input, or take a model with a larger context."
            )
        case exceptions.ModelAPIError() if _is_transient(error):
            return _later(error, f"{what} gave no answer{detail}.")
        case exceptions.ModelAPIError():
            return PermanentFailure(f"{what} rejected the request{detail}. Check the agent's settings, then retry.")
        case exceptions.UserError():
            return PermanentFailure(f"{what} cannot be used as configured: {error}")
        case exceptions.UnexpectedModelBehavior():
            return ModelCallFailed(f"{what}: the server's answer could not be read as a model's answer.")
        case _:
            return error


def _later(error: exceptions.ModelAPIError, message: str) -> Exception:
    if error.retry_after is not None:
        return RetryLater(min(timedelta(seconds=max(error.retry_after, 0)), LONGEST_WAIT), message)
    if isinstance(error, exceptions.ModelConnectionError):
        message += f" Without a network, set {OFFLINE_SWITCH}=1 to run the scripted model."
    return ModelCallFailed(message)


def _is_transient(error: exceptions.ModelAPIError) -> bool:
    if isinstance(error, exceptions.ModelHTTPError):
        return error.status_code >= 500 or error.status_code in _TRANSIENT_STATUS
    return not isinstance(error, exceptions.ModelRequestRejectedError)


def _detail(error: Exception) -> str:
    """' (status 429, rate_limit_exceeded)', as far as known."""
    found: list[str] = []
    if isinstance(error, exceptions.ModelHTTPError):
        found.append(f"status {error.status_code}")
    for code in (getattr(error, "provider_error_code", None), getattr(error, "provider_error_type", None)):
        if isinstance(code, str) and _CODE.fullmatch(code) and code not in found:
            found.append(code)
    if isinstance(error, exceptions.ModelTimeoutError | exceptions.ModelRequestTimeout):
        found.append("timed out")
    elif isinstance(error, exceptions.ModelConnectionError):
        found.append("no connection")
    return f" ({', '.join(found)})" if found else ""
