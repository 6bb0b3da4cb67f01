"""What one run of the benchmarks found, and the bars it is held against."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.measure import Comparison
from tests.benchmarks.persisted import Throughput


@dataclass(frozen=True, slots=True)
class Growth:
    """Medians of the first and of the last *window* of *turns* turns of one instance: seconds and bytes per turn."""

    turns: int
    window: int
    seconds: tuple[float, float]
    bytes: tuple[float, float]

    @property
    def in_time(self) -> float:
        return self.seconds[1] / self.seconds[0]

    @property
    def in_bytes(self) -> float:
        return self.bytes[1] / self.bytes[0]


@dataclass(frozen=True, slots=True)
class Bar:
    """*is_met*: whether *found* is on the right side of *wanted*."""

    what: str
    wanted: str
    found: str
    is_met: bool


@dataclass(frozen=True, slots=True)
class Results:
    """*stock_turns*: turns of the loop that stock SpiffWorkflow was measured with."""

    line: Comparison
    loop: Comparison
    items: Comparison
    growth: Growth
    stock_growth: Growth
    whole_loop: float  # seconds for 5,000 turns in memory
    scripts: Throughput
    order: Throughput
    stock_turns: int

    @property
    def bars(self) -> list[Bar]:
        return [
            _at_least("10 script tasks in a line, in memory", self.line.ratio, 4),
            _at_least("1,000 parallel multi-instance items, in memory", self.items.ratio, 20),
            _at_most("last 100 of 5,000 turns beside the first 100: time", self.growth.in_time, 1.2),
            _at_most("last 100 of 5,000 turns beside the first 100: bytes saved", self.growth.in_bytes, 1.2),
        ]


def _at_least(what: str, found: float, wanted: float) -> Bar:
    return Bar(what, f"at least {wanted:g}x faster", f"{found:.1f}x", found >= wanted)


def _at_most(what: str, found: float, wanted: float) -> Bar:
    return Bar(what, f"at most {wanted:g}x", f"{found:.2f}x", found <= wanted)
