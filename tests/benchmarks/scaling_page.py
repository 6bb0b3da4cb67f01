"""The text of docs/scaling.md around the figures that `tests.benchmarks.scaling` measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.jobs.cleaner import PAUSE
from tests.benchmarks.capacity import Day, TableCost, UnitCosts, simulate
from tests.benchmarks.page import table

DISK = 2e12
"""Bytes that one may want a single database to have at most: what can be copied back in half a day at 50 MB/s."""
LOG = 4e12
"""Bytes of write-ahead log a day that a plain disk and a replica take: some 50 MB/s."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A cleanup whose history was left and dropped: of how many *rows* of history, seconds for all the rest, for the
    drop of all tables, and for that of one at the most: so long others wait."""

    instances: int
    rows: int
    left_seconds: float
    seconds: float
    longest: float


@dataclass(frozen=True, slots=True)
class Found:
    """*ended*: of the line that has ended; *waiting*: of an instance that waits, its tables alone."""

    version: str
    copies: int
    ended: UnitCosts
    waiting: UnitCosts
    dropped: Dropped


TEXT = """# Scaling: one PostgreSQL, how far, and what then

Written by `python -m tests.benchmarks.scaling` (some minutes, a PostgreSQL of its own; `--quick` for a look, which
writes nothing). The arithmetic is in `tests/benchmarks/capacity.py`.

## What one instance costs

Measured on PostgreSQL {version}: instances really run, then their rows are copied {copies:,} times with ids of their
own, and the sizes of tables and indexes before and after a `VACUUM` are compared. So pages, fill and indexes are
counted as they are. **The line**: ten service tasks one after the other, a save point before each, an order of 250
characters and ten results as variables; it has ended. **The waiting one** waits for a person, a message, a timer and
a handler at once.

{per_table}

Running the line takes {commits:.1f} commits (the results of up to 32 jobs share one), {rate:.0f} instances a second in
one worker thread with the database on the same two cores, and {wal:.0f} KB of write-ahead log, full page images
included. Rows and bytes are the same on every machine; what depends on time is of the machine that this page was
written on, beside other work.

**How to carry that over to your process**: about {per_task:.0f} bytes of history for each service task, {base:.0f}
for an instance with nothing in it, and each value of a variable as often as it is set; values of more than 4,096
characters once.

## What many cost

{sizes}

A hundred million ended instances are {rows:.1f} billion rows and {all:.2f} TB, of which {share:.0%} is history. Work
does not get slower by it: claims, correlation, loading and lists go by indexes whose upper levels stay in memory
(`tests/engine/store/test_plans.py` holds every statement to that). What grows is everything that takes all of it: a
backup, a restore, a new replica, `VACUUM` of a whole table, an index built anew.

## Where one PostgreSQL ends

Simulated day by day with the figures above, for lines of ten service tasks; instances are kept 90 days after their
end. *Busy*: seconds of one worker process with a database beside it, for each second of the day; above 1 it takes
several.

{simulation}

- Up to about a million instances a day one server with a copy of itself is enough, and none of the measures below is
  needed beyond a time to live: the database stays at the size that is kept.
- The first limit is **size**: at {disk_limit:,.0f} instances a day the 90 days that are kept pass {disk:.0f} TB,
  which can be copied back in half a day. Keep less (30 days: three times as many), or export history before it goes.
- The second is the **write-ahead log**: at {log_limit:,.0f} instances a day it passes {log:.0f} TB a day, about what
  a plain disk and the line to a replica take. Handlers that need no save point of their own (`save_point=False`)
  write one commit where they now write ten.
- **Connections** come third: each process has up to 48, and a server likes some hundreds. Fifty worker machines are
  fine with 16 each; beyond, a pooler in session mode.

## Steps, in order

1. **A time to live for every process**, so that the database has a size at all.
2. **Fewer save points** where steps are quick and may be repeated together.
3. **Workers on machines of their own**, the database alone on its one; `synchronous_commit` stays on.
4. **Read replicas for history.** All that reports and exports read is in tables that are only added to: point them at
   a hot standby (`Engine(url_of_the_replica, migrate=False)`, and only `engine.read`). Replay lags by moments; the
   operations pages and everything that decides stay on the primary. A standby refuses writes, so that a mistake
   cannot do harm.
5. **A narrower partition of history** where much is kept for less than a month (`database.history_partition`, below):
   history goes a partition at a time.
6. **Several databases, by instance.** An instance with all it owns, the processes that it called included, is in one
   transaction with nothing of any other: nothing but messages, signals and data stores goes from one to another. So a
   process application can have several databases, each with its workers, and a router in front that starts an
   instance in one of them, by a hash of its business key. Messages with a correlation key go the same way if that is,
   or is derived from, the business key; signals are sent to all; a data store lives in one of them. Fermata has no
   router of its own: it is a line in what calls `start` and `publish`, and belongs to who knows the keys.

## Partitions of history

