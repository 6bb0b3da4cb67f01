"""What the diagram makes of what came of a job: of a handler's response, and of a failure.

Camunda 8's connectors say it in task headers (`bpmn.answer.Answer`), Camunda 7's external tasks in error event
definitions, each a condition that turns the outcome into a BPMN error.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bpmn.answer import Answer
from bpmn.dialects.base import LISTENER_EVENT
from bpmn.expressions import ExpressionError, compile_expression
from bpmn.model import Expression, JobBinding
from engine.clock import Clock
from engine.handlers import MOST_RETRIES
from engine.jobs.held import HeldJob
from engine.jobs.outcome import Completed, Failed, Outcome, Retry, Thrown, completed
from engine.jobs.raised import short, text_of
from engine.model import Job
from engine.programs import Programs
from engine.timing import TimerError, read_duration


class Judge:
    """Finds what the diagram says of a job, and applies it. An expression that fails is a failed job: nothing of its
    result is taken."""

    def __init__(self, programs: Programs, clock: Clock) -> None:
        self._programs = programs
        self._clock = clock

    def said_of(self, held: HeldJob) -> JobBinding | None:
        """What the other two go by. None for the most: nothing is said of them, or the job is a listener's."""
        if not held.definition_id or LISTENER_EVENT in held.row.headers:
            return None
        return self._programs.get(held.definition_id).answers.get(held.row.element_id)

    def timeout(self, binding: JobBinding | None, job: Job) -> timedelta | None:
        """How long one attempt may last. Raises ExpressionError."""
        if binding is None or binding.answer is None or binding.answer.timeout is None:
            return None
        return _duration(binding.answer.timeout, job, self._clock.now())

    def judged_from_outside(self, held: HeldJob, outcome: Outcome) -> Outcome:
        """What a worker elsewhere says, as it is meant: it has been through its connector already."""
        return self.judged(self.said_of(held), held.as_job(None), outcome, by_worker=False)

    def judged(self, binding: JobBinding | None, job: Job, outcome: Outcome, *, by_worker: bool = True) -> Outcome:
        """*outcome* as it is meant."""
        if binding is None:
            return outcome
        now = self._clock.now()
        try:
            if binding.errors:
                outcome = _external(outcome, job, binding, now)
            if binding.answer is not None and by_worker:
                outcome = _connected(outcome, job, binding.answer, now)
        except ExpressionError as problem:
            return Failed(str(problem), kind="expression")
        return outcome


def _duration(source: Expression, job: Job, now: datetime) -> timedelta:
    value = compile_expression(source)(job.variables, now)
    if isinstance(value, timedelta):
        return value
    try:
        return read_duration(str(value)).after(now) - now
    except TimerError as problem:
        raise ExpressionError(f"The time limit of a job: {problem}", source) from None


def _external(outcome: Outcome, job: Job, binding: JobBinding, now: datetime) -> Outcome:
    """The first condition that holds makes the outcome its BPMN error. As in Camunda 7, one that cannot be
    evaluated over a failure does not hold."""
    match outcome:
        case Completed(variables=variables):
            facts, has_failed = _facts(job, "", "", job.retries_left + 1), False
        case Retry(error=error, detail=detail) | Failed(error=error, detail=detail):
            left = outcome.left if isinstance(outcome, Retry) else 0
            left = job.retries_left if left is None else left
            variables, facts, has_failed = {}, _facts(job, error, detail, left), True
        case _:
            return outcome
    scope = {**job.variables, **variables, "externalTask": facts}
    for condition, code in binding.errors:
        try:
            holds = compile_expression(condition)(scope, now)
        except ExpressionError:
            if not has_failed:
                raise
            continue
        if holds is True:
            return Thrown(code, facts["errorMessage"], variables)
    return outcome


def _facts(job: Job, error: str, detail: str, retries: int) -> dict[str, Any]:
    """What Camunda 7's expressions call `externalTask`."""
    return {
        "id": job.id,
        "topicName": job.type,
        "activityId": job.element_id,
        "processInstanceId": job.instance_id,
        "businessKey": job.business_key,
        "errorMessage": error,
        "errorDetails": detail,
        "retries": retries,
    }


def _connected(outcome: Outcome, job: Job, answer: Answer, now: datetime) -> Outcome:
    match outcome:
        case Completed():
            response = outcome.result if outcome.has_result else dict(outcome.variables)
            scope = {**(response if isinstance(response, Mapping) else {}), "response": response}
            verdict = _verdict(answer, scope, job, now)
            return verdict or _kept(outcome, response, scope, answer, now)
        case Retry(error=error) | Failed(error=error):
            scope = {"error": {"message": error, "code": outcome.code}}
            return _verdict(answer, scope, job, now) or outcome
        case _:
            return outcome


def _kept(outcome: Completed, response: Any, scope: Mapping[str, Any], answer: Answer, now: datetime) -> Outcome:
    """The variables that are made of a response."""
    made: dict[str, Any] = {}
    if answer.result is not None:
        value = compile_expression(answer.result)(scope, now)
        if value is not None and not isinstance(value, Mapping):
            raise ExpressionError("A result expression gives a context, whose entries become variables.", answer.result)
        made = dict(value or {})
    elif not answer.is_connector and not answer.result_variable:
        return outcome
    if answer.result_variable:
        made = {answer.result_variable: response, **made}
    return completed(made)


def _verdict(answer: Answer, scope: Mapping[str, Any], job: Job, now: datetime) -> Outcome | None:
    """What the error expression says; None where it says that all is well, or nothing more than went wrong."""
    if answer.error is None:
        return None
    value = compile_expression(answer.error)({**scope, "job": {"retries": job.retries_left}}, now)
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise ExpressionError("An error expression gives null, bpmnError(...) or jobError(...).", answer.error)
    message, variables = str(value.get("message") or ""), value.get("variables") or {}
    match value.get("errorType"):
        case "bpmnError":
            checked = completed(variables)
            if not isinstance(checked, Completed):
                return checked
            return Thrown(str(value.get("code")), message, checked.variables)
        case "jobError":
            return _failed(message, value, answer.error)
        case "ignoreError":
            return completed(variables)
        case _:
            raise ExpressionError("An error expression gives null, bpmnError(...) or jobError(...).", answer.error)


def _failed(message: str, value: Mapping[str, Any], source: Expression) -> Outcome:
    left, backoff = _whole(value.get("retries"), source), value.get("retryBackoff")
    if left is not None and left <= 0:
        return Failed(message)
    return Retry(message, after=backoff if isinstance(backoff, timedelta) else None, left=left)


def _whole(retries: Any, source: Expression) -> int | None:
    if retries is None:
        return None
    try:
        left = int(retries)
    except (TypeError, ValueError, OverflowError):
        left = None
    if left is None or left > MOST_RETRIES:
        said = "The retries of a jobError(...) are a whole number"
        raise ExpressionError(f"{said} of at most {MOST_RETRIES}, and not {short(text_of(retries), 60)!r}.", source)
    return left
