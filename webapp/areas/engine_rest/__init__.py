"""Camunda 7's REST paths for what this engine does: its Modeler deploys here, its workers work here, unchanged.

Thin: each view reads the request in Camunda's words, calls the engine, and tells the answer in Camunda's words.
docs/camunda-7.md says what is there and what is not.
"""

from __future__ import annotations

from flask import Blueprint, Flask, Response, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp.areas.engine_rest import (
    definitions,
    deployments,
    external_tasks,
    history,
    instances,
    messages,
    operations,
    tasks,
)
from webapp.areas.engine_rest.access import Remembered, authenticate, require_entry, the_rights
from webapp.areas.engine_rest.answering import RestError, answer_error
from webapp.areas.engine_rest.links import PREFIX

VERSION = "7.22.0"
"""Of Camunda, whose REST API this is like. Tools ask for it to know what they may ask for."""

MODELER = "file://"

area = Blueprint("engine_rest", __name__, url_prefix=PREFIX)
links = Blueprint("engine_rest_links", __name__)
"""What needs nobody to be known: where Camunda's tools find the pages."""


def install(app: Flask) -> None:
    app.extensions["engine_rest_passwords"] = Remembered()
    app.extensions["csrf"].exempt(area)
    for part in (definitions, deployments, external_tasks, history, instances, messages, operations, tasks):
        app.extensions["csrf"].exempt(part.area)
    app.register_blueprint(area)
    app.register_blueprint(area, name="engine_rest_default", url_prefix=f"{PREFIX}/engine/default")
    app.register_blueprint(links)


area.before_request(authenticate)
area.register_error_handler(Exception, answer_error)


@area.after_request
@links.after_request
def let_the_modeler_read(response: Response) -> Response:
    """Camunda Modeler is a page of its own origin, which no page of the web can have."""
    if request.headers.get("Origin") == MODELER:
        response.headers["Access-Control-Allow-Origin"] = MODELER
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Accept"
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, PUT, DELETE"
        response.headers["Vary"] = "Origin"
    return response


@area.get("/version")
def version() -> Response:
    return jsonify({"version": VERSION})


@area.get("/engine")
def engines() -> Response:
    return jsonify([{"name": "default"}])


@area.get("/execution/<instance_id>/localVariables/<name>/data")
def local_variable_data(instance_id: str, name: str) -> Response:
    """Camunda's JavaScript worker loads files from here, under the id of the process instance."""
    require_entry(the_rights(), "execution")
    return instances.data_of(instance_id, name)


@area.route("/", defaults={"rest": ""}, methods=["GET", "POST", "PUT", "DELETE", "PATCH"])
@area.route("/<path:rest>", methods=["GET", "POST", "PUT", "DELETE", "PATCH"])
def unknown(rest: str) -> ResponseReturnValue:
    raise RestError(404, f"{request.method} /{rest} is not among Camunda's paths that are known here.")


@links.get("/.well-known/camunda-automation-platform/webapps")
def webapps() -> Response:
    """Camunda Modeler asks it for where its link to Cockpit leads."""
    pages = url_for("engine_rest_links.show", path="", _external=True)
    return jsonify({"adminUrl": None, "cockpitUrl": pages, "tasklistUrl": url_for("tasks.list_tasks", _external=True)})


@links.get("/camunda-links/", defaults={"path": ""})
@links.get("/camunda-links/<path:path>")
def show(path: str) -> ResponseReturnValue:
    """From a link into Cockpit to the page of ours: of a process instance, else of the processes."""
    kind, _, id = path.partition("/")
    if kind == "process-instance" and id:
        return redirect(url_for("instances.show", instance_id=id))
    return redirect(url_for("processes.list_processes"))


for part in (definitions, deployments, external_tasks, history, instances, messages, operations, tasks):
    area.register_blueprint(part.area)
