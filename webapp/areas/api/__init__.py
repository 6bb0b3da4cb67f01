"""The REST API under /api/v1: what the engine does, for programs in any language.

An operation is a function with `@operation`, in a module of its subject; the OpenAPI document and the page that shows
it are made from these. docs/rest.md tells the rest.
"""

from __future__ import annotations

import orjson
from flask import Flask, Response, redirect, render_template
from flask.typing import ResponseReturnValue

from webapp import errors
from webapp.areas.api import batches, definitions, external_tasks, history, instances, jobs, messages, tasks
from webapp.areas.api.access import Throttles
from webapp.areas.api.openapi import document
from webapp.areas.api.operation import OPERATIONS, area
from webapp.areas.api.problems import IN_DOUBT, KINDS, REFUSED, answer
from webapp.context import the_engine

__all__ = ["batches", "definitions", "external_tasks", "history", "instances", "jobs", "messages", "tasks"]


def install(app: Flask) -> None:
    """Before the engine is shown: from now on topics that nobody handles wait for workers elsewhere."""
    app.extensions["api_throttles"] = Throttles()
    app.extensions["csrf"].exempt(area)
    app.register_blueprint(area)
    errors.speak(f"{area.url_prefix}/", answer)
    with app.app_context():
        the_engine().external.open()


def release(app: Flask) -> None:
    """Workers that wait for tasks are answered, and none waits from now on."""
    if (engine := app.extensions.get("fermata")) is not None:
        engine.external.close()


area.register_error_handler(Exception, answer)


@area.get("/openapi.json")
def openapi() -> Response:
    return Response(orjson.dumps(document()), mimetype="application/json")


@area.get("/")
def start() -> ResponseReturnValue:
    return redirect(f"{area.url_prefix}/docs")


@area.get("/docs")
def docs() -> str:
    tags: dict[str, list[object]] = {}
    said = document()
    for each in OPERATIONS:
        tags.setdefault(each.tag, []).append((each, said["paths"][each.path][each.method.lower()]))
    kinds = [*((status, *kind) for status, kind in KINDS.items()), (422, *REFUSED), (503, *IN_DOUBT)]
    schemas = said["components"]["schemas"]
    return render_template("api/docs.html", document=said, tags=tags, schemas=schemas, kinds=kinds)


@area.get("/problems/<name>")
def problem_kind(name: str) -> ResponseReturnValue:
    return redirect(f"{area.url_prefix}/docs#problem-{name}")
