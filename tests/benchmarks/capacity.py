"""What instances cost, measured, and what many of them come to: the arithmetic of docs/scaling.md, day by day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

HISTORY = ("activity", "flow_taken", "variable_change", "job_attempt", "log", "agent_step")


@dataclass(frozen=True, slots=True)
class TableCost:
    """Of one instance in one table; indexes are counted in *index_bytes* alone."""

    rows: float
    heap_bytes: float
    index_bytes: float

    @property
    def bytes(self) -> float:
        return self.heap_bytes + self.index_bytes


@dataclass(frozen=True, slots=True)
class UnitCosts:
    """Of one instance of a process. *removed_per_second*: instances that the cleanup deletes, row by row;
    *left_per_second*: where their history is left to be dropped with its partition."""

    tables: Mapping[str, TableCost]
    commits: float
    wal_bytes: float
    instances_per_second: float
    removed_per_second: float
    left_per_second: float

    @property
    def rows(self) -> float:
        return sum(cost.rows for cost in self.tables.values())

    @property
    def bytes(self) -> float:
        return sum(cost.bytes for cost in self.tables.values())

    @property
    def history_bytes(self) -> float:
        return sum(cost.bytes for name, cost in self.tables.items() if name in HISTORY)


@dataclass(frozen=True, slots=True)
class Day:
    number: int
    kept: float  # instances in the database at the end of the day
    rows: float
    bytes: float
    wal_bytes: float
    busy_share: float  # of the day's seconds, for one worker process and one database: running and removing


def simulate(costs: UnitCosts, per_day: float, days: int, kept_days: int | None, *, drops: bool = False) -> list[Day]:
    """*per_day* instances come and end each day; each is removed *kept_days* later, row by row or (*drops*) so that its
    history goes with its partition. None: never. Removed rows leave room that the next ones take."""
    kept = 0.0
    found: list[Day] = []
    for number in range(1, days + 1):
        removed = per_day if kept_days is not None and number > kept_days else 0.0
        kept += per_day - removed
        removing = removed / (costs.left_per_second if drops else costs.removed_per_second)
        busy = (per_day / costs.instances_per_second + removing) / 86_400
        # A deletion writes about as much to the log as the rows had: their pages, marked and later cleared.
        wal = per_day * costs.wal_bytes + removed * (costs.bytes - (costs.history_bytes if drops else 0.0))
        found.append(Day(number, kept, kept * costs.rows, kept * costs.bytes, wal, busy))
    return found
