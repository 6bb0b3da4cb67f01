"""Records of migration: how the elements of one version of a process are those of another, and what that does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """Why it cannot be done as it is. *element_id*: of the version that is left."""

    element_id: str
    message: str

    def __str__(self) -> str:
        return f"{self.element_id}: {self.message}" if self.element_id else self.message


@dataclass(frozen=True, slots=True)
class MigrationPlan:
    """*source*, *target*: definition ids. *mapping*: element ids of the one to those of the other; *unmapped*: elements
    of the source that have none there: a token at one of them cannot be migrated, an event that is attached to an
    activity is given up. *problems*: of the mapping itself; with any, nothing is migrated."""

    source: str
    target: str
    process_key: str
    source_version: int
    target_version: int
    mapping: Mapping[str, str]
    unmapped: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def is_valid(self) -> bool:
        return not self.problems


@dataclass(frozen=True, slots=True)
class Migration:
    """What migrating does, or would do, to one instance. *moves*: (activity id, element id now, element id then) of
    all that stands in it; *given_up*, *new*: element ids of events that are not waited for any more, or from then on.
    """

    instance_id: str
    moves: tuple[tuple[int, str, str], ...] = ()
    given_up: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    is_dry_run: bool = False
