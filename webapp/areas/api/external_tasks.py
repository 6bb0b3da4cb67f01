"""External tasks: workers elsewhere fetch them under a lease, and say what became of them."""

from __future__ import annotations

from datetime import timedelta

from engine.external.records import Topic
from engine.tokens import Scope
from webapp.areas.api.lists import page, read_cursor
from webapp.areas.api.operation import Call, operation
from webapp.areas.api.records import Listed
from webapp.areas.api.values import variables_from_json
from webapp.areas.api.work_records import (
    CompleteExternal,
    ErrorExternal,
    ExtendLock,
    External,
    ExternalFilter,
    FailExternal,
    Fetched,
    FetchTasks,
    Locked,
    LockTask,
    SetRetries,
    TopicWanted,
)
from webapp.context import the_engine

_TAG = "External tasks"


@operation("POST", "/external-tasks/fetch", tag=_TAG, scope=Scope.WORKERS, body=FetchTasks, answers={200: Fetched})
def fetch_tasks(call: Call) -> Fetched:
    """Fetch tasks by topic, and lock them for a worker.

    By priority and due time. Where there is none, the answer waits for up to `wait_seconds`; it is empty at once where
    too many wait already. A lock that runs out leaves the task to others, and what its worker says then is refused.
    """
    call.rights.require(Scope.WORKERS)
    body: FetchTasks = call.body
    topics = [_topic(each) for each in body.topics]
    found = the_engine().external.fetch_and_lock(body.worker_id, topics, body.max_tasks, wait=body.wait_seconds)
    return Fetched(tasks=[External.model_validate(each) for each in found])


@operation(
    "GET", "/external-tasks", tag=_TAG, scope=Scope.WORKERS, query=ExternalFilter, answers={200: Listed[External]}
)
def list_external(call: Call) -> Listed[External]:
    """List external tasks, without their variables."""
    call.rights.require(Scope.WORKERS)
    query: ExternalFilter = call.query
    found = the_engine().external.list(
        topic=query.topic,
        worker_id=query.worker_id,
        instance_id=query.instance_id,
        process_key=query.process_key,
        state=query.state,
        after=read_cursor(query.cursor),
        limit=query.limit + 1,
    )
    return page(found, query, External.model_validate, lambda each: each.id)


@operation("GET", "/external-tasks/{id}", tag=_TAG, scope=Scope.WORKERS, answers={200: External})
def get_external(call: Call, id: str) -> External:
    """Show an external task, without its variables."""
    call.rights.require(Scope.WORKERS)
    return External.model_validate(the_engine().external.get(id))


@operation("POST", "/external-tasks/{id}/lock", tag=_TAG, scope=Scope.WORKERS, body=LockTask, answers={200: External})
def lock_external(call: Call, id: str) -> External:
    """Lock one task by its id, due or not."""
    call.rights.require(Scope.WORKERS)
    body: LockTask = call.body
    task = the_engine().external.lock(id, body.worker_id, timedelta(seconds=body.lock_seconds))
    return External.model_validate(task)


@operation(
    "POST", "/external-tasks/{id}/extend-lock", tag=_TAG, scope=Scope.WORKERS, body=ExtendLock, answers={200: Locked}
)
def extend_lock(call: Call, id: str) -> Locked:
    """Hold a lock for longer: from now on for `lock_seconds`."""
    call.rights.require(Scope.WORKERS)
    body: ExtendLock = call.body
    duration = timedelta(seconds=body.lock_seconds)
    until = the_engine().external.extend_lock(id, body.worker_id, duration, token=body.lock_token)
    return Locked(lock_expires_at=until)


@operation(
    "POST",
    "/external-tasks/{id}/complete",
    tag=_TAG,
    scope=Scope.WORKERS,
    body=CompleteExternal,
    answers={204: None},
)
def complete_external(call: Call, id: str) -> None:
    """Say that a task is done."""
    call.rights.require(Scope.WORKERS)
    body: CompleteExternal = call.body
    the_engine().external.complete(
        id,
        body.worker_id,
        variables_from_json(body.variables),
        local_variables=variables_from_json(body.local_variables, "/local_variables"),
        token=body.lock_token,
    )


@operation("POST", "/external-tasks/{id}/fail", tag=_TAG, scope=Scope.WORKERS, body=FailExternal, answers={204: None})
def fail_external(call: Call, id: str) -> None:
    """Say that an attempt has failed: it is tried again later, or becomes an incident."""
    call.rights.require(Scope.WORKERS)
    body: FailExternal = call.body
    the_engine().external.fail(
        id,
        body.worker_id,
        body.error,
        details=body.details,
        retries=body.retries,
        retry_in=timedelta(seconds=body.retry_seconds) if body.retry_seconds is not None else None,
        token=body.lock_token,
    )


@operation(
    "POST", "/external-tasks/{id}/bpmn-error", tag=_TAG, scope=Scope.WORKERS, body=ErrorExternal, answers={204: None}
)
def throw_external_error(call: Call, id: str) -> None:
    """End a task with a BPMN error, which a boundary event or event subprocess catches."""
    call.rights.require(Scope.WORKERS)
    body: ErrorExternal = call.body
    variables = variables_from_json(body.variables)
    the_engine().external.bpmn_error(id, body.worker_id, body.code, body.message, variables, token=body.lock_token)


@operation("POST", "/external-tasks/{id}/unlock", tag=_TAG, scope=Scope.WORKERS, answers={204: None})
def unlock_external(call: Call, id: str) -> None:
    """Give a task back, whoever holds it: the next one may have it, and its worker's result is refused."""
    call.rights.require(Scope.WORKERS)
    the_engine().external.unlock(id, by=call.by)


@operation("PUT", "/external-tasks/{id}/retries", tag=_TAG, scope=Scope.OPERATE, body=SetRetries, answers={204: None})
def set_external_retries(call: Call, id: str) -> None:
    """Give a task new attempts; one with an incident becomes available again."""
    call.rights.require(Scope.OPERATE)
    the_engine().external.set_retries(id, call.body.retries, by=call.by)


def _topic(wanted: TopicWanted) -> Topic:
    return Topic(
        wanted.name,
        timedelta(seconds=wanted.lock_seconds),
        variables=tuple(wanted.variables) if wanted.variables is not None else None,
        business_key=wanted.business_key,
        process_keys=tuple(wanted.process_keys),
        definition_ids=tuple(wanted.definition_ids),
        version_tag=wanted.version_tag,
    )
