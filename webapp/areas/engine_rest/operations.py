"""/incident and /job: what stopped and what waits, and trying again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue

from engine.errors import InvalidInput, NotFound
from engine.model import Incident, InstanceState, JobRecord, JobState
from engine.searching import Condition, Located, Operator, Search
from engine.tokens import Scope
from webapp.areas.engine_rest import conditions as c
from webapp.areas.engine_rest.access import the_name, the_rights
from webapp.areas.engine_rest.asking import Asked, asked, the_body, the_query
from webapp.areas.engine_rest.variables import written
from webapp.context import the_engine

area = Blueprint("operations", __name__)

_FAILED_JOB = "failedJob"
_FAILED_EXTERNAL_TASK = "failedExternalTask"
_OPEN = Condition("resolved_at", False, Operator.EXISTS)
_OWN = Condition("for_workers_elsewhere", False)
_ELSEWHERE = Condition("for_workers_elsewhere", True)
_FAILED = Condition("state", JobState.FAILED)
_NOT_FAILED = Condition("state", JobState.FAILED, Operator.UNEQUAL)


def _of_type(asked: Asked, name: str) -> Sequence[Condition]:
    wanted = asked.text(name)
    of_job = {_FAILED_JOB: _OWN, _FAILED_EXTERNAL_TASK: _ELSEWHERE}.get(wanted or "")
    is_of_job = Condition("job_id", of_job is not None, Operator.EXISTS)
    return (is_of_job, of_job or Condition("kind", wanted))


_INCIDENTS = c.Listing(
    filters={
        "incidentId": c.text("id"),
        "incidentType": _of_type,
        "incidentMessage": c.text("message"),
        "incidentMessageLike": c.like("message"),
        "incidentTimestampBefore": c.moment("created_at", Operator.LESS),
        "incidentTimestampAfter": c.moment("created_at", Operator.GREATER),
        "activityId": c.text("element_id"),
        "failedActivityId": c.text("element_id"),
        "processInstanceId": c.text("instance_id"),
        "processDefinitionId": c.text("definition_id"),
        "processDefinitionKeyIn": c.texts("process_key"),
        "configuration": c.text("job_id"),
        "tenantIdIn": c.no_tenants,
    },
    orders={
        "incidentId": "id",
        "incidentMessage": "message",
        "incidentTimestamp": "created_at",
        "activityId": "element_id",
        "processInstanceId": "instance_id",
        "processDefinitionId": "definition_id",
        "configuration": "job_id",
    },
)
_JOBS = c.Listing(
    filters={
        "jobId": c.text("id"),
        "jobIds": c.texts("id"),
        "processInstanceId": c.text("instance_id"),
        "processInstanceIds": c.texts("instance_id"),
        "processDefinitionId": c.text("definition_id"),
        "processDefinitionKey": c.text("process_key"),
        "activityId": c.text("element_id"),
        "failedActivityId": c.text("element_id"),
        "withRetriesLeft": c.when(_NOT_FAILED),
        "noRetriesLeft": c.when(_FAILED),
        "withException": c.exists("error"),
        "exceptionMessage": c.text("error"),
        "timers": c.when(Condition("kind", ["timer", "start_timer"], Operator.ONE_OF)),
        "messages": c.when(Condition("kind", ["timer", "start_timer"], Operator.NONE_OF)),
        "active": c.when(Condition("is_suspended", False)),
        "suspended": c.when(Condition("is_suspended", True)),
        "tenantIdIn": c.no_tenants,
    },
    orders={
        "jobId": "id",
        "processInstanceId": "instance_id",
        "processDefinitionId": "definition_id",
        "processDefinitionKey": "process_key",
        "jobDueDate": "due_at",
        "jobRetries": "retries_left",
    },
)


@area.get("/incident")
def list_incidents() -> Response:
    """The open ones, as in Camunda's runtime: those of start timers that cannot start belong to no instance."""
    return jsonify(_incidents(_INCIDENTS.search(the_query(), _OPEN)))


