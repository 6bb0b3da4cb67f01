"""What the verbs of a scenario do. Each takes the stage and the step; a refusal is an EngineError."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from engine.errors import Conflict, NotFound
from engine.forms import FormDescription
from engine.forms.shown import left_as_shown
from engine.store.subscriptions import find_waiting
from engine.testing import looking
from engine.testing.compare import same, show
from engine.testing.format import StartPlan, Step
from engine.testing.stage import Stage

if TYPE_CHECKING:
    from engine.model import JobRecord

BY = "system"  # nobody in particular: a start by it has no initiator


def begin(stage: Stage, plan: StartPlan) -> None:
    """Does what the scenario's `start` says."""
    if plan.kind == "message":
        options = {"variables": plan.variables, "business_key": plan.business_key, "correlate": plan.correlate}
        _message(stage, Step(0, 0, "message", plan.name, options))
    elif plan.kind == "signal":
        _signal(stage, Step(0, 0, "signal", plan.name, {"variables": plan.variables}))
    elif plan.kind != "none":
        key = "form" if plan.kind == "form" else "variables"
        options = {key: plan.variables, "business_key": plan.business_key}
        _start(stage, Step(0, 0, "start", stage.process_key, options))


def perform(stage: Stage, step: Step) -> None:
    """Does the step; nothing of what follows from it by jobs."""
    if step.verb != "expect":
        _VERBS[step.verb](stage, step)


def _start(stage: Stage, step: Step) -> None:
    form = step.options.get("form")
    instance = stage.engine.start(
        step.value,
        variables=step.options.get("variables"),
        business_key=step.options.get("business_key"),
        by=BY,
        form=None if form is None else left_as_shown(_start_form(stage, step.value), _as_typed(form)),
    )
    stage.notice_new_instances(step.options.get("as"), instance.id)


def _start_form(stage: Stage, key: str) -> FormDescription | None:
    definition = next((each for each in stage.definitions if each.key == key), None)
    return stage.engine.read.start_form(definition.id) if definition else None


def _complete(stage: Stage, step: Step) -> None:
    task = looking.task(stage, step.value, step.options, step.instance)
    stage.engine.complete(task.id, step.options.get("variables"), by=BY)


def _claim(stage: Stage, step: Step) -> None:
    task = looking.task(stage, step.value, step.options, step.instance)
    stage.engine.claim(task.id, step.options["user"])


def _submit_form(stage: Stage, step: Step) -> None:
    task = looking.task(stage, step.value, step.options, step.instance)
    typed = _as_typed(step.options.get("variables", {}))
    stage.engine.complete(task.id, by=BY, form=left_as_shown(stage.engine.read.task_form(task.id), typed))


def _task_error(stage: Stage, step: Step) -> None:
    task = looking.task(stage, step.value, step.options, step.instance)
    options = step.options
    stage.engine.task_error(task.id, options["code"], options.get("message", ""), options.get("variables"), by=BY)


def _task_escalation(stage: Stage, step: Step) -> None:
    task = looking.task(stage, step.value, step.options, step.instance)
    stage.engine.task_escalation(task.id, step.options["code"], step.options.get("variables"), by=BY)


def _message(stage: Stage, step: Step) -> None:
    options = step.options
    correlate = options.get("correlate")
    by_variables = isinstance(correlate, Mapping)
    instances = _waiting_with(stage, step, correlate) if by_variables else [_instance_of(stage, step)]
    for instance_id in instances:
        correlation = stage.engine.correlate(
            step.value,
            correlation_key=_key(correlate),
            business_key=options.get("business_key"),
            variables=options.get("variables"),
            by=BY,
            instance_id=instance_id,
            all=options.get("all", False),
        )
        stage.notice_new_instances(options.get("as"), next(iter(correlation.started), None))


def _instance_of(stage: Stage, step: Step) -> str | None:
    return None if step.instance is None else stage.instance_id(step.instance)


def _key(correlate: Any) -> str | None:
    """The correlation key that is meant; of variables, the only one's value."""
    if isinstance(correlate, Mapping):
        values = list(cast("Mapping[str, Any]", correlate).values())
        return _key(values[0]) if len(values) == 1 else None
    return correlate if correlate is None or isinstance(correlate, str) else show(correlate)


def _waiting_with(stage: Stage, step: Step, wanted: Mapping[str, Any]) -> Sequence[str | None]:
    """The instances that wait for the message and whose variables are as *wanted*; None where only start events wait.

    Raises NotFound, and Conflict when several are meant and `all` is not set.
    """
    with stage.engine.store.reading() as connection:
        waiting = {each.instance_id for each in find_waiting(connection, "message", step.value, any_key=True)}
    if not waiting:
        return [None]
    found = [each for each in waiting if _has_variables(stage, each, wanted)]
    if not found:
        raise NotFound(f"No instance with {show(wanted)} waits for the message '{step.value}'.")
    if len(found) > 1 and not step.options.get("all", False):
        raise Conflict(
            f"{len(found)} instances with {show(wanted)} wait for the message '{step.value}'. Add all: true."
        )
    return sorted(found, key=stage.rank)


