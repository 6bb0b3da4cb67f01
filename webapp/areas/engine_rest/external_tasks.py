"""/external-task: workers elsewhere fetch jobs by topic, and say what became of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue

from engine.errors import Conflict, EngineError, InvalidInput, NotFound
from engine.external.records import ExternalTask, Topic
from engine.model import JobRecord, JobState
from engine.searching import Condition, Located, Operator
from engine.tokens import Scope
from webapp.areas.engine_rest import conditions as c
from webapp.areas.engine_rest.access import the_name, the_rights
from webapp.areas.engine_rest.answering import RestError, answer_error
from webapp.areas.engine_rest.asking import Asked, asked, the_body
from webapp.areas.engine_rest.variables import typed_all, untyped_all, written
from webapp.context import the_engine

area = Blueprint("external_tasks", __name__, url_prefix="/external-task")

LONGEST_WAIT = 1_800_000  # milliseconds, as Camunda; the engine answers sooner
_TOPIC = (
    *("topicName", "lockDuration", "variables", "localVariables", "deserializeValues", "includeExtensionProperties"),
    *("businessKey", "processDefinitionId", "processDefinitionIdIn", "processDefinitionKey", "processDefinitionKeyIn"),
    *("processDefinitionVersionTag", "processVariables", "tenantIdIn"),
)
_OURS = Condition("for_workers_elsewhere", True)
_RUNNING = Condition("state", JobState.RUNNING)
_LIST = c.Listing(
    filters={
        "externalTaskId": c.text("id"),
        "externalTaskIdIn": c.texts("id"),
        "topicName": c.text("type"),
        "workerId": c.text("lease_owner"),
        "locked": c.when(_RUNNING),
        "notLocked": c.when(Condition("state", JobState.RUNNING, Operator.UNEQUAL)),
        "withRetriesLeft": c.when(Condition("state", JobState.FAILED, Operator.UNEQUAL)),
        "noRetriesLeft": c.when(Condition("state", JobState.FAILED)),
        "lockExpirationAfter": c.moment("lease_until", Operator.GREATER),
        "lockExpirationBefore": c.moment("lease_until", Operator.LESS),
        "activityId": c.text("element_id"),
        "activityIdIn": c.texts("element_id"),
        "processInstanceId": c.text("instance_id"),
        "processInstanceIdIn": c.texts("instance_id"),
        "processDefinitionId": c.text("definition_id"),
        "active": c.when(Condition("is_suspended", False)),
        "suspended": c.when(Condition("is_suspended", True)),
        "tenantIdIn": c.no_tenants,
    },
    orders={
        "id": "id",
        "lockExpirationTime": "lease_until",
        "processInstanceId": "instance_id",
        "processDefinitionId": "definition_id",
        "processDefinitionKey": "process_key",
        "createTime": "created_at",
    },
)


@area.errorhandler(EngineError)
def tell(error: EngineError) -> ResponseReturnValue:
    """A task that is gone or held by somebody else is an answer here, and no failure of the engine."""
    if isinstance(error, NotFound):
        return answer_error(RestError(404, str(error)))
    if isinstance(error, Conflict):
        return answer_error(RestError(400, str(error)))
    return answer_error(error)


@area.post("/fetchAndLock")
def fetch_and_lock() -> Response:
    the_rights().require(Scope.WORKERS)
    body = the_body().only("workerId", "maxTasks", "asyncResponseTimeout", "topics", without_effect=("usePriority",))
    entries = [entry.only(*_TOPIC, without_effect=("withoutTenantId",)) for entry in body.objects("topics")]
    worker_id = body.needed("workerId")
    wait = body.integer("asyncResponseTimeout", 0) or 0
    if wait > LONGEST_WAIT:
        raise InvalidInput(f"asyncResponseTimeout must be at most {LONGEST_WAIT} milliseconds.")
    limit = body.integer("maxTasks", 0) or 0
    if not limit or not entries:
        return jsonify([])
    found = the_engine().external.fetch_and_lock(
        worker_id, [_topic(entry) for entry in entries], limit, wait=wait / 1000
    )
    asked_for = {entry.needed("topicName"): entry for entry in entries}
    return jsonify([_fetched(task, asked_for[task.topic]) for task in found])


@area.post("/<task_id>/complete")
def complete(task_id: str) -> ResponseReturnValue:
    body = _work("variables", "localVariables")
    the_engine().external.complete(
        task_id,
        body.needed("workerId"),
        untyped_all(body.any("variables")),
        local_variables=untyped_all(body.any("localVariables"), name="localVariables"),
    )
    return "", 204


@area.post("/<task_id>/failure")
def failure(task_id: str) -> ResponseReturnValue:
    """Camunda's worker says how many attempts are left; where it does not, they are as the diagram says."""
    body = _work("errorMessage", "errorDetails", "retries", "retryTimeout")
    after = body.integer("retryTimeout", 0)
    the_engine().external.fail(
        task_id,
        body.needed("workerId"),
        body.text("errorMessage") or "",
        details=str(body.any("errorDetails") or ""),
        retries=body.integer("retries", 0),
        retry_in=None if after is None else timedelta(milliseconds=after),
    )
    return "", 204


@area.post("/<task_id>/bpmnError")
def bpmn_error(task_id: str) -> ResponseReturnValue:
    body = _work("errorCode", "errorMessage", "variables")
    the_engine().external.bpmn_error(
        task_id,
        body.needed("workerId"),
        body.needed("errorCode"),
        body.text("errorMessage") or "",
        untyped_all(body.any("variables")),
    )
    return "", 204