@area.get("/incident/count")
def count_incidents() -> Response:
    return jsonify({"count": the_engine().find.count("incidents", _OPEN, *_INCIDENTS.conditions(the_query()))})


@area.get("/incident/<incident_id>")
def get_incident(incident_id: str) -> Response:
    found = _incidents(Search((Condition("id", incident_id), _OPEN)))
    if not found:
        raise NotFound(f"No matching incident with id {incident_id}.")
    return jsonify(found[0])


@area.route("/job", methods=["GET", "POST"])
def list_jobs() -> Response:
    return jsonify([_job(each) for each in the_engine().find.jobs(_JOBS.search(asked(), _OWN))])


@area.route("/job/count", methods=["GET", "POST"])
def count_jobs() -> Response:
    return jsonify({"count": the_engine().find.count("jobs", _OWN, *_JOBS.conditions(asked()))})


@area.get("/job/<job_id>")
def get_job(job_id: str) -> Response:
    return jsonify(_job(_found_job(job_id)))


@area.get("/job/<job_id>/stacktrace")
def stacktrace(job_id: str) -> Response:
    found = _found_job(job_id)
    incidents = the_engine().find.incidents(Search((Condition("job_id", found.item.id), _OPEN)))
    said = (each.item.detail or each.item.message for each in incidents)
    return Response(next(said, ""), mimetype="text/plain")


@area.put("/job/<job_id>/retries")
def set_retries(job_id: str) -> ResponseReturnValue:
    the_rights().require(Scope.OPERATE)
    wanted = the_body().only("retries").integer("retries", 1)
    if wanted is None:
        raise InvalidInput("retries is missing. Give a number of 1 or more.")
    _found_job(job_id)
    the_engine().set_retries(job_id, wanted, by=the_name())
    return "", 204


def _found_job(job_id: str) -> Located[JobRecord]:
    found = the_engine().find.jobs(Search((Condition("id", job_id), _OWN)))
    if not found:
        raise NotFound(f"No job found with id '{job_id}'.")
    return found[0]


def _incidents(search: Search) -> list[dict[str, Any]]:
    find = the_engine().find
    found = find.incidents(search)
    of_these = Condition("id", [each.item.job_id for each in found if each.item.job_id], Operator.ONE_OF)
    elsewhere = {each.item.id for each in find.jobs(Search((of_these, _ELSEWHERE)))}
    return [_incident(each, elsewhere) for each in found]


def _incident(found: Located[Incident], elsewhere: Collection[str]) -> dict[str, Any]:
    """*elsewhere*: the jobs that are external tasks."""
    incident = found.item
    of_job = _FAILED_EXTERNAL_TASK if incident.job_id in elsewhere else _FAILED_JOB
    return {
        "id": incident.id,
        "processDefinitionId": found.definition_id,
        "processInstanceId": found.instance_id,
        "executionId": f"{found.instance_id}.{incident.activity_id}" if found.instance_id else None,
        "incidentTimestamp": written(incident.created_at),
        "incidentType": of_job if incident.job_id else incident.kind,
        "activityId": incident.element_id,
        "failedActivityId": incident.element_id,
        "causeIncidentId": incident.id,
        "rootCauseIncidentId": incident.id,
        "configuration": incident.job_id,
        "incidentMessage": incident.message,
        "annotation": None,
        "jobDefinitionId": None,
        "tenantId": None,
    }


def _job(found: Located[JobRecord]) -> dict[str, Any]:
    job = found.item
    return {
        "id": job.id,
        "jobDefinitionId": None,
        "processInstanceId": found.instance_id,
        "processDefinitionId": found.definition_id,
        "processDefinitionKey": found.process_key,
        "executionId": job.id if found.instance_id else None,
        "exceptionMessage": job.error,
        "failedActivityId": job.element_id if job.error else None,
        "retries": 0 if job.state is JobState.FAILED else 3 if job.retries_left is None else job.retries_left,
        "dueDate": written(job.due_at),
        "suspended": job.is_suspended or found.instance_state is InstanceState.SUSPENDED,
        "priority": job.priority,
        "createTime": written(job.created_at) if job.created_at else None,
        "tenantId": None,
    }
