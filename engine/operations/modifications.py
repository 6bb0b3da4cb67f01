"""Moving the tokens of an instance by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from engine.clock import Clock
from engine.commands import Modify
from engine.errors import InvalidInput
from engine.modification import (
    CancelActivity,
    CancelElement,
    Instruction,
    Move,
    StartAfter,
    StartBefore,
    StartOn,
)
from engine.road import Road
from engine.session import Session
from engine.store.codec import normalise


class Modifications:
    def __init__(self, road: Road, clock: Clock) -> None:
        self._road = road
        self._clock = clock

    def modify(self, instance_id: str, instructions: Sequence[Instruction], *, by: str, reason: str) -> None:
        checked = normalised(instructions)
        self._road.travel(
            lambda session: modify_in(session, instance_id, checked, at=self._clock.now(), by=by, reason=reason)
        )


def modify_in(
    session: Session, instance_id: str, instructions: tuple[Instruction, ...], *, at: datetime, by: str, reason: str
) -> None:
    """Raises NotFound, Conflict or InvalidInput; then the instance is as it was."""
    is_called = session.live(instance_id).row.parent_id is not None
    command = Modify(at=at, actor=by, instructions=instructions, reason=reason, may_end=not is_called)
    session.deliver(instance_id, command)


def normalised(instructions: Sequence[Instruction]) -> tuple[Instruction, ...]:
    """With variables as they will be kept. Raises InvalidInput."""
    return tuple(_normalised(each) for each in instructions)


def _normalised(instruction: object) -> Instruction:
    match instruction:
        case StartBefore() | StartAfter() | StartOn():
            variables, local = normalise(instruction.variables), normalise(instruction.local_variables)
            return replace(instruction, variables=variables, local_variables=local)
        case CancelActivity() | CancelElement() | Move():
            return instruction
        case _:
            kind = type(instruction).__name__
            raise InvalidInput(f"Something of type {kind} is no instruction. Give one of engine.modification.")
