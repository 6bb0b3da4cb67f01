"""How quiet the machine was: the same small work again and again between what is measured.

A neighbour who takes processor time makes the loop slower in wall time than in processor time; one who shares the
processor's caches or frequency makes it slower in both; one who uses the disk makes the write slower.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

LOOKS = 5
"""Loops and writes of one look."""


@dataclass(slots=True)
class Looks:
    """Seconds of each loop and of each durable write that were taken during a group of benchmarks."""

    wall: list[float] = field(default_factory=list[float])
    processor: list[float] = field(default_factory=list[float])
    write: list[float] = field(default_factory=list[float])

    @property
    def contention(self) -> float:
        """How much longer the median loop took than it worked: 1.0 on a machine of our own."""
        return statistics.median(self.wall) / statistics.median(self.processor)


class Noise:
    def __init__(self, folder: Path) -> None:
        self.groups: dict[str, Looks] = {}
        self._folder = folder
        self._current = Looks()

    @contextmanager
    def during(self, group: str) -> Iterator[None]:
        """What is looked at meanwhile is of *group*; looks at its beginning and end in any case."""
        self._current = self.groups[group] = Looks()
        self.look()
        yield
        self.look()

    def look(self) -> None:
        """A few milliseconds each time. Nothing of ours may run beside it."""
        with tempfile.TemporaryFile(dir=self._folder) as file:
            for _ in range(LOOKS):
                wall, processor = time.perf_counter(), time.process_time()
                _loop()
                self._current.processor.append(time.process_time() - processor)
                self._current.wall.append(time.perf_counter() - wall)
                started = time.perf_counter()
                file.write(b"\0" * 4096)
                file.flush()
                os.fdatasync(file.fileno())
                self._current.write.append(time.perf_counter() - started)


def _loop() -> int:
    return sum(number * number for number in range(100_000))
