"""What an event carries from its throw to its catch: named values, or one value as a whole.

A whole value that has no names of its own travels beside a name for whoever wants one: {"": value, name: value}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from bpmn.model import Assignment, Expression
from engine.interpreter.compiling import Compiler

if TYPE_CHECKING:
    from engine.interpreter.token import Token

_WHOLE = ""
_UNNAMED = "payload"


class Payload:
    """What a throw sends. An assignment without a target is the whole payload."""

    def __init__(self, compiler: Compiler, assignments: tuple[Assignment, ...]) -> None:
        self._assignments = compiler.assignments(assignments)
        self._names = {index: _name_of(each) for index, each in enumerate(assignments) if not each.target}

    def __call__(self, token: Token) -> dict[str, Any]:
        payload: dict[str, Any] = {}
        for index, (target, evaluate) in enumerate(self._assignments):
            value = evaluate(token)
            if target:
                payload[target] = value
            elif isinstance(value, Mapping):
                payload.update(cast("Mapping[str, Any]", value))
            else:
                payload.update({_WHOLE: value, self._names[index]: value})
        return payload


def received(payload: Mapping[str, Any], variable: str | None) -> dict[str, Any]:
    """The variables that a *payload* makes where it is caught: its own names, or all of it in *variable*."""
    if variable:
        return {variable: payload[_WHOLE] if _WHOLE in payload else dict(payload)}
    return {name: value for name, value in payload.items() if name != _WHOLE}


def _name_of(assignment: Assignment) -> str:
    """Of the variable that is sent, if it is one."""
    source = assignment.source
    return source.text if isinstance(source, Expression) and source.text.isidentifier() else _UNNAMED
