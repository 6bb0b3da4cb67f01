"""/process-instance: what runs, its variables, stopping and ending it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue

from engine.errors import InvalidInput, NotFound
from engine.model import InstanceState, ProcessInstance
from engine.searching import Condition, Operator
from engine.tokens import Scope
from webapp.areas.engine_rest import conditions as c
from webapp.areas.engine_rest.access import the_name, the_rights
from webapp.areas.engine_rest.answering import RestError
from webapp.areas.engine_rest.asking import asked, the_body, the_query
from webapp.areas.engine_rest.links import link
from webapp.areas.engine_rest.variables import content_of, typed, untyped, untyped_all
from webapp.context import the_engine

area = Blueprint("instances", __name__, url_prefix="/process-instance")

_LIVES = Condition("ended_at", False, Operator.EXISTS)
_LIST = c.Listing(
    filters={
        "processInstanceIds": c.texts("id"),
        "businessKey": c.text("business_key"),
        "businessKeyLike": c.like("business_key"),
        "processDefinitionId": c.text("definition_id"),
        "processDefinitionKey": c.text("process_key"),
        "processDefinitionKeyIn": c.texts("process_key"),
        "processDefinitionKeyNotIn": c.texts("process_key", Operator.NONE_OF),
        "superProcessInstance": c.text("parent_id"),
        "rootProcessInstances": c.exists("parent_id", False),
        "active": c.when(Condition("state", InstanceState.RUNNING)),
        "suspended": c.when(Condition("state", InstanceState.SUSPENDED)),
        "withIncident": c.when(Condition("incident_count", 0, Operator.GREATER)),
        "activityIdIn": c.texts("active_at"),
        "variables": c.variables,
        "tenantIdIn": c.no_tenants,
    },
    orders={
        "instanceId": "id",
        "definitionId": "definition_id",
        "definitionKey": "process_key",
        "businessKey": "business_key",
    },
)


@area.route("", methods=["GET", "POST"])
def list_instances() -> Response:
    return jsonify([instance_shown(each) for each in the_engine().find.instances(_LIST.search(asked(), _LIVES))])


@area.route("/count", methods=["GET", "POST"])
def count() -> Response:
    return jsonify({"count": the_engine().find.count("instances", _LIVES, *_LIST.conditions(asked()))})


@area.get("/<instance_id>")
def get(instance_id: str) -> Response:
    return jsonify(instance_shown(_living(instance_id)))


@area.delete("/<instance_id>")
def delete(instance_id: str) -> ResponseReturnValue:
    """Ends it. It stays in the history."""
    the_rights().require(Scope.OPERATE)
    query = the_query().only("failIfNotExists")
    try:
        _living(instance_id)
    except NotFound:
        if query.flag("failIfNotExists") is False:
            return "", 204
        raise
    the_engine().cancel(instance_id, reason="deleted through the REST API", by=the_name())
    return "", 204


@area.put("/<instance_id>/suspended")
def suspended(instance_id: str) -> ResponseReturnValue:
    the_rights().require(Scope.OPERATE)
    wanted = the_body().only("suspended").flag("suspended")
    if wanted is None:
        raise InvalidInput("suspended must be true or false.")
    instance = _living(instance_id)
    if wanted and instance.state is InstanceState.RUNNING:
        the_engine().suspend(instance_id, by=the_name())
    elif not wanted and instance.state is InstanceState.SUSPENDED:
        the_engine().activate(instance_id, by=the_name())
    return "", 204


# variables


@area.get("/<instance_id>/variables")
def variables(instance_id: str) -> Response:
    _living(instance_id)
    values = the_engine().read.variables(instance_id)
    return jsonify({name: typed(value, is_deserialized=is_deserialized("s")) for name, value in values.items()})


@area.post("/<instance_id>/variables")
def modify(instance_id: str) -> ResponseReturnValue:
    the_rights().require(Scope.OPERATE)
    body = the_body().only("modifications", "deletions")
    if body.texts("deletions"):
        raise InvalidInput("Variables are not deleted here. Give them the value null.")
    _set(instance_id, untyped_all(body.any("modifications"), name="modifications"))
    return "", 204


@area.get("/<instance_id>/variables/<name>")
def variable(instance_id: str, name: str) -> Response:
    return jsonify(typed(_value(instance_id, name), is_deserialized=is_deserialized("")))


@area.put("/<instance_id>/variables/<name>")
def put_variable(instance_id: str, name: str) -> ResponseReturnValue:
    the_rights().require(Scope.OPERATE)
    _set(instance_id, {name: untyped(name, the_body().only("value", "type", "valueInfo").fields)})
    return "", 204


@area.delete("/<instance_id>/variables/<name>")
def delete_variable(instance_id: str, name: str) -> ResponseReturnValue:
    raise InvalidInput("Variables are not deleted here. Give them the value null.")


@area.get("/<instance_id>/variables/<name>/data")
def variable_data(instance_id: str, name: str) -> Response:
    return data_of(instance_id, name)


def data_of(instance_id: str, name: str) -> Response:
    """The bytes of a variable, to be saved and never shown: it may be anybody's HTML."""
    content, media_type, filename = content_of(_value(instance_id, name))
    answer = Response(content, mimetype="application/octet-stream")
    if media_type.isascii() and media_type.isprintable():
        answer.headers["Content-Type"] = media_type
    answer.headers.set("Content-Disposition", "attachment", filename=_header_safe(filename or name))
    return answer


def is_deserialized(plural: str) -> bool:
    return the_query().flag(f"deserializeValue{plural}") is not False


def instance_shown(instance: ProcessInstance) -> dict[str, Any]:
    return {
        "links": [link("GET", f"/process-instance/{instance.id}")],
        "id": instance.id,
        "definitionId": instance.definition_id,
        "definitionKey": instance.process_key,
        "businessKey": instance.business_key,
        "caseInstanceId": None,
        "ended": instance.has_ended,
        "suspended": instance.state is InstanceState.SUSPENDED,
        "tenantId": None,
    }


def _living(instance_id: str) -> ProcessInstance:
    """Camunda's runtime knows only what has not ended. Raises NotFound."""
    instance = the_engine().read.instance(instance_id)
    if instance.has_ended:
        raise NotFound(f"Process instance with id {instance_id} does not exist: it has ended ({instance.state}).")
    return instance


def _value(instance_id: str, name: str) -> Any:
    _living(instance_id)
    values = the_engine().read.variables(instance_id)
    if name not in values:
        raise NotFound(f"Process instance {instance_id} has no variable '{name}'.")
    return values[name]


def _set(instance_id: str, values: dict[str, Any]) -> None:
    try:
        the_engine().set_variables(instance_id, values, by=the_name())
    except NotFound as problem:
        raise RestError(500, str(problem)) from problem


def _header_safe(name: str) -> str:
    return "".join(letter for letter in name if letter.isprintable())[:200]
