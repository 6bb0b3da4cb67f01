"""What Camunda 8's connectors add to FEEL: the results that an error expression may have."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from bpmn.expressions.feel.builtins.registry import builtin

BPMN_ERROR, JOB_ERROR, IGNORE_ERROR = "bpmnError", "jobError", "ignoreError"


@builtin("bpmnError", "code: string, message: any, variables: context?")
def bpmn_error(code: str, message: Any, variables: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"errorType": BPMN_ERROR, "code": code, "message": message, "variables": variables}


@builtin("jobError", "message: any, variables: context?, retries: number?, backoff: duration?")
def job_error(
    message: Any,
    variables: dict[str, Any] | None = None,
    retries: Decimal | None = None,
    backoff: timedelta | None = None,
) -> dict[str, Any]:
    return {
        "errorType": JOB_ERROR,
        "message": message,
        "variables": variables,
        "retries": retries,
        "retryBackoff": backoff,
    }


@builtin("ignoreError", "variables: context?")
def ignore_error(variables: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"errorType": IGNORE_ERROR, "variables": variables}
