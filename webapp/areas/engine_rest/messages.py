"""/message and /signal: what comes from outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from engine.errors import Conflict, NotFound
from engine.tokens import Scope
from webapp.areas.engine_rest.access import the_name, the_rights
from webapp.areas.engine_rest.answering import RestError
from webapp.areas.engine_rest.asking import Asked, the_body
from webapp.areas.engine_rest.instances import instance_shown
from webapp.areas.engine_rest.variables import typed_all, untyped_all
from webapp.context import the_engine

area = Blueprint("messages", __name__)

_MESSAGE = (
    *("messageName", "businessKey", "processInstanceId", "correlationKeys", "localCorrelationKeys"),
    *("processVariables", "all", "resultEnabled", "variablesInResultEnabled"),
)
_TENANTS = ("withoutTenantId",)


@area.post("/message")
def correlate() -> ResponseReturnValue:
    the_rights().require(Scope.MESSAGES)
    body = the_body().only(*_MESSAGE, without_effect=_TENANTS)
    to_all = body.flag("all") is True
    try:
        found = the_engine().correlate(
            body.needed("messageName"),
            business_key=body.text("businessKey"),
            correlation_keys=untyped_all(body.any("correlationKeys"), name="correlationKeys"),
            local_correlation_keys=untyped_all(body.any("localCorrelationKeys"), name="localCorrelationKeys"),
            variables=untyped_all(body.any("processVariables"), name="processVariables"),
            instance_id=body.text("processInstanceId"),
            all=to_all,
            by=the_name(),
        )
    except (NotFound, Conflict) as problem:
        if to_all and isinstance(problem, NotFound):
            return _result(body, (), ())
        raise RestError(400, f"Cannot correlate message '{body.text('messageName')}': {problem}") from problem
    return _result(body, found.matched, found.started)


@area.post("/signal")
def signal() -> ResponseReturnValue:
    the_rights().require(Scope.MESSAGES)
    body = the_body().only("name", "variables", without_effect=_TENANTS)
    the_engine().signal(body.needed("name"), variables=untyped_all(body.any("variables")), by=the_name())
    return "", 204


def _result(body: Asked, matched: Sequence[str], started: Sequence[str]) -> ResponseReturnValue:
    if not body.flag("resultEnabled"):
        return "", 204
    with_variables = body.flag("variablesInResultEnabled") is True
    results = [_matched(id, with_variables) for id in matched] + [_started(id, with_variables) for id in started]
    return jsonify(results)


def _matched(instance_id: str, with_variables: bool) -> dict[str, Any]:
    execution = {"id": instance_id, "processInstanceId": instance_id, "ended": False, "tenantId": None}
    return {"resultType": "Execution", "execution": execution, **_more(instance_id, with_variables)}


def _started(instance_id: str, with_variables: bool) -> dict[str, Any]:
    instance = instance_shown(the_engine().read.instance(instance_id))
    return {"resultType": "ProcessDefinition", "processInstance": instance, **_more(instance_id, with_variables)}


def _more(instance_id: str, with_variables: bool) -> dict[str, Any]:
    if not with_variables:
        return {}
    return {"variables": typed_all(the_engine().read.variables(instance_id), is_deserialized=False)}