def _has_variables(stage: Stage, instance_id: str, wanted: Mapping[str, Any]) -> bool:
    actual = stage.engine.read.variables(instance_id)
    return all(name in actual and same(value, actual[name]) for name, value in wanted.items())


def _signal(stage: Stage, step: Step) -> None:
    stage.engine.signal(step.value, variables=step.options.get("variables"), by=BY)
    stage.notice_new_instances(step.options.get("as"))


def _trigger(stage: Stage, step: Step) -> None:
    variables = step.options.get("variables")
    stage.engine.trigger(_place_of(stage, step.value, step.instance), step.value, variables, by=BY)


def _place_of(stage: Stage, element_id: str, name: str | None) -> str:
    """The instance in which a token waits at the element; else the one to complain about."""
    for instance_id in stage.places(name):
        if any(activity.element_id == element_id for activity in stage.engine.read.active(instance_id)):
            return instance_id
    return stage.instance_id(name)


def _evaluate_conditions(stage: Stage, step: Step) -> None:
    started = stage.engine.evaluate_conditions(step.options.get("variables"), by=BY)
    stage.notice_new_instances(step.options.get("as"), next(iter(started), None))


def _set_variables(stage: Stage, step: Step) -> None:
    element_id = step.options.get("element")
    instance_id = (
        stage.instance_id(step.instance) if element_id is None else _place_of(stage, element_id, step.instance)
    )
    stage.engine.set_variables(instance_id, step.value, element_id, by=BY)


def _advance(stage: Stage, step: Step) -> None:
    stage.advance_to(step.value.after(stage.clock.now()))


def _advance_to(stage: Stage, step: Step) -> None:
    try:
        stage.advance_to(step.value)
    except ValueError as problem:
        raise Conflict(str(problem)) from problem


def _run_jobs(stage: Stage, step: Step) -> None:
    stage.run_jobs()


def _job(stage: Stage, step: Step) -> None:
    _settle(stage, looking.open_job(stage, step.value, step.instance), step, "run")


def _external(stage: Stage, step: Step) -> None:
    _settle(stage, looking.open_external(stage, step.value, step.instance), step, "complete")


def _settle(stage: Stage, job: JobRecord, step: Step, default: str) -> None:
    options = step.options
    variables = options.get("variables")
    match options.get("do", default):
        case "complete":
            stage.engine.complete_job(job.id, variables, by=BY)
        case "fail":
            error = options.get("error") or options.get("message") or "failed by the scenario"
            delay = options.get("retry_in")
            now = stage.clock.now()
            retry_in = None if delay is None else delay.after(now) - now
            stage.engine.fail_job(job.id, error, retries=options.get("retries"), retry_in=retry_in, by=BY)
        case "bpmn_error":
            message = options.get("message") or options.get("error") or ""
            stage.engine.job_error(job.id, options["code"], message, variables, by=BY)
        case _:
            stage.engine.run_job(job.id)


def _stub(stage: Stage, step: Step) -> None:
    stage.put_stub(step.value, step.options["with"])


def _set_retries(stage: Stage, step: Step) -> None:
    stage.engine.set_retries(looking.open_job(stage, step.value, step.instance).id, step.options["retries"], by=BY)


def _retry(stage: Stage, step: Step) -> None:
    for instance_id in stage.places(step.instance):
        for incident in stage.engine.read.incidents(instance_id=instance_id, open_only=True):
            if incident.element_id == step.value:
                stage.engine.retry(incident.id, by=BY)
                return
    raise NotFound(f"No incident is open at '{step.value}'.")


def _suspend(stage: Stage, step: Step) -> None:
    stage.engine.suspend(stage.instance_id(step.instance), by=BY)


def _activate(stage: Stage, step: Step) -> None:
    stage.engine.activate(stage.instance_id(step.instance), by=BY)


def _cancel(stage: Stage, step: Step) -> None:
    stage.engine.cancel(stage.instance_id(step.instance), by=BY)


def _as_typed(values: Mapping[str, Any]) -> dict[str, str]:
    """Form values as a browser sends them."""
    return {
        name: value if isinstance(value, str) else show(value) for name, value in values.items() if value is not None
    }


_VERBS: Mapping[str, Callable[[Stage, Step], None]] = {
    "start": _start,
    "complete": _complete,
    "claim": _claim,
    "submit_form": _submit_form,
    "task_error": _task_error,
    "task_escalation": _task_escalation,
    "message": _message,
    "signal": _signal,
    "trigger": _trigger,
    "evaluate_conditions": _evaluate_conditions,
    "set_variables": _set_variables,
    "advance": _advance,
    "advance_to": _advance_to,
    "run_jobs": _run_jobs,
    "job": _job,
    "external": _external,
    "stub": _stub,
    "set_retries": _set_retries,
    "retry": _retry,
    "suspend": _suspend,
    "activate": _activate,
    "cancel": _cancel,
}
