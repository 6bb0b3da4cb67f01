"""Process instances: starting, finding and steering them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response

from engine.errors import InvalidInput
from engine.model import ProcessInstance
from engine.tokens import Scope
from webapp.areas.api.definitions import definition_for
from webapp.areas.api.lists import given, page, search
from webapp.areas.api.operation import Answer, Call, operation, unchanged
from webapp.areas.api.records import (
    Instance,
    InstanceFilter,
    Listed,
    Reasoned,
    SetVariables,
    StartInstance,
    VariablesOf,
)
from webapp.areas.api.repeating import once
from webapp.areas.api.values import variables_from_json
from webapp.context import the_engine

_TAG = "Process instances"


@operation(
    "POST",
    "/process-instances",
    tag=_TAG,
    scope=Scope.START,
    body=StartInstance,
    answers={201: Instance},
    is_repeatable=True,
)
def start_instance(call: Call) -> Answer:
    """Start a process instance, up to where it waits.

    By key (the newest version, or that of a version or version tag), or by the id of a definition. With an
    Idempotency-Key a repeated request starts nothing, and is answered with the instance that the first one started.
    """
    body: StartInstance = call.body
    definition = definition_for(body.key, body.definition_id, body.version, body.version_tag)
    call.rights.require_start(definition)
    variables = variables_from_json(body.variables)

    def start() -> ProcessInstance:
        return the_engine().start(
            definition.key,
            version=definition.version,
            variables=variables,
            business_key=body.business_key,
            by=call.by,
        )

    def again(receipt: Mapping[str, Any]) -> Answer:
        return _started(the_engine().read.instance(receipt["id"]))

    return once(call, start, lambda live: {"id": live.id}, again, _started)


@operation(
    "GET",
    "/process-instances",
    tag=_TAG,
    scope=Scope.READ,
    query=InstanceFilter,
    answers={200: Listed[Instance]},
)
def list_instances(call: Call) -> Listed[Instance]:
    """List process instances, the newest first."""
    query: InstanceFilter = call.query
    names = ("process_key", "definition_id", "business_key", "state", "parent_id", "active_at")
    wanted = search(query, *(given(name, getattr(query, name)) for name in names), newest_first=True)
    return page(the_engine().find.instances(wanted), query, Instance.model_validate, lambda each: each.id)


@operation("GET", "/process-instances/{id}", tag=_TAG, scope=Scope.READ, answers={200: Instance}, has_etag=True)
def get_instance(call: Call, id: str) -> Answer | Response:
    """Show a process instance.

    Its ETag is another one as soon as anything of it has changed: ask with If-None-Match, and 304 costs little.
    """
    etag = the_engine().read.revision(id)
    instance = the_engine().read.instance(id)
    return unchanged(etag) or Answer(200, Instance.model_validate(instance), {"ETag": f'"{etag}"'})


@operation("GET", "/process-instances/{id}/variables", tag=_TAG, scope=Scope.READ, answers={200: VariablesOf})
def get_variables(call: Call, id: str) -> VariablesOf:
    """Get the variables of the process, also after its end."""
    the_engine().read.instance(id)
    return VariablesOf(variables=the_engine().read.variables(id))


@operation(
    "PATCH",
    "/process-instances/{id}/variables",
    tag=_TAG,
    scope=Scope.OPERATE,
    body=SetVariables,
    answers={204: None},
)
def set_variables(call: Call, id: str) -> None:
    """Set variables; those that are not named stay as they are."""
    call.rights.require(Scope.OPERATE)
    body: SetVariables = call.body
    the_engine().set_variables(id, variables_from_json(body.variables), body.element_id, by=call.by)


@operation("POST", "/process-instances/{id}/cancel", tag=_TAG, scope=Scope.OPERATE, body=Reasoned, answers={204: None})
def cancel_instance(call: Call, id: str) -> None:
    """End an instance with everything it waits for; the reason is kept in the audit log."""
    call.rights.require(Scope.OPERATE)
    if not call.body.reason:
        raise InvalidInput("Say why: the reason is kept in the audit log.", {"/reason": "missing"})
    the_engine().cancel(id, call.body.reason, by=call.by)


@operation("POST", "/process-instances/{id}/suspend", tag=_TAG, scope=Scope.OPERATE, body=Reasoned, answers={204: None})
def suspend_instance(call: Call, id: str) -> None:
    """Stop an instance where it stands: its jobs are not run, and it refuses commands."""
    call.rights.require(Scope.OPERATE)
    the_engine().suspend(id, by=call.by, reason=call.body.reason)


@operation(
    "POST", "/process-instances/{id}/activate", tag=_TAG, scope=Scope.OPERATE, body=Reasoned, answers={204: None}
)
def activate_instance(call: Call, id: str) -> None:
    """Let a suspended instance go on."""
    call.rights.require(Scope.OPERATE)
    the_engine().activate(id, by=call.by, reason=call.body.reason)


def _started(instance: ProcessInstance) -> Answer:
    where = f"/api/v1/process-instances/{instance.id}"
    return Answer(201, Instance.model_validate(instance), {"Location": where})