The ids of instances and jobs begin with the time of their making, so the tables of history are partitioned by ranges of
`instance_id` and `job_id` as they are, with the keys they have, a month each
([how they come and go](database.md#partitions-of-history)). Measured with {dropped_instances:,} of the lines above:

| what is removed | time |
|---|---|
| instances with their history, row by row | {removed:,.0f} instances a second, `VACUUM` after it not counted |
| instances, their history left to be dropped | {left:,.0f} instances a second |
| that history, {dropped_rows:,} rows, dropped | {drop:.0f} ms for all tables, {longest:.0f} ms for one |

While a table's partition is dropped, whoever writes history waits, so for {longest:.0f} ms here; hardly longer for more
rows, since files are removed after the commit. Where some instances live on, their rows are copied in that time, at
most 20,000 of a table. Removing a million instances a day takes a share of {busy_delete:.3f} of one process row by row,
{busy_drop:.3f} with partitions. The cleanup yields to the work (four fifths of the time): row by row it keeps up with
{kept_up:,.0f} instances a day, with partitions with {kept_up_drops:,.0f}.

What remains row by row are the instances themselves and their last variables: they are what lists, searches and the
cleanup itself ask for, and what says whose history is still wanted.
"""


def page(found: Found) -> str:
    ended, waiting = found.ended, found.waiting
    per_day = 1e6
    dropped = found.dropped
    history_of_tasks = sum(
        ended.tables[name].bytes for name in ("activity", "job_attempt", "variable_change", "flow_taken")
    )
    return TEXT.format(
        version=found.version,
        copies=found.copies,
        per_table=_per_table(ended.tables, waiting.tables),
        commits=ended.commits,
        rate=ended.instances_per_second,
        wal=ended.wal_bytes / 1e3,
        per_task=history_of_tasks / 12,
        base=ended.bytes - history_of_tasks * 10 / 12,
        sizes=_sizes(ended, waiting),
        rows=ended.rows * 1e8 / 1e9,
        all=ended.bytes * 1e8 / 1e12,
        share=ended.history_bytes / ended.bytes,
        simulation=_simulation(ended),
        disk_limit=_rounded(DISK / (90 * ended.bytes)),
        disk=DISK / 1e12,
        log_limit=_rounded(LOG / (ended.wal_bytes + ended.bytes)),
        log=LOG / 1e12,
        dropped_instances=dropped.instances,
        dropped_rows=dropped.rows,
        removed=ended.removed_per_second,
        left=ended.left_per_second,
        drop=dropped.seconds * 1e3,
        longest=dropped.longest * 1e3,
        busy_delete=per_day / ended.removed_per_second / 86_400,
        busy_drop=per_day / ended.left_per_second / 86_400,
        kept_up=_rounded(ended.removed_per_second / (1 + PAUSE) * 86_400),
        kept_up_drops=_rounded(ended.left_per_second / (1 + PAUSE) * 86_400),
    )


def _per_table(ended: Mapping[str, TableCost], waiting: Mapping[str, TableCost]) -> str:
    rows: list[Sequence[str]] = []
    for name in sorted(
        {*ended, *waiting}, key=lambda name: -sum(each[name].bytes for each in (ended, waiting) if name in each)
    ):
        rows.append([f"`{name}`", *_cells(ended.get(name)), *_cells(waiting.get(name))])
    rows.append(["**all**", *_cells(_sum(ended)), *_cells(_sum(waiting))])
    return table(["Table", "line: rows", "bytes", "of indexes", "waiting: rows", "bytes", "of indexes"], rows)


def _cells(cost: TableCost | None) -> list[str]:
    return ["", "", ""] if cost is None else [f"{cost.rows:.0f}", f"{cost.bytes:,.0f}", f"{cost.index_bytes:,.0f}"]


def _sum(costs: Mapping[str, TableCost]) -> TableCost:
    each = costs.values()
    return TableCost(sum(c.rows for c in each), sum(c.heap_bytes for c in each), sum(c.index_bytes for c in each))


def _sizes(ended: UnitCosts, waiting: UnitCosts) -> str:
    rows: list[Sequence[str]] = []
    for count in (10**5, 10**6, 10**7, 10**8):
        cells = [f"{count:,}"]
        for costs in (ended, waiting):
            cells += [f"{costs.rows * count:,.0f}", _size(costs.bytes * count)]
        rows.append(cells)
    return table(["Instances", "lines: rows", "size", "waiting: rows", "size"], rows)


def _simulation(costs: UnitCosts) -> str:
    rows: list[Sequence[str]] = []
    for per_day in (10**4, 10**5, 10**6, 3 * 10**6, 10**7):
        day: Day = simulate(costs, per_day, 120, 90)[-1]
        rows.append(
            [
                f"{per_day:,}",
                f"{per_day / 86_400:,.1f}",
                f"{day.rows:,.0f}",
                _size(day.bytes),
                f"{_size(day.wal_bytes)} a day",
                f"{day.busy_share:.2f}",
            ]
        )
    return table(["Instances a day", "a second", "rows kept", "size", "write-ahead log", "busy"], rows)


def _size(count: float) -> str:
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB")):
        if count >= unit:
            return f"{count / unit:,.3g} {name}" if count < 1000 * unit else f"{count / unit:,.0f} {name}"
    return f"{count:,.0f} bytes"


def _rounded(count: float) -> float:
    """To two digits."""
    scale = 10 ** max(len(f"{count:.0f}") - 2, 0)
    return round(count / scale) * scale
