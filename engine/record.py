"""Records that each job needs by the dozen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, dataclass_transform, overload

Kind = TypeVar("Kind", bound=type[Any])


@overload
def record(kind: Kind, /) -> Kind: ...
@overload
def record(*, kw_only: bool = False) -> Callable[[Kind], Kind]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(kind: Kind | None = None, /, *, kw_only: bool = False) -> Kind | Callable[[Kind], Kind]:
    """A slotted dataclass that nobody changes: the type checker sees to that. A frozen one sees to it itself, and takes
    four times as long to make."""
    make = dataclass(slots=True, unsafe_hash=True, kw_only=kw_only)
    return make if kind is None else make(kind)
