"""Where a script stands, and what becomes of what it did."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.errors import BpmnError
from engine.interpreter.token import Token
from engine.scripting import ScriptResult, Standing


def standing(token: Token) -> Standing:
    """For a script that runs at *token*: of a listener, the one inside the activity that it listens to."""
    host = _host(token)
    event = token.spec.heard(token)
    return Standing(
        activity_id=host.id,
        event=event,
        local=tuple(_own_scope(host).data),
        task=host.spec.task_view(host, event) if event else None,
    )


def take_in(token: Token, result: ScriptResult) -> None:
    """Sets what the script has set. Raises BpmnError where the script ended in one."""
    token.workflow.set_variables(token, result.assigned)
    owner = _own_scope(_host(token))
    for name, value in result.local.items():
        token.workflow.set_local(owner, name, value, token.id)
    if result.task:
        host = _host(token)
        host.memory["set"] = host.memory.get("set", {}) | {name: _kept(value) for name, value in result.task.items()}
        host.workflow.touch(host)
    if result.error:
        code, message = result.error
        raise BpmnError(code, message)


def _host(token: Token) -> Token:
    return token.container if token.is_catcher else token


def _own_scope(host: Token) -> Token:
    """The activity itself where it has variables, mappings, attached events or contents; else what it stands in."""
    node = host.spec.node
    has_scope = host.data or node.inputs or node.outputs or node.body or host.spec.has_attached_events
    return host if has_scope or host.id == 0 else host.container


def _kept(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
