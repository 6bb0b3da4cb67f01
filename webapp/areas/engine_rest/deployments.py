"""/deployment: Camunda Modeler's deploy button, and what was deployed."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from engine.errors import InvalidInput, NotFound
from engine.model import ProcessDefinition, Resource
from engine.searching import Condition, DeploymentRecord, Operator, Search
from engine.tokens import Scope
from webapp.areas.engine_rest import conditions as c
from webapp.areas.engine_rest.access import the_name, the_rights
from webapp.areas.engine_rest.asking import Asked, asked, the_query
from webapp.areas.engine_rest.links import link
from webapp.areas.engine_rest.variables import written
from webapp.context import the_engine

area = Blueprint("deployments", __name__, url_prefix="/deployment")

_FORM = ("deployment-name", "deployment-source")
_DUPLICATES = ("enable-duplicate-filtering", "deploy-changed-only")
_LIST = c.Listing(
    filters={
        "id": c.text("id"),
        "name": c.text("name"),
        "nameLike": c.like("name"),
        "after": c.moment("deployed_at", Operator.GREATER),
        "before": c.moment("deployed_at", Operator.LESS),
        "tenantIdIn": c.no_tenants,
    },
    orders={"id": "id", "name": "name", "deploymentTime": "deployed_at"},
)


@area.post("/create")
def create() -> ResponseReturnValue:
    """Files of one deployment as parts of a form; only what has changed becomes a new version, whatever
    enable-duplicate-filtering and deploy-changed-only say."""
    the_rights().require(Scope.DEPLOY)
    Asked(request.form.to_dict()).only(*_FORM, without_effect=_DUPLICATES)
    resources = [_resource(name, part) for name, part in request.files.items(multi=True)]
    if not resources:
        raise InvalidInput("No resources contained in the form upload: add a file as a part with a file name.")
    name = request.form.get("deployment-name", "")
    deployment = the_engine().deploy(*resources, by=the_name(), name=name)
    own = [each for each in deployment.definitions if each.deployment_id == deployment.id]
    record = DeploymentRecord(deployment.id, name, deployment.deployed_at, deployment.by)
    return jsonify(
        {
            **_shown(record),
            "source": request.form.get("deployment-source"),
            "deployedProcessDefinitions": {each.id: definition_shown(each) for each in own} or None,
            "deployedCaseDefinitions": None,
            "deployedDecisionDefinitions": None,
            "deployedDecisionRequirementsDefinitions": None,
        }
    )


@area.get("")
def list_deployments() -> Response:
    return jsonify([_shown(each) for each in the_engine().find.deployments(_LIST.search(asked()))])


@area.get("/count")
def count() -> Response:
    return jsonify({"count": the_engine().find.count("deployments", *_LIST.conditions(the_query()))})


@area.get("/<deployment_id>")
def get(deployment_id: str) -> Response:
    found = the_engine().find.deployments(Search((Condition("id", deployment_id),)))
    if not found:
        raise NotFound(f"Deployment with id '{deployment_id}' does not exist.")
    return jsonify(_shown(found[0]))


def _resource(name: str, part: FileStorage) -> Resource:
    """Camunda takes the file name of a part; some clients name only the part."""
    return Resource((part.filename or name).replace("\\", "/").rpartition("/")[2], part.stream.read())


def _shown(record: DeploymentRecord) -> dict[str, Any]:
    return {
        "links": [link("GET", f"/deployment/{record.id}")],
        "id": record.id,
        "name": record.name or None,
        "source": None,
        "deploymentTime": written(record.deployed_at),
        "tenantId": None,
    }


def definition_shown(definition: ProcessDefinition) -> dict[str, Any]:
    return {
        "id": definition.id,
        "key": definition.key,
        "category": None,
        "description": definition.documentation or None,
        "name": definition.name,
        "version": definition.version,
        "resource": definition.resource_name,
        "deploymentId": definition.deployment_id,
        "diagram": None,
        "suspended": False,
        "tenantId": None,
        "versionTag": definition.version_tag,
        "historyTimeToLive": _days(definition.history_time_to_live),
        "startableInTasklist": definition.is_startable,
    }


def _days(time_to_live: str | None) -> int | None:
    """Camunda shows whole days; months and years have no such number."""
    text = (time_to_live or "").removeprefix("P").removesuffix("D")
    return int(text) if text.isascii() and text.isdigit() else None
