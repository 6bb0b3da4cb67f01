"""The OpenAPI document, made from the operations and their models."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from webapp.areas.api.operation import LONGEST_KEY, OPERATIONS, Operation
from webapp.areas.api.problems import KINDS, MEDIA_TYPE
from webapp.areas.api.records import Problem

_REF = "#/components/schemas/{model}"
_ABOUT = (
    "Deploy processes, start and steer instances, do user tasks and external tasks, read the history. "
    "Send a token, made by `fermata tokens add NAME`, as `Authorization: Bearer ...`. "
    "Errors are problem details (RFC 9457)."
)
_USUAL = (400, 401, 403, 422, 429, 503)


@cache
def document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    schemas, definitions = _schemas()
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Fermata", "version": _version(), "description": _ABOUT},
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "tags": [{"name": name} for name in dict.fromkeys(operation.tag for operation in OPERATIONS)],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": definitions,
            "responses": {
                "Problem": {
                    "description": "A problem, as its `type` and `status` say.",
                    "content": {MEDIA_TYPE: {"schema": schemas[Problem, "validation"]}},
                }
            },
        },
    }


def _schemas() -> tuple[dict[Any, Any], dict[str, Any]]:
    told = {model for each in OPERATIONS for model in each.answers.values() if model is not None}
    asked = {each.body for each in OPERATIONS if each.body is not None}
    wanted = sorted(told, key=lambda model: model.__name__) + sorted(asked, key=lambda model: model.__name__)
    pairs: list[tuple[type[BaseModel], Any]] = [
        (model, "serialization" if model in told else "validation") for model in wanted
    ]
    by_model, top = models_json_schema([*pairs, (Problem, "validation")], ref_template=_REF)
    return dict(by_model), top["$defs"]


def _operation(operation: Operation, schemas: dict[Any, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": f"{operation.description} Scope: `{operation.scope}`.".strip(),
        "parameters": [*_path_parameters(operation), *_query_parameters(operation), *_header_parameters(operation)],
        "responses": _responses(operation, schemas),
    }
    if operation.body is not None:
        schema = schemas[operation.body, "validation"]
        is_needed = any(field.is_required() for field in operation.body.model_fields.values())
        said["requestBody"] = {"required": is_needed, "content": {"application/json": {"schema": schema}}}
    if operation.has_files:
        said["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": _FILES}}}
    return said


_FILES = {
    "type": "object",
    "required": ["files"],
    "properties": {
        "files": {"type": "array", "minItems": 1, "maxItems": 100, "items": {"type": "string", "format": "binary"}},
        "name": {"type": "string", "maxLength": 255},
    },
}


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[^/\x00]+$"}
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name in operation.parameters]


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    schema = operation.query.model_json_schema(ref_template=_REF)
    inner = schema.get("$defs", {})
    parameters: list[dict[str, Any]] = []
    for name, described in schema["properties"].items():
        plain = _without_null(described, inner)
        parameters.append({"name": name, "in": "query", "required": False, "schema": plain})
    return parameters


def _without_null(described: dict[str, Any], inner: dict[str, Any]) -> dict[str, Any]:
    """Of a parameter: left out rather than null."""
    choices: list[dict[str, Any]] = [each for each in described.get("anyOf", [described]) if each.get("type") != "null"]
    chosen: dict[str, Any] = dict(choices[0]) if len(choices) == 1 else {"anyOf": choices}
    if (ref := chosen.pop("$ref", None)) is not None:
        chosen |= {key: value for key, value in inner[ref.rpartition("/")[2]].items() if key != "description"}
    extra = {key: described[key] for key in ("description", "default") if described.get(key) is not None}
    chosen.pop("title", None)
    return chosen | extra


def _header_parameters(operation: Operation) -> list[dict[str, Any]]:
    if not operation.is_repeatable:
        return []
    about = "A repeated request with the same key, of the same token within a day, does nothing and is answered again."
    schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"}
    return [{"name": "Idempotency-Key", "in": "header", "required": False, "description": about, "schema": schema}]


def _responses(operation: Operation, schemas: dict[Any, Any]) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, model in operation.answers.items():
        answer: dict[str, Any] = {"description": _DONE.get(status, "Done.")}
        if model is not None:
            mode = "serialization"
            answer["content"] = {operation.media_type: {"schema": schemas[model, mode]}}
        elif operation.media_type != "application/json":
            answer["content"] = {operation.media_type: {"schema": {"type": "string"}}}
        if operation.has_etag:
            answer["headers"] = {"ETag": {"schema": {"type": "string"}}}
        responses[str(status)] = answer
    if operation.has_etag:
        responses["304"] = {"description": "It is as you have it (If-None-Match)."}
    problems = [*_USUAL, 404, 409] + ([413, 415] if operation.body or operation.has_files else [])
    for status in sorted(problems):
        responses[str(status)] = {
            "description": KINDS[status][1],
            "content": {MEDIA_TYPE: {"schema": schemas[Problem, "validation"]}},
        }
    responses["default"] = {"$ref": "#/components/responses/Problem"}
    return responses


_DONE = {200: "Done.", 201: "Made.", 204: "Done; nothing to say."}


def _version() -> str:
    try:
        return version("fermata")
    except PackageNotFoundError:
        return "0"
