"""/task: what waits for a person, and doing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue

from engine.errors import NotAllowed, NotFound
from engine.model import InstanceState, UserTask
from engine.searching import Condition, Located, Operator, Search
from webapp.areas.engine_rest import conditions as c
from webapp.areas.engine_rest.access import the_name, the_rights
from webapp.areas.engine_rest.asking import Asked, asked, the_body, the_query
from webapp.areas.engine_rest.definitions import form_values
from webapp.areas.engine_rest.instances import is_deserialized
from webapp.areas.engine_rest.variables import typed_all, untyped_all, written
from webapp.context import the_engine

area = Blueprint("tasks", __name__, url_prefix="/task")

_OPEN = Condition("closed_at", False, Operator.EXISTS)
FILTERS = {
    "taskId": c.text("id"),
    "taskIdIn": c.texts("id"),
    "processInstanceId": c.text("instance_id"),
    "processInstanceIdIn": c.texts("instance_id"),
    "processInstanceBusinessKey": c.text("business_key"),
    "processInstanceBusinessKeyIn": c.texts("business_key"),
    "processInstanceBusinessKeyLike": c.like("business_key"),
    "processDefinitionId": c.text("definition_id"),
    "processDefinitionKey": c.text("process_key"),
    "processDefinitionKeyIn": c.texts("process_key"),
    "processDefinitionName": c.text("process_name"),
    "processDefinitionNameLike": c.like("process_name"),
    "taskDefinitionKey": c.text("element_id"),
    "taskDefinitionKeyIn": c.texts("element_id"),
    "taskDefinitionKeyLike": c.like("element_id"),
    "processVariables": c.variables,
    "tenantIdIn": c.no_tenants,
}


def _candidates(asked: Asked, name: str) -> Sequence[Condition]:
    """Camunda leaves out what is assigned unless includeAssignedTasks says otherwise."""
    field = "candidate_user" if name == "candidateUser" else "candidate_group"
    if name == "candidateGroups":
        wanted = Condition(field, asked.texts(name), Operator.ONE_OF)
    else:
        wanted = Condition(field, asked.text(name))
    free = () if asked.flag("includeAssignedTasks") else (Condition("assignee", False, Operator.EXISTS),)
    return (wanted, *free)


_LIST = c.Listing(
    filters={
        **FILTERS,
        "name": c.text("name"),
        "nameLike": c.like("name"),
        "nameNotEqual": c.text("name", Operator.UNEQUAL),
        "assignee": c.text("assignee"),
        "assigneeIn": c.texts("assignee"),
        "assigneeNotIn": c.texts("assignee", Operator.NONE_OF),
        "assigneeLike": c.like("assignee"),
        "assigned": c.exists("assignee"),
        "unassigned": c.exists("assignee", False),
        "candidateUser": _candidates,
        "candidateGroup": _candidates,
        "candidateGroups": _candidates,
        "withCandidateGroups": c.exists("candidate_group"),
        "withoutCandidateGroups": c.exists("candidate_group", False),
        "withCandidateUsers": c.exists("candidate_user"),
        "withoutCandidateUsers": c.exists("candidate_user", False),
        "includeAssignedTasks": c.nothing,
        "priority": c.integer("priority"),
        "minPriority": c.integer("priority", Operator.GREATER_OR_EQUAL),
        "maxPriority": c.integer("priority", Operator.LESS_OR_EQUAL),
        "dueDate": c.moment("due_at", Operator.EQUAL),
        "dueAfter": c.moment("due_at", Operator.GREATER),
        "dueBefore": c.moment("due_at", Operator.LESS),
        "withoutDueDate": c.exists("due_at", False),
        "followUpAfter": c.moment("follow_up_at", Operator.GREATER),
        "followUpBefore": c.moment("follow_up_at", Operator.LESS),
        "createdOn": c.moment("created_at", Operator.EQUAL),
        "createdAfter": c.moment("created_at", Operator.GREATER),
        "createdBefore": c.moment("created_at", Operator.LESS),
        "active": c.when(Condition("instance_state", InstanceState.RUNNING)),
        "suspended": c.when(Condition("instance_state", InstanceState.SUSPENDED)),
    },
    orders={
        "instanceId": "instance_id",
        "processInstanceId": "instance_id",
        "dueDate": "due_at",
        "followUpDate": "follow_up_at",
        "executionId": "activity_id",
        "assignee": "assignee",
        "created": "created_at",
        "name": "name",
        "id": "id",
        "priority": "priority",
    },
)


@area.route("", methods=["GET", "POST"])
def list_tasks() -> Response:
    search = _LIST.search(asked(), _OPEN, *the_rights().visible_tasks())
    return jsonify([_shown(each) for each in the_engine().find.tasks(search)])


@area.route("/count", methods=["GET", "POST"])
def count() -> Response:
    conditions = (_OPEN, *the_rights().visible_tasks(), *_LIST.conditions(asked()))
    return jsonify({"count": the_engine().find.count("tasks", *conditions)})


@area.get("/<task_id>")
def get(task_id: str) -> Response:
    return jsonify(_shown(_visible(task_id)))


@area.post("/<task_id>/claim")
def claim(task_id: str) -> ResponseReturnValue:
    user = the_body().only("userId").needed("userId")
    the_rights().require_claim(_visible(task_id).item, user)
    the_engine().claim(task_id, user)
    return "", 204


@area.post("/<task_id>/unclaim")
def unclaim(task_id: str) -> ResponseReturnValue:
    task = _visible(task_id).item
    the_rights().require_work_on(task)
    the_engine().assign(task_id, None, by=the_name())
    return "", 204


@area.post("/<task_id>/assignee")
def assignee(task_id: str) -> ResponseReturnValue:
    user = the_body().only("userId").text("userId") or None
    the_rights().require_assign(_visible(task_id).item)
    the_engine().assign(task_id, user, by=the_name())
    return "", 204


@area.post("/<task_id>/complete")
def complete(task_id: str) -> ResponseReturnValue:
    body = _work_on(task_id, "variables", "withVariablesInReturn")
    task = the_engine().read.task(task_id)
    the_engine().complete(task_id, untyped_all(body.any("variables")), by=the_name())
    if not body.flag("withVariablesInReturn"):
        return "", 204
    values = the_engine().read.variables(task.instance_id)
    return jsonify(typed_all(values, is_deserialized=False))


@area.post("/<task_id>/submit-form")
def submit_form(task_id: str) -> ResponseReturnValue:
    return complete(task_id)


@area.post("/<task_id>/bpmnError")
def bpmn_error(task_id: str) -> ResponseReturnValue:
    body = _work_on(task_id, "errorCode", "errorMessage", "variables")
    the_engine().task_error(
        task_id,
        body.needed("errorCode"),
        body.text("errorMessage") or "",
        untyped_all(body.any("variables")),
        by=the_name(),
    )
    return "", 204


@area.post("/<task_id>/bpmnEscalation")
def bpmn_escalation(task_id: str) -> ResponseReturnValue:
    body = _work_on(task_id, "escalationCode", "variables")
    code, values = body.needed("escalationCode"), untyped_all(body.any("variables"))
    the_engine().task_escalation(task_id, code, values, by=the_name())
    return "", 204


@area.get("/<task_id>/form")
def form(task_id: str) -> Response:
    return jsonify({"key": _visible(task_id).item.form_key, "camundaFormRef": None, "contextPath": None})


@area.get("/<task_id>/form-variables")
def form_variables(task_id: str) -> Response:
    """What the task sees, and the first values of form fields that are no variables yet."""
    task = _visible(task_id).item
    names = the_query().texts("variableNames")
    values = the_engine().read.visible_variables(task.instance_id, task.activity_id)
    shown = {name: value for name, value in values.items() if names is None or name in names}
    fields = form_values(the_engine().read.task_form(task_id), names)
    return jsonify({**fields, **typed_all(shown, is_deserialized=is_deserialized("s"))})


@area.get("/<task_id>/variables")
def variables(task_id: str) -> Response:
    task = _visible(task_id).item
    values = the_engine().read.visible_variables(task.instance_id, task.activity_id)
    return jsonify(typed_all(values, is_deserialized=is_deserialized("s")))


def _work_on(task_id: str, *fields: str) -> Asked:
    the_rights().require_work_on(_visible(task_id).item)
    return the_body().only(*fields)


def _visible(task_id: str) -> Located[UserTask]:
    """Raises NotFound for what is closed, as Camunda's runtime knows only open tasks, and NotAllowed."""
    found = the_engine().find.tasks(Search((Condition("id", task_id), _OPEN)))
    if not found:
        raise NotFound(f"No matching task with id {task_id}.")
    if not the_rights().may_see(found[0].item):
        raise NotAllowed(f"You may not see task {task_id}.")
    return found[0]


def _shown(found: Located[UserTask]) -> dict[str, Any]:
    task = found.item
    return {
        "id": task.id,
        "name": task.name,
        "assignee": task.assignee,
        "created": written(task.created_at),
        "due": written(task.due_at) if task.due_at else None,
        "followUp": written(task.follow_up_at) if task.follow_up_at else None,
        "delegationState": None,
        "description": None,
        "executionId": task.id,
        "owner": None,
        "parentTaskId": None,
        "priority": task.priority,
        "processDefinitionId": found.definition_id,
        "processInstanceId": task.instance_id,
        "taskDefinitionKey": task.element_id,
        "caseExecutionId": None,
        "caseInstanceId": None,
        "caseDefinitionId": None,
        "suspended": found.instance_state is InstanceState.SUSPENDED,
        "formKey": task.form_key,
        "camundaFormRef": None,
        "tenantId": None,
    }
