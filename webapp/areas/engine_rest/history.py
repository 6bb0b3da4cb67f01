"""/history: instances, activities, variables and user tasks, also of what has ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, jsonify

from engine.errors import NotFound
from engine.model import ActivityRecord, InstanceState, ProcessInstance, UserTask
from engine.searching import Condition, Located, Operator, Search, Variable
from webapp.areas.engine_rest import conditions as c
from webapp.areas.engine_rest.access import the_rights
from webapp.areas.engine_rest.activity_types import of_type, type_of
from webapp.areas.engine_rest.asking import asked
from webapp.areas.engine_rest.instances import is_deserialized
from webapp.areas.engine_rest.tasks import FILTERS as TASK_FILTERS
from webapp.areas.engine_rest.variables import typed, written
from webapp.context import the_engine

area = Blueprint("history", __name__, url_prefix="/history")

_AFTER, _BEFORE = Operator.GREATER_OR_EQUAL, Operator.LESS_OR_EQUAL
_OF_INSTANCE = {
    "processInstanceId": c.text("instance_id"),
    "processInstanceIdIn": c.texts("instance_id"),
    "processDefinitionId": c.text("definition_id"),
    "processDefinitionKey": c.text("process_key"),
    "processDefinitionKeyIn": c.texts("process_key"),
    "tenantIdIn": c.no_tenants,
}
_STATES = {
    InstanceState.RUNNING: "ACTIVE",
    InstanceState.SUSPENDED: "SUSPENDED",
    InstanceState.COMPLETED: "COMPLETED",
    InstanceState.TERMINATED: "COMPLETED",  # by a terminate end event: a regular end to Camunda
    InstanceState.CANCELLED: "EXTERNALLY_TERMINATED",
    InstanceState.FAILED: "INTERNALLY_TERMINATED",
}


def _in_state(name: str) -> c.Filter:
    states = [state for state, told in _STATES.items() if told == name]
    return c.when(Condition("state", states, Operator.ONE_OF))


_INSTANCES = c.Listing(
    filters={
        "processInstanceId": c.text("id"),
        "processInstanceIds": c.texts("id"),
        "processInstanceIdIn": c.texts("id"),
        "processInstanceBusinessKey": c.text("business_key"),
        "processInstanceBusinessKeyIn": c.texts("business_key"),
        "processInstanceBusinessKeyLike": c.like("business_key"),
        "processDefinitionId": c.text("definition_id"),
        "processDefinitionKey": c.text("process_key"),
        "processDefinitionKeyIn": c.texts("process_key"),
        "processDefinitionKeyNotIn": c.texts("process_key", Operator.NONE_OF),
        "processDefinitionName": c.text("process_name"),
        "processDefinitionNameLike": c.like("process_name"),
        "superProcessInstanceId": c.text("parent_id"),
        "rootProcessInstances": c.exists("parent_id", False),
        "startedBy": c.text("started_by"),
        "startedAfter": c.moment("started_at", _AFTER),
        "startedBefore": c.moment("started_at", _BEFORE),
        "finishedAfter": c.moment("ended_at", _AFTER),
        "finishedBefore": c.moment("ended_at", _BEFORE),
        "finished": c.exists("ended_at"),
        "unfinished": c.exists("ended_at", False),
        "withIncidents": c.when(Condition("incident_count", 0, Operator.GREATER)),
        "active": _in_state("ACTIVE"),
        "suspended": _in_state("SUSPENDED"),
        "completed": _in_state("COMPLETED"),
        "externallyTerminated": _in_state("EXTERNALLY_TERMINATED"),
        "internallyTerminated": _in_state("INTERNALLY_TERMINATED"),
        "activeActivityIdIn": c.texts("active_at"),
        "variables": c.variables,
        "tenantIdIn": c.no_tenants,
    },
    orders={
        "instanceId": "id",
        "definitionId": "definition_id",
        "definitionKey": "process_key",
        "definitionName": "process_name",
        "definitionVersion": "version",
        "businessKey": "business_key",
        "startTime": "started_at",
        "endTime": "ended_at",
    },
)
_ACTIVITIES = c.Listing(
    filters={
        **_OF_INSTANCE,
        "activityId": c.text("element_id"),
        "activityIdIn": c.texts("element_id"),
        "activityName": c.text("name"),
        "activityNameLike": c.like("name"),
        "activityType": of_type,
        "finished": c.exists("ended_at"),
        "unfinished": c.exists("ended_at", False),
        "canceled": c.when(Condition("outcome", "cancelled")),
        "startedAfter": c.moment("entered_at", _AFTER),
        "startedBefore": c.moment("entered_at", _BEFORE),
        "finishedAfter": c.moment("ended_at", _AFTER),
        "finishedBefore": c.moment("ended_at", _BEFORE),
    },
    orders={
        "activityInstanceId": "activity_id",
        "instanceId": "instance_id",
        "executionId": "activity_id",
        "activityId": "element_id",
        "activityName": "name",
        "activityType": "kind",
        "startTime": "entered_at",
        "endTime": "ended_at",
        "definitionId": "definition_id",
        "occurrence": "activity_id",
    },
    default_order=(("instance_id", False), ("activity_id", False)),
)
_VARIABLES = c.Listing(
    filters={
        **_OF_INSTANCE,
        "variableName": c.text("name"),
        "variableNameIn": c.texts("name"),
        "variableNameLike": c.like("name"),
    },
    orders={"instanceId": "instance_id", "variableName": "name"},
)
_TASKS = c.Listing(
    filters={
        **TASK_FILTERS,
        "taskName": c.text("name"),
        "taskNameLike": c.like("name"),
        "taskAssignee": c.text("assignee"),
        "taskAssigneeLike": c.like("assignee"),
        "assigned": c.exists("assignee"),
        "unassigned": c.exists("assignee", False),
        "taskPriority": c.integer("priority"),
        "finished": c.exists("closed_at"),
        "unfinished": c.exists("closed_at", False),
        "startedAfter": c.moment("created_at", _AFTER),
        "startedBefore": c.moment("created_at", _BEFORE),
        "finishedAfter": c.moment("closed_at", _AFTER),
        "finishedBefore": c.moment("closed_at", _BEFORE),
        "taskDueDateAfter": c.moment("due_at", _AFTER),
        "taskDueDateBefore": c.moment("due_at", _BEFORE),
        "taskHadCandidateUser": c.text("candidate_user"),
        "taskHadCandidateGroup": c.text("candidate_group"),
    },
    orders={
        "taskId": "id",
        "activityInstanceID": "activity_id",
        "processDefinitionId": "definition_id",
        "processInstanceId": "instance_id",
        "startTime": "created_at",
        "endTime": "closed_at",
        "taskName": "name",
        "assignee": "assignee",
        "dueDate": "due_at",
        "followUpDate": "follow_up_at",
        "taskDefinitionKey": "element_id",
        "priority": "priority",
    },
)


def _list(path: str, kind: str, listing: c.Listing, show: Callable[[Any], Any]) -> None:
    """A list and its count, by GET and by POST; user tasks only those that may be seen."""

    def conditions() -> tuple[Condition, ...]:
        return the_rights().visible_tasks() if kind == "tasks" else ()

    def found() -> Response:
        search = listing.search(asked(), *conditions())
        return jsonify([show(each) for each in getattr(the_engine().find, kind)(search)])

    def count() -> Response:
        return jsonify({"count": the_engine().find.count(kind, *conditions(), *listing.conditions(asked()))})

    area.add_url_rule(path, kind, found, methods=["GET", "POST"])
    area.add_url_rule(f"{path}/count", f"count_{kind}", count, methods=["GET", "POST"])


@area.get("/process-instance/<instance_id>")
def get_instance(instance_id: str) -> Response:
    return jsonify(_instance(the_engine().read.instance(instance_id)))


@area.get("/activity-instance/<activity_instance_id>")
def get_activity(activity_instance_id: str) -> Response:
    instance_id, _, number = activity_instance_id.rpartition(".")
    found: list[Located[ActivityRecord]] = []
    if number.isascii() and number.isdigit() and len(number) < 10:
        wanted = (Condition("instance_id", instance_id), Condition("activity_id", int(number)))
        found = the_engine().find.activities(Search(wanted))
    if not found:
        raise NotFound(f"There is no activity instance {activity_instance_id}.")
    return jsonify(_activity(found[0]))


def _instance(instance: ProcessInstance) -> dict[str, Any]:
    return {
        "id": instance.id,
        "businessKey": instance.business_key,
        "processDefinitionId": instance.definition_id,
        "processDefinitionKey": instance.process_key,
        "processDefinitionName": instance.process_name,
        "processDefinitionVersion": instance.version,
        "startTime": written(instance.started_at),
        "endTime": _at(instance.ended_at),
        "removalTime": None,
        "durationInMillis": _lasted(instance.started_at, instance.ended_at),
        "startUserId": instance.started_by,
        "startActivityId": None,
        "deleteReason": instance.end_reason or None,
        "rootProcessInstanceId": instance.id if instance.parent_id is None else None,
        "superProcessInstanceId": instance.parent_id,
        "superCaseInstanceId": None,
        "caseInstanceId": None,
        "state": _STATES[instance.state],
        "tenantId": None,
    }


def _activity(found: Located[ActivityRecord]) -> dict[str, Any]:
    activity = found.item
    id = f"{activity.instance_id}.{activity.activity_id}"
    task_id = id if activity.kind == "userTask" else None
    return {
        "id": id,
        "parentActivityInstanceId": f"{activity.instance_id}.{activity.parent_id}"
        if activity.parent_id
        else activity.instance_id,
        "activityId": activity.element_id,
        "activityName": activity.name or None,
        "activityType": type_of(found.definition_id, activity.element_id, activity.kind),
        "processDefinitionId": found.definition_id,
        "processDefinitionKey": found.process_key,
        "processInstanceId": activity.instance_id,
        "executionId": id,
        "taskId": task_id,
        "assignee": activity.actor if task_id else None,
        "calledProcessInstanceId": None,
        "calledCaseInstanceId": None,
        "startTime": written(activity.entered_at),
        "endTime": _at(activity.ended_at),
        "durationInMillis": _lasted(activity.entered_at, activity.ended_at),
        "canceled": activity.outcome == "cancelled",
        "completeScope": False,
        "rootProcessInstanceId": None,
        "removalTime": None,
        "tenantId": None,
    }


def _variable(found: Located[Variable]) -> dict[str, Any]:
    variable = found.item
    scope = f"{variable.instance_id}.{variable.scope_id}" if variable.scope_id else variable.instance_id
    return {
        **typed(variable.value, is_deserialized=is_deserialized("s")),
        "id": f"{variable.instance_id}:{variable.scope_id}:{variable.name}",
        "name": variable.name,
        "processDefinitionId": found.definition_id,
        "processDefinitionKey": found.process_key,
        "processInstanceId": variable.instance_id,
        "executionId": scope,
        "activityInstanceId": scope,
        "taskId": None,
        "caseInstanceId": None,
        "errorMessage": None,
        "state": "CREATED",
        "createTime": None,
        "removalTime": None,
        "rootProcessInstanceId": None,
        "tenantId": None,
    }


def _task(found: Located[UserTask]) -> dict[str, Any]:
    task = found.item
    return {
        "id": task.id,
        "processDefinitionId": found.definition_id,
        "processDefinitionKey": found.process_key,
        "processInstanceId": task.instance_id,
        "executionId": task.id,
        "activityInstanceId": task.id,
        "name": task.name,
        "description": None,
        "deleteReason": "deleted" if task.outcome == "cancelled" else task.outcome,
        "owner": None,
        "assignee": task.assignee,
        "startTime": written(task.created_at),
        "endTime": _at(task.closed_at),
        "duration": _lasted(task.created_at, task.closed_at),
        "taskDefinitionKey": task.element_id,
        "priority": task.priority,
        "due": _at(task.due_at),
        "followUp": _at(task.follow_up_at),
        "parentTaskId": None,
        "caseInstanceId": None,
        "rootProcessInstanceId": None,
        "removalTime": None,
        "tenantId": None,
    }


def _at(moment: datetime | None) -> str | None:
    return written(moment) if moment else None


def _lasted(start: datetime, end: datetime | None) -> int | None:
    """Milliseconds."""
    return round((end - start).total_seconds() * 1000) if end else None


_list("/process-instance", "instances", _INSTANCES, _instance)
_list("/activity-instance", "activities", _ACTIVITIES, _activity)
_list("/variable-instance", "variables", _VARIABLES, _variable)
_list("/task", "tasks", _TASKS, _task)
