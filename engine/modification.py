"""What a modification may ask of an instance, as records: first all that is cancelled goes, then the rest begins.

`within` names the activity instance (its `activity_id`, 0 for the process) inside which a token begins. Without it
that is the one scope of the element that is open, or else the scopes around the element are opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from engine.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class CancelActivity:
    """One activity instance, with all that stands inside it."""

    activity_id: int


@dataclass(frozen=True, slots=True)
class CancelElement:
    """All tokens at an element; of a looped activity, all its instances with the body around them."""

    element_id: str


@dataclass(frozen=True, slots=True)
class StartBefore:
    """A token that enters the element. *variables*: set as an activity there would set them; *local_variables*: of
    the outermost scope that is opened for it, else of the activity itself."""

    element_id: str
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    local_variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    within: int | None = None


@dataclass(frozen=True, slots=True)
class StartAfter:
    """A token on the only sequence flow that leaves the element."""

    element_id: str
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    local_variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    within: int | None = None


@dataclass(frozen=True, slots=True)
class StartOn:
    """A token on a sequence flow."""

    flow_id: str
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    local_variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    within: int | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """Each token at *from_element* is cancelled, and for each one begins before *to_element*, in the same scope where
    both stand in it."""

    from_element: str
    to_element: str


Beginning = StartBefore | StartAfter | StartOn
Instruction = CancelActivity | CancelElement | Beginning | Move


def described(instruction: Instruction) -> dict[str, Any]:
    """For the record: what and where, and of variables the names alone."""
    said: dict[str, Any] = {"do": type(instruction).__name__}
    for each in fields(instruction):
        value = getattr(instruction, each.name)
        if isinstance(value, Mapping):
            value = sorted(value)  # type: ignore[reportUnknownArgumentType]  # keys are names
        if value not in (None, []):
            said[each.name] = value
    return said


def kept(instruction: Instruction) -> dict[str, Any]:
    """As plain data, from which `instruction_from` makes it again."""
    values = {each.name: getattr(instruction, each.name) for each in fields(instruction)}
    return {"do": type(instruction).__name__} | {
        name: dict(value) if isinstance(value, Mapping) else value  # type: ignore[reportUnknownArgumentType]
        for name, value in values.items()
    }


def instruction_from(data: Mapping[str, Any]) -> Instruction:
    """Raises InvalidInput for what is no instruction."""
    given = dict(data)
    kind = _KINDS.get(given.pop("do", ""))
    names = {each.name for each in fields(kind)} if kind is not None else set[str]()
    if kind is None or not given.keys() <= names:
        raise InvalidInput(f"'{data.get('do')}' with {', '.join(given) or 'nothing'} is no instruction.")
    try:
        return kind(**given)
    except TypeError as problem:
        raise InvalidInput(f"'{data.get('do')}' is incomplete: {problem}.") from problem


_KINDS: dict[str, Any] = {
    each.__name__: each for each in (CancelActivity, CancelElement, StartBefore, StartAfter, StartOn, Move)
}
