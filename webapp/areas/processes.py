"""Process definitions: what there is, in which versions, and starting one."""

from __future__ import annotations

import json
from typing import Any, cast

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import login_required

from engine.errors import InvalidInput, NotFound
from engine.forms import FormDescription
from engine.model import InstanceState, ProcessDefinition
from webapp.context import the_engine, the_person
from webapp.forms import FormState, typed_form
from webapp.permissions import may_start, require

area = Blueprint("processes", __name__, url_prefix="/processes")


@area.get("/")
@login_required
def list_processes() -> str:
    definitions = sorted(the_engine().read.definitions(), key=lambda one: (one.name or one.key).casefold())
    startable = {one.id for one in definitions if may_start(the_person(), one)}
    return render_template("processes/list.html", definitions=definitions, startable=startable)


@area.get("/<key>")
@login_required
def show(key: str) -> str:
    read = the_engine().read
    versions = _versions(key)
    definition = _version(versions, request.args.get("version", type=int))
    return render_template(
        "processes/show.html",
        definition=definition,
        versions=versions,
        may_start=may_start(the_person(), versions[0]),
        running=read.instances(key=key, state=InstanceState.RUNNING, limit=10),
    )


@area.get("/<key>/versions/<int:version>/diagram.bpmn")
@login_required
def download(key: str, version: int) -> Response:
    definition = _version(_versions(key), version)
    response = Response(
        the_engine().read.xml(definition.id),
        mimetype="application/xml",
        headers={
            "Content-Disposition": f'attachment; filename="{_file_name(definition)}"',
            # Somebody else's XML: never a page of ours, whatever it says it is.
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cache-Control": "private, no-cache",
        },
    )
    response.add_etag()
    return cast(Response, response.make_conditional(request))


@area.get("/<key>/start")
@login_required
def start_form(key: str) -> str:
    definition = _startable(key)
    return _start_page(definition, FormState())


@area.post("/<key>/start")
@login_required
def start(key: str) -> ResponseReturnValue:
    definition = _startable(key)
    state = FormState(request.form)
    try:
        instance = the_engine().start(
            key,
            by=the_person().name,
            version=definition.version,
            **_start_input(definition),
        )
    except InvalidInput as error:
        return _start_page(definition, state.refused(error)), 422
    flash(f"{definition.name or key} has started.", "success")
    return redirect(url_for("instances.show", instance_id=instance.id))


def _start_page(definition: ProcessDefinition, state: FormState) -> str:
    return render_template("processes/start.html", definition=definition, form=_form(definition), state=state)


def _form(definition: ProcessDefinition) -> FormDescription | None:
    """The start form; None where there is none or the person prefers JSON."""
    if not definition.has_start_form or request.values.get("by") == "json":
        return None
    return the_engine().read.start_form(definition.id)


def _start_input(definition: ProcessDefinition) -> dict[str, Any]:
    business_key = request.form.get("business_key", "").strip()
    form = _form(definition)
    if form is None:
        variables = _json_variables(request.form.get("variables", ""))
        return {"business_key": business_key or None, "variables": variables}
    typed = typed_form(request.form, form)
    return {"business_key": business_key or typed.get(form.business_key_field or "", "") or None, "form": typed}


def _json_variables(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        variables = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("The variables are no JSON.", {"variables": str(error)}) from None
    if not isinstance(variables, dict):
        raise InvalidInput("The variables are no object.", {"variables": 'Write an object: {"name": value, ...}'})
    return variables


def _startable(key: str) -> ProcessDefinition:
    definition = the_engine().read.definition(key)
    require(may_start(the_person(), definition), f"You may not start '{definition.name or key}'.")
    return definition


def _versions(key: str) -> list[ProcessDefinition]:
    """All versions, the newest first. Raises NotFound."""
    versions = [one for one in the_engine().read.definitions(latest_only=False) if one.key == key]
    if not versions:
        raise NotFound(f"There is no process '{key}'.")
    return sorted(versions, key=lambda one: one.version, reverse=True)


def _version(versions: list[ProcessDefinition], number: int | None) -> ProcessDefinition:
    if number is None:
        return versions[0]
    for one in versions:
        if one.version == number:
            return one
    raise NotFound(f"There is no version {number} of '{versions[0].key}'. The newest is {versions[0].version}.")


def _file_name(definition: ProcessDefinition) -> str:
    name = definition.resource_name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in name if c.isascii() and (c.isalnum() or c in " ._-")) or "diagram.bpmn"
