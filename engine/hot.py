"""Instances kept in memory between commits, each good for as long as nobody else has moved it on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any

from engine.record import record

INSTANCES = 4096
CHARACTERS = 32_000_000


@dataclass(slots=True)
class Sizes:
    """Which parts and variables of an instance lie in the database, with the lengths of their texts."""

    parts: dict[int, int] = field(default_factory=dict)
    variables: dict[tuple[int, str], int] = field(default_factory=dict)
    total: int = 0

    @classmethod
    def of(
        cls, parts: Mapping[int, str], variables: Mapping[tuple[int, str], str], size_of: Callable[[str], int]
    ) -> Sizes:
        """*size_of*: the length of the value behind a column's text."""
        by_part = {part_id: size_of(text) for part_id, text in parts.items()}
        by_variable = {key: size_of(text) for key, text in variables.items()}
        return cls(by_part, by_variable, sum(by_part.values()) + sum(by_variable.values()))

    def put_part(self, part_id: int, size: int) -> None:
        self.total += size - self.parts.get(part_id, 0)
        self.parts[part_id] = size

    def drop_part(self, part_id: int) -> bool:
        """Whether it was there."""
        size = self.parts.pop(part_id, None)
        self.total -= size or 0
        return size is not None

    def put_variable(self, key: tuple[int, str], size: int) -> None:
        self.total += size - self.variables.get(key, 0)
        self.variables[key] = size

    def drop_variable(self, key: tuple[int, str]) -> bool:
        """Whether it was there."""
        size = self.variables.pop(key, None)
        self.total -= size or 0
        return size is not None


@record
class Hot:
    """*instance*: the interpreter's, as it was saved in *version*. *last_at*: the time of what was recorded last, None
    where that is not known."""

    version: int
    instance: Any
    sizes: Sizes
    last_at: datetime | None = None


class HotInstances:
    """A bounded cache. Who takes an instance has it alone, and puts it back when its changes are committed:
    one whose transaction fails is gone, and read from the database the next time."""

    def __init__(self, instances: int = INSTANCES, characters: int = CHARACTERS) -> None:
        self._instances = instances
        self._characters = characters
        self._kept: OrderedDict[str, Hot] = OrderedDict()
        self._total = 0
        self._lock = Lock()
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, instance_id: str, version: int) -> Hot | None:
        """The instance if it is here as of *version*, which the caller has read under its lock."""
        with self._lock:
            hot = self._pop(instance_id)
            if hot is not None and hot.version == version:
                self.hits += 1
                return hot
            self.misses += 1
        return None

    def put(self, items: Iterable[tuple[str, Hot]]) -> None:
        with self._lock:
            for instance_id, hot in items:
                self._pop(instance_id)
                self._kept[instance_id] = hot
                self._total += hot.sizes.total
            while self._kept and (len(self._kept) > self._instances or self._total > self._characters):
                self._pop(next(iter(self._kept)))

    def _pop(self, instance_id: str) -> Hot | None:
        hot = self._kept.pop(instance_id, None)
        if hot is not None:
            self._total -= hot.sizes.total
        return hot
