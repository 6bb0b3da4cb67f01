"""Jobs that are to be done, and incidents: what stopped and waits for somebody."""

from __future__ import annotations

from engine.model import Incident
from engine.searching import Condition, Located, Operator
from engine.tokens import Scope
from webapp.areas.api.lists import given, page, search
from webapp.areas.api.operation import Call, operation
from webapp.areas.api.records import Listed
from webapp.areas.api.work_records import (
    IncidentFilter,
    IncidentTold,
    JobFilter,
    JobTold,
    RetryIncident,
    SetRetries,
    WorkerTold,
)
from webapp.context import the_engine

_TAG = "Jobs and incidents"


@operation("GET", "/jobs", tag=_TAG, scope=Scope.READ, query=JobFilter, answers={200: Listed[JobTold]})
def list_jobs(call: Call) -> Listed[JobTold]:
    """List jobs and timers that are still to be done."""
    query: JobFilter = call.query
    wanted = search(query, *(given(name, getattr(query, name)) for name in ("instance_id", "state", "type", "kind")))
    found = [each.item for each in the_engine().find.jobs(wanted)]
    return page(found, query, JobTold.model_validate, lambda each: each.id)


@operation("GET", "/workers", tag=_TAG, scope=Scope.READ, answers={200: Listed[WorkerTold]})
def list_workers(call: Call) -> Listed[WorkerTold]:
    """List who runs jobs, on whichever machine, and what each holds; all of them at once."""
    return Listed[WorkerTold](items=[WorkerTold.model_validate(each) for each in the_engine().read.workers()])


@operation("PUT", "/jobs/{id}/retries", tag=_TAG, scope=Scope.OPERATE, body=SetRetries, answers={204: None})
def set_job_retries(call: Call, id: str) -> None:
    """Give a job new attempts; one with an incident becomes available again."""
    call.rights.require(Scope.OPERATE)
    the_engine().set_retries(id, call.body.retries, by=call.by)


@operation("GET", "/incidents", tag=_TAG, scope=Scope.READ, query=IncidentFilter, answers={200: Listed[IncidentTold]})
def list_incidents(call: Call) -> Listed[IncidentTold]:
    """List incidents: open ones, or with `open=false` resolved ones.

    Start timers and deliveries of messages that could not start anything are among the open ones, with an
    `instance_id` of null.
    """
    query: IncidentFilter = call.query
    is_resolved = Condition("resolved_at", not query.open, Operator.EXISTS)
    names = ("instance_id", "process_key", "kind")
    wanted = search(query, *(given(name, getattr(query, name)) for name in names), is_resolved)
    return page(the_engine().find.incidents(wanted), query, _told, lambda each: each.item.id)


@operation("POST", "/incidents/{id}/retry", tag=_TAG, scope=Scope.OPERATE, body=RetryIncident, answers={204: None})
def retry_incident(call: Call, id: str) -> None:
    """Try again what stopped."""
    call.rights.require(Scope.OPERATE)
    the_engine().retry(id, by=call.by, retries=call.body.retries)


def _told(found: Located[Incident]) -> IncidentTold:
    incident = found.item
    return IncidentTold(
        id=incident.id,
        instance_id=found.instance_id,
        activity_id=incident.activity_id if found.instance_id else None,
        process_key=found.process_key,
        definition_id=found.definition_id,
        job_id=incident.job_id,
        element_id=incident.element_id,
        kind=incident.kind,
        message=incident.message,
        detail=incident.detail,
        location=incident.location,
        created_at=incident.created_at,
        resolved_at=incident.resolved_at,
        resolved_by=incident.resolved_by,
    )
