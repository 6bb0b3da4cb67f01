"""Tokens that are put somewhere by hand, in a scope that may first have to be opened for them.

A scope that is opened for them does all that a scope does as it begins, but begins here instead of at its start
events. What is to begin is plain data, so that it waits with the scope: for a save point, a listener, a retry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from engine.interpreter.token import Token

_BEGIN = "begin"


class Where(StrEnum):
    BEFORE = "before"  # an element
    FLOW = "flow"  # on a sequence flow
    EVENT = "event"  # the start event of an event subprocess, as if it had been triggered
    OPEN = "open"  # a scope, with what begins inside it
    INSTANCE = "instance"  # another one of a multi-instance activity


@dataclass(slots=True)
class Begin:
    """*name*: the id of the element or flow. *by*: of an arrival at a joining gateway, the flow that it counts for.
    *inner*: of a scope, what begins inside it; none for its own beginning."""

    where: Where
    name: str
    local: Mapping[str, Any] = field(default_factory=dict[str, Any])
    by: str | None = None
    inner: list[Begin] = field(default_factory=list["Begin"])

    def kept(self) -> list[Any]:
        return [str(self.where), self.name, dict(self.local), self.by, [each.kept() for each in self.inner]]


def kept_beginnings(scope: Token) -> list[Any] | None:
    """What shall begin in *scope* instead of its own beginning; it is told once."""
    return scope.memory.pop(_BEGIN, None)


def keep_beginnings(scope: Token, beginnings: list[Any]) -> None:
    if beginnings:
        scope.memory[_BEGIN] = beginnings
        scope.workflow.touch(scope)


def begin_all(container: Token, beginnings: list[Any]) -> None:
    """*beginnings*: as `Begin.kept` gives them."""
    for where, name, local, by, inner in beginnings:
        _begin(container, Where(where), name, local, by, inner)


def _begin(
    container: Token, where: Where, name: str, local: Mapping[str, Any], by: str | None, inner: list[Any]
) -> None:
    program, workflow = container.spec.program, container.workflow
    match where:
        case Where.FLOW:
            program.flow(name).take(container)
        case Where.EVENT:
            program.spec_of(name).fire(container, {})  # type: ignore[attr-defined]  # an event subprocess's start
        case Where.INSTANCE:
            container.spec.add_instance(container, local, inner)  # type: ignore[attr-defined]  # a body
        case Where.BEFORE if by is not None:
            program.spec_of(name).arrive(container, program.flow(by))
        case _:
            token = workflow.enter(program.spec_of(name), container)
            for variable, value in local.items():
                workflow.set_local(token, variable, value, 0)
            keep_beginnings(token, inner)
