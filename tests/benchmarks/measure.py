"""Taking times: two candidates in turns, so that a busy machine is unfair to both alike; and where time goes.

What runs in memory is measured in processor time, which neighbours hardly touch; what waits for a disk in wall time.
"""

from __future__ import annotations

import gc
import signal
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds per run, one figure a round."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


@dataclass(frozen=True, slots=True)
class Comparison:
    """*ours* and *stock* were taken in the same rounds."""

    ours: Times
    stock: Times

    @property
    def ratio(self) -> float:
        """How many times as fast as stock: of the medians."""
        return self.stock.median / self.ours.median

    @property
    def spread(self) -> tuple[float, float]:
        """The lowest and the highest ratio of a round."""
        ratios = [theirs / own for own, theirs in zip(self.ours.seconds, self.stock.seconds, strict=True)]
        return min(ratios), max(ratios)


def interleaved(
    ours: Callable[[], Any],
    stock: Callable[[], Any],
    rounds: int,
    runs: int = 1,
    clock: Clock = time.process_time,
) -> Comparison:
    """Runs both in each of *rounds* rounds, *runs* times each, after one to warm up."""
    ours()
    stock()
    own: list[float] = []
    theirs: list[float] = []
    for _ in range(rounds):
        own.append(_seconds(ours, runs, clock))
        theirs.append(_seconds(stock, runs, clock))
    return Comparison(Times(tuple(own)), Times(tuple(theirs)))


def rounds_of(run: Callable[[], Any], rounds: int, runs: int, clock: Clock = time.process_time) -> Times:
    """*rounds* times the seconds per run, after one run to warm up."""
    run()
    return Times(tuple(_seconds(run, runs, clock) for _ in range(rounds)))


def each_turn(turn: Callable[[], int], turns: int) -> tuple[list[float], list[int]]:
    """Seconds and result (bytes) of every turn."""
    seconds: list[float] = []
    sizes: list[int] = []
    with _quiet():
        for _ in range(turns):
            start = time.process_time()
            sizes.append(turn())
            seconds.append(time.process_time() - start)
    return seconds, sizes


def _seconds(run: Callable[[], Any], runs: int, clock: Clock = time.process_time) -> float:
    with _quiet():
        start = clock()
        for _ in range(runs):
            run()
        return (clock() - start) / runs


@contextmanager
def _quiet() -> Iterator[None]:
    """Rubbish of whoever ran before is not charged to who runs now."""
    gc.collect()
    yield


@contextmanager
def sampled(classify: Callable[[FrameType], str], every: float = 0.001) -> Iterator[dict[str, float]]:
    """Looks at the main thread's stack every *every* seconds, and charges the wall time since the look before to what
    *classify* calls it: a look that is due while C code runs (a commit) comes when that returns, and counts for all
    of it."""
    seconds: defaultdict[str, float] = defaultdict(float)
    last = time.perf_counter()

    def look(number: int, frame: FrameType | None) -> None:
        nonlocal last
        now = time.perf_counter()
        if frame is not None:
            seconds[classify(frame)] += now - last
        last = time.perf_counter()

    before = signal.signal(signal.SIGALRM, look)
    signal.siginterrupt(signal.SIGALRM, False)
    signal.setitimer(signal.ITIMER_REAL, every, every)
    try:
        yield seconds
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
