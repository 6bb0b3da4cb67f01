"""Deploying, and what is deployed."""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath

from flask import Response, request

from engine.errors import InvalidInput, NotFound
from engine.model import ProcessDefinition, Resource
from engine.searching import Condition, Search
from engine.tokens import Scope
from webapp.areas.api.lists import given, page, search
from webapp.areas.api.operation import Answer, Call, operation, unchanged
from webapp.areas.api.records import (
    Decided,
    Definition,
    DefinitionFilter,
    Deployed,
    EvaluateDecision,
    Listed,
)
from webapp.areas.api.values import to_json, variables_from_json
from webapp.context import the_engine

_MOST_FILES = 100


@operation(
    "POST",
    "/deployments",
    tag="Definitions",
    scope=Scope.DEPLOY,
    answers={200: Deployed, 201: Deployed},
    has_files=True,
)
def deploy(call: Call) -> Answer:
    """Deploy files: .bpmn, .dmn and .form, all or nothing.

    A multipart form with one or more `files`, and a `name` of the deployment if you like. 201 for a new deployment,
    200 where every file was there already, byte for byte. A refusal lists its findings, each with file and line.
    """
    call.rights.require(Scope.DEPLOY)
    uploads = request.files.getlist("files")
    if not uploads:
        raise InvalidInput("Send one or more files, each as a part 'files' of a multipart form.", {"/files": "missing"})
    if len(uploads) > _MOST_FILES:
        raise InvalidInput(f"{len(uploads)} files: send up to {_MOST_FILES} at once.")
    resources = [Resource(_name_of(each.filename), each.stream.read()) for each in uploads]
    name = request.form.get("name", "")[:255].replace("\0", "")
    deployment = the_engine().deploy(*resources, by=call.by, name=name)
    return Answer(201 if deployment.is_new else 200, Deployed.model_validate(deployment))


@operation(
    "GET",
    "/process-definitions",
    tag="Definitions",
    scope=Scope.READ,
    query=DefinitionFilter,
    answers={200: Listed[Definition]},
)
def list_definitions(call: Call) -> Listed[Definition]:
    """List process definitions, by id.

    The newest version of each, unless `latest=false`.
    """
    query: DefinitionFilter = call.query
    is_latest = Condition("is_latest", True) if query.latest else None
    found = the_engine().find.definitions(search(query, given("key", query.key), is_latest))
    return page(found, query, Definition.model_validate, lambda each: each.id)


@operation("GET", "/process-definitions/{id}", tag="Definitions", scope=Scope.READ, answers={200: Definition})
def get_definition(call: Call, id: str) -> Definition:
    """Show a process definition: a version by its id, or the newest of a key."""
    return Definition.model_validate(the_engine().read.definition(id))


@operation(
    "GET",
    "/process-definitions/{id}/xml",
    tag="Definitions",
    scope=Scope.READ,
    answers={200: None},
    media_type="application/xml",
    has_etag=True,
)
def get_xml(call: Call, id: str) -> Response:
    """Get the diagram, byte for byte as it was deployed."""
    data = the_engine().read.xml(id)
    etag = hashlib.sha256(data).hexdigest()[:32]
    return unchanged(etag) or Response(data, mimetype="application/xml", headers={"ETag": f'"{etag}"'})


@operation(
    "POST",
    "/decisions/{key}/evaluate",
    tag="Definitions",
    scope=Scope.START,
    body=EvaluateDecision,
    answers={200: Decided},
)
def evaluate_decision(call: Call, key: str) -> Decided:
    """Evaluate a deployed decision, outside of any process.

    Nothing of it is recorded.
    """
    body: EvaluateDecision = call.body
    made = the_engine().evaluate_decision(key, variables_from_json(body.variables), version=body.version)
    return Decided(value=to_json(made.value), rules=list(made.rules))


def definition_for(key: str | None, id: str | None, version: int | None, version_tag: str | None) -> ProcessDefinition:
    """The one to start. Raises InvalidInput, NotFound."""
    read = the_engine().read
    if (key is None) == (id is None):
        raise InvalidInput("Name the process by one of key and definition_id.", {"/key": "one of key, definition_id"})
    if id is not None:
        if version is not None or version_tag is not None:
            raise InvalidInput("A definition_id says the version.", {"/version": "goes with a key"})
        return read.definition(id)
    if version is not None and version_tag is not None:
        raise InvalidInput("Give one of version and version_tag.", {"/version": "one of version, version_tag"})
    wanted = [Condition("key", key), given("version", version), given("version_tag", version_tag)]
    conditions = tuple(each for each in wanted if each is not None)
    found = the_engine().find.definitions(Search(conditions, (("version", True),), 1))
    if not found:
        raise NotFound(f"There is no such process '{key}'. Deploy its diagram first.")
    return found[0]


def _name_of(filename: str | None) -> str:
    """Its last part: a path says where it lay, which is nobody's business."""
    name = PurePosixPath((filename or "").replace("\\", "/")).name
    if not name or len(name) > 255 or "\0" in name:
        raise InvalidInput("A file has no name, or none that can be kept.", {"/files": "no file name"})
    return name
