"""What becomes of the answer that a job's handler gives, before the process gets it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bpmn.model import Expression


@dataclass(frozen=True, slots=True)
class Answer:
    """How a task reads what its handler returns, or says as it fails (Camunda 8's connectors).

    *result*: over `response`, a context whose entries become variables. *error*: over `response` or `error`, null or
    a BPMN error or a failed job. *backoff*: ISO 8601 duration between two attempts. *timeout*: of one attempt.
    *result_variable*: takes all of the response. *is_connector*: what neither this nor *result* takes is dropped.
    """

    result: Expression | None = None
    error: Expression | None = None
    backoff: Expression | None = None
    timeout: Expression | None = None
    result_variable: str | None = None
    is_connector: bool = False
