"""Finding records by many conditions at once, as REST APIs are asked for them. Reads change nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from engine.errors import InvalidInput
from engine.model import InstanceState

MOST = 10_000
"""Records in one answer, however many are asked for."""

Item = TypeVar("Item")


class Operator(StrEnum):
    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    LIKE = "like"  # % stands for any characters, _ for one
    ONE_OF = "in"
    NONE_OF = "not in"
    EXISTS = "exists"  # with True or False


@dataclass(frozen=True, slots=True)
class Condition:
    """*field*: of those that the kind of record has; `variable:NAME` is a variable of the process instance."""

    field: str
    value: Any
    operator: Operator = Operator.EQUAL

    def __post_init__(self) -> None:
        texts: Collection[Any] = self.value if isinstance(self.value, (list, tuple, set)) else (self.value,)
        if any(isinstance(text, str) and "\0" in text for text in texts):
            raise InvalidInput(f"What {self.field} is compared with has a NUL character.")


@dataclass(frozen=True, slots=True)
class Search:
    """Records that fulfil all *conditions*. *order*: fields, each with whether it descends."""

    conditions: tuple[Condition, ...] = ()
    order: tuple[tuple[str, bool], ...] = ()
    limit: int = MOST
    offset: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.limit <= MOST or not 0 <= self.offset <= 2**62:
            raise InvalidInput(f"{self.limit} records from {self.offset} on: ask for up to {MOST} at once.")


@dataclass(frozen=True, slots=True)
class Located(Generic[Item]):
    """*item*, and the process instance that it belongs to: None where an open job or incident belongs to none."""

    item: Item
    instance_id: str | None
    process_key: str
    definition_id: str
    business_key: str | None = None
    instance_state: InstanceState | None = None


@dataclass(frozen=True, slots=True)
class DeploymentRecord:
    id: str
    name: str
    deployed_at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Variable:
    """*scope_id*: 0 for the process's own, else the activity id whose scope it is."""

    instance_id: str
    scope_id: int
    name: str
    value: Any