@area.post("/<task_id>/extendLock")
def extend_lock(task_id: str) -> ResponseReturnValue:
    body = _work("newDuration")
    the_engine().external.extend_lock(task_id, body.needed("workerId"), _milliseconds(body, "newDuration"))
    return "", 204


@area.post("/<task_id>/lock")
def lock(task_id: str) -> ResponseReturnValue:
    body = _work("lockDuration")
    the_engine().external.lock(task_id, body.needed("workerId"), _milliseconds(body, "lockDuration"))
    return "", 204


@area.post("/<task_id>/unlock")
def unlock(task_id: str) -> ResponseReturnValue:
    the_rights().require(Scope.WORKERS)
    the_engine().external.unlock(task_id, by=the_name())
    return "", 204


@area.put("/<task_id>/retries")
def retries(task_id: str) -> ResponseReturnValue:
    the_rights().require(Scope.OPERATE)
    wanted = the_body().only("retries").integer("retries", 1)
    if wanted is None:
        raise InvalidInput("retries is missing. Give a number of 1 or more.")
    the_engine().external.set_retries(task_id, wanted, by=the_name())
    return "", 204


@area.route("", methods=["GET", "POST"])
def list_tasks() -> Response:
    return jsonify([_listed(each) for each in the_engine().find.jobs(_LIST.search(asked(), _OURS))])


@area.route("/count", methods=["GET", "POST"])
def count() -> Response:
    return jsonify({"count": the_engine().find.count("jobs", _OURS, *_LIST.conditions(asked()))})


@area.get("/<task_id>")
def get(task_id: str) -> Response:
    return jsonify(_shown(the_engine().external.get(task_id)))


@area.get("/<task_id>/errorDetails")
def error_details(task_id: str) -> Response:
    task = the_engine().external.get(task_id)
    details = [each.detail for each in the_engine().read.incidents(task.instance_id) if each.job_id == task.id]
    return Response(next(iter(details), ""), mimetype="text/plain")


def _work(*fields: str) -> Asked:
    the_rights().require(Scope.WORKERS)
    return the_body().only("workerId", *fields)


def _milliseconds(body: Asked, name: str) -> timedelta:
    value = body.integer(name, 1)
    if value is None:
        raise InvalidInput(f"{name} is missing. Give milliseconds.")
    return timedelta(milliseconds=value)


def _topic(entry: Asked) -> Topic:
    if entry.texts("tenantIdIn"):
        raise InvalidInput("tenantIdIn: there are no tenants here. Leave it out.")
    keys = [entry.text("processDefinitionKey"), *(entry.texts("processDefinitionKeyIn") or [])]
    ids = [entry.text("processDefinitionId"), *(entry.texts("processDefinitionIdIn") or [])]
    names = entry.texts("variables")
    return Topic(
        entry.needed("topicName"),
        _milliseconds(entry, "lockDuration"),
        variables=None if names is None else tuple(names),
        business_key=entry.text("businessKey"),
        process_keys=tuple(key for key in keys if key),
        definition_ids=tuple(id for id in ids if id),
        version_tag=entry.text("processDefinitionVersionTag"),
        process_variables=entry.object("processVariables"),
    )


def _fetched(task: ExternalTask, topic: Asked) -> dict[str, Any]:
    is_deserialized = topic.flag("deserializeValues") is True
    values = task.variables
    if topic.flag("localVariables"):
        local = the_engine().read.variables(task.instance_id, task.activity_id)
        values = {name: value for name, value in values.items() if name in local}
    shown = {**_shown(task), "variables": typed_all(values, is_deserialized=is_deserialized)}
    if task.traceparent is not None:
        shown["traceparent"] = task.traceparent
    if topic.flag("includeExtensionProperties"):
        node = the_engine().read.process(task.definition_id).node(task.element_id)
        shown["extensionProperties"] = {**task.headers, **node.properties}
    return shown


def _shown(task: ExternalTask) -> dict[str, Any]:
    return {
        "id": task.id,
        "topicName": task.topic,
        "workerId": task.worker_id,
        "lockExpirationTime": written(task.lock_expires_at) if task.lock_expires_at else None,
        "createTime": written(task.created_at),
        "retries": task.retries,
        "errorMessage": task.error,
        "activityId": task.element_id,
        "activityInstanceId": task.id,
        "executionId": task.id,
        "processInstanceId": task.instance_id,
        "processDefinitionId": task.definition_id,
        "processDefinitionKey": task.process_key,
        "processDefinitionVersionTag": task.version_tag,
        "businessKey": task.business_key,
        "suspended": task.is_suspended,
        "priority": task.priority,
        "tenantId": None,
    }


def _listed(found: Located[JobRecord]) -> dict[str, Any]:
    job = found.item
    is_held = job.state is JobState.RUNNING
    return {
        "id": job.id,
        "topicName": job.type,
        "workerId": job.worker if is_held else None,
        "lockExpirationTime": written(job.leased_until) if is_held and job.leased_until else None,
        "createTime": written(job.created_at) if job.created_at else None,
        "retries": job.retries_left,
        "errorMessage": job.error,
        "activityId": job.element_id,
        "activityInstanceId": job.id,
        "executionId": job.id,
        "processInstanceId": job.instance_id,
        "processDefinitionId": found.definition_id,
        "processDefinitionKey": found.process_key,
        "businessKey": found.business_key,
        "suspended": job.is_suspended,
        "priority": job.priority,
        "tenantId": None,
    }
