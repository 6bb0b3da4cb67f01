"""What became of an attempt at a job: values, acted on in one place (engine.jobs.settling)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import field, fields, replace
from datetime import timedelta
from typing import Any

from engine import telemetry
from engine.commands import Command
from engine.errors import BpmnError, DatabaseAway, InvalidInput, PermanentFailure, RetryLater
from engine.executors.python import bounded
from engine.executors.registry import Binding, Journal
from engine.executors.secrets import without
from engine.jobs.raised import attribute_of, code_of, ends_program, short, text_of, told, trace_of
from engine.model import Job
from engine.record import record
from engine.store.codec import normalise
from engine.stretch import Stretch

_MOST_SECONDS = timedelta.max.total_seconds()


@record
class Completed:
    """*variables*: the returned dict; *result*: what was returned if it was neither dict nor None;
    *local_variables*: for the activity's own scope."""

    variables: Mapping[str, Any]
    result: Any = None
    has_result: bool = False
    local_variables: Mapping[str, Any] = field(default_factory=dict)


@record
class Retry:
    """*after*: the handler's own wish; None for the usual delay. *left*: attempts left; None for one less than
    before. *code*: of the failure, where it has one (an HTTP status). *counts*: False where it was not the attempt
    that failed: it uses up none of those left."""

    error: str
    detail: str = ""
    after: timedelta | None = None
    left: int | None = None
    code: str = ""
    counts: bool = True


@record
class Failed:
    """No retry can help. *kind* of the incident."""

    error: str
    detail: str = ""
    kind: str = "job"
    code: str = ""


@record
class Thrown:
    """A BPMN error."""

    code: str
    message: str
    variables: Mapping[str, Any]


@record
class Left:
    """Nobody here does it, but workers elsewhere ask for such jobs: it waits for them."""


@record
class Move:
    """A job of the engine's own (a timer, a save point): the instance goes on by *command*."""

    command: Command


@record
class RanOn:
    """The job is done, by *command* with the *outcome* that is said of it, and so are others that came after it."""

    command: Command
    outcome: str
    stretch: Stretch


Outcome = Completed | Retry | Failed | Thrown | Left | Move | RanOn


def attempt(binding: Binding, job: Job, journal: Journal, timeout: timedelta | None = None) -> Outcome:
    """Runs the job's executor, for no longer than *timeout*. Never raises for what the executor does."""
    return telemetry.attempted(job, _attempt, binding, job, journal, timeout)


def _attempt(binding: Binding, job: Job, journal: Journal, timeout: timedelta | None) -> Outcome:
    if timeout is None:
        return became(binding.executor, job, journal)
    return became(bounded, lambda: binding.executor(job, journal), timeout, job)


def became(work: Callable[..., Any], *given: Any) -> Outcome:
    """What an executor returned or raised, as an outcome."""
    try:
        return completed(work(*given))
    except BpmnError as error:
        return _thrown(error)
    except RetryLater as later:
        return _again(short(text_of(later)), later.after)
    except PermanentFailure as failure:
        return Failed(told(failure), trace_of(failure), code=code_of(failure))
    except DatabaseAway as problem:
        return put_off(problem)
    except BaseException as problem:  # the job runner: whatever a handler raises is an outcome
        if ends_program(problem):
            raise
        return _again(told(problem), attribute_of(problem, "retry_after"), trace_of(problem), code_of(problem))


def broken(problem: BaseException) -> Failed:
    """Of a job where the engine's own work around it broke, or what others gave it for that."""
    return Failed(told(problem), trace_of(problem))


def put_off(problem: DatabaseAway) -> Retry:
    """Of a job that met a database that was away: it is done again soon, however often that happens."""
    return Retry(short(str(problem)), after=timedelta(seconds=1), counts=False)


def scrubbed(outcome: Outcome, secrets: Mapping[str, str]) -> Outcome:
    """*outcome* with the names of *secrets* where their values are: they are not kept."""
    said = {field.name: getattr(outcome, field.name) for field in fields(outcome)}
    return replace(outcome, **{name: without(value, secrets) for name, value in said.items()})


def completed(returned: Any) -> Outcome:
    """What a handler returned, as it would be read back; a value that cannot be kept fails the job."""
    try:
        if returned is None:
            return Completed({})
        if isinstance(returned, (dict, Mapping)):  # the most are: asking for the abstract class takes long
            return Completed(normalise(returned))
        return Completed({}, normalise({"result": returned})["result"], has_result=True)
    except InvalidInput as problem:
        return Failed(f"What the handler returned cannot be kept: {problem}")


def _again(error: str, after: object, detail: str = "", code: str = "") -> Outcome:
    """Another attempt; *after*: what the failure itself wishes, a timedelta or a number of seconds, or None."""
    if after is None or isinstance(after, timedelta):
        return Retry(error, detail, after and max(after, timedelta()), code=code)
    if isinstance(after, (int, float)) and math.isfinite(after) and abs(after) < _MOST_SECONDS:
        return Retry(error, detail, timedelta(seconds=max(after, 0)), code=code)
    wish = f"It asks for another attempt after {short(text_of(after), 100)!r}: no timedelta, and no number of seconds."
    return Failed(f"{error} - {wish}", detail, code=code)


def _thrown(error: BpmnError) -> Outcome:
    try:
        return Thrown(error.code, error.message, normalise(error.variables))
    except InvalidInput as problem:
        return Failed(f"The variables of BPMN error '{error.code}' cannot be kept: {problem}")
