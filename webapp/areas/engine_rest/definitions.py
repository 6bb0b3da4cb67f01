"""/process-definition: what can be started, and starting it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify
from flask.typing import ResponseReturnValue

from engine.errors import NotFound
from engine.forms import FormDescription
from engine.model import ProcessDefinition
from engine.searching import Condition
from webapp.areas.engine_rest import conditions as c
from webapp.areas.engine_rest.access import the_name, the_rights
from webapp.areas.engine_rest.answering import RestError
from webapp.areas.engine_rest.asking import asked, the_body, the_query
from webapp.areas.engine_rest.deployments import definition_shown
from webapp.areas.engine_rest.instances import instance_shown
from webapp.areas.engine_rest.variables import typed, typed_all, untyped_all
from webapp.context import the_engine

area = Blueprint("definitions", __name__, url_prefix="/process-definition")

_LIST = c.Listing(
    filters={
        "processDefinitionId": c.text("id"),
        "processDefinitionIdIn": c.texts("id"),
        "name": c.text("name"),
        "nameLike": c.like("name"),
        "deploymentId": c.text("deployment_id"),
        "key": c.text("key"),
        "keysIn": c.texts("key"),
        "keyLike": c.like("key"),
        "version": c.integer("version"),
        "versionTag": c.text("version_tag"),
        "versionTagLike": c.like("version_tag"),
        "withoutVersionTag": c.exists("version_tag", False),
        "resourceName": c.text("resource_name"),
        "resourceNameLike": c.like("resource_name"),
        "latestVersion": c.when(Condition("is_latest", True)),
        "startableInTasklist": c.when(Condition("is_startable", True)),
        "notStartableInTasklist": c.when(Condition("is_startable", False)),
        "active": c.nothing,
        "tenantIdIn": c.no_tenants,
    },
    orders={
        "id": "id",
        "key": "key",
        "name": "name",
        "version": "version",
        "deploymentId": "deployment_id",
        "versionTag": "version_tag",
        "deployTime": "deployed_at",
    },
)


def _by_key_and_id(path: str, **options: Any) -> Callable[[Callable[[ProcessDefinition], Any]], Any]:
    """A view of one definition, under its id, its key, and its key without tenant."""

    def register(view: Callable[[ProcessDefinition], Any]) -> Any:
        def of_id(definition_id: str) -> Any:
            return view(_by_id(definition_id))

        def of_key(key: str) -> Any:
            return view(_by_key(key))

        name = view.__name__
        area.add_url_rule(f"/<definition_id>{path}", f"{name}_of_id", of_id, **options)
        area.add_url_rule(f"/key/<key>{path}", f"{name}_of_key", of_key, **options)
        return view

    return register


@area.get("")
def list_definitions() -> Response:
    return jsonify([definition_shown(each) for each in the_engine().find.definitions(_LIST.search(asked()))])


@area.get("/count")
def count() -> Response:
    return jsonify({"count": the_engine().find.count("definitions", *_LIST.conditions(the_query()))})


@_by_key_and_id("")
def get(definition: ProcessDefinition) -> Response:
    return jsonify(definition_shown(definition))


@_by_key_and_id("/xml")
def xml(definition: ProcessDefinition) -> Response:
    diagram = the_engine().read.xml(definition.id)
    return jsonify({"id": definition.id, "bpmn20Xml": diagram.decode("utf-8", errors="replace")})


@_by_key_and_id("/start", methods=["POST"])
def start(definition: ProcessDefinition) -> ResponseReturnValue:
    return _start(definition)


@_by_key_and_id("/submit-form", methods=["POST"])
def submit_form(definition: ProcessDefinition) -> ResponseReturnValue:
    """Camunda checks the form here; its clients send typed variables, as for a start."""
    return _start(definition)


@_by_key_and_id("/form-variables")
def form_variables(definition: ProcessDefinition) -> Response:
    return jsonify(form_values(the_engine().read.start_form(definition.id), the_query().texts("variableNames")))


@area.post("/key/<key>/tenant-id/<tenant_id>/start")
def start_of_tenant(key: str, tenant_id: str) -> ResponseReturnValue:
    message = f"No matching process definition with key: {key} and tenant-id: {tenant_id}. There are no tenants here."
    raise RestError(404, message)


def form_values(form: FormDescription | None, names: list[str] | None) -> dict[str, Any]:
    """The fields of a form with what they are filled with at first."""
    values = {field.id: field.default for field in form.fields if field.is_input} if form else {}
    shown = {name: value for name, value in values.items() if names is None or name in names}
    return typed_all(shown, is_deserialized=True)


def _start(definition: ProcessDefinition) -> ResponseReturnValue:
    the_rights().require_start(definition)
    body = the_body().only("variables", "businessKey", "withVariablesInReturn")
    instance = the_engine().start(
        definition.key,
        version=definition.version,
        variables=untyped_all(body.any("variables")),
        business_key=body.text("businessKey") or None,
        by=the_name(),
    )
    shown = instance_shown(instance)
    if body.flag("withVariablesInReturn"):
        values = the_engine().read.variables(instance.id)
        shown["variables"] = {name: typed(value, is_deserialized=False) for name, value in values.items()}
    return jsonify(shown)


def _by_id(definition_id: str) -> ProcessDefinition:
    found = the_engine().read.definition(definition_id)
    if found.id != definition_id:
        raise NotFound(f"No matching definition with id {definition_id}.")
    return found


def _by_key(key: str) -> ProcessDefinition:
    try:
        found = the_engine().read.definition(key)
    except NotFound:
        found = None
    if found is None or found.key != key:
        raise RestError(404, f"No matching process definition with key: {key} and no tenant-id.")
    return found
