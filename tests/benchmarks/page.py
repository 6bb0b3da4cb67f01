"""docs/benchmarks.md out of the results."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version

from tests.benchmarks.measure import Comparison
from tests.benchmarks.persisted import REST, Throughput
from tests.benchmarks.results import Growth, Results

TEXT = """# Benchmarks

Written by `make bench`, all in one run beside stock SpiffWorkflow {spiff} (its own parser, workflow and serializer)
on the same diagrams. The two take turns, so that a busy machine is unfair to both alike; figures are medians, ratios
are of medians. What runs in memory is measured in processor time, what waits for a disk in wall time. Read the ratios:
absolute times are of one machine ({machine}).

To repeat: `make bench`, about two minutes; `make bench ARGS=--quick` for a look, which writes nothing. The code is in
[tests/benchmarks](../tests/benchmarks).

## Held against the bars

{bars}

## In memory

One instance from start to end. Ours evaluates the scripts in its pure subset of Python and gives all the events that
history is written from; stock uses `exec` and keeps no history.

{memory}

Ours runs the loop of 5,000 turns in {whole_loop} ({per_turn} a turn). Stock is not measured with it: it looks 1,000
levels deep into its tree and stalls after about 330 turns.

## A long instance, saved in every turn

A loop with a user task: each turn loads the instance, completes the task, runs on, and saves. Medians per turn of the
first and of the last turns of one instance. Ours saves what changed; stock saves everything there is.

{growth}

## On SQLite, with full history

A file in WAL mode with `synchronous=FULL`, one thread, every commit on disk before the next step.

{throughput}

Where the time goes, by looking at the stack every millisecond:

{shares}
"""


def page(results: Results) -> str:
    return TEXT.format(
        spiff=version("SpiffWorkflow"),
        machine=_machine(),
        bars=table(
            ["What", "Bar", "Found", "Met"],
            [[bar.what, bar.wanted, bar.found, "yes" if bar.is_met else "**no**"] for bar in results.bars],
        ),
        memory=table(
            ["Diagram", "Ours", "Stock", "Ratio", "Ratio of single rounds"],
            [
                _comparison("line of 10 script tasks", results.line),
                _comparison(f"loop of {results.stock_turns} turns", results.loop),
                _comparison("1,000 parallel multi-instance items", results.items),
            ],
        ),
        whole_loop=duration(results.whole_loop),
        per_turn=duration(results.whole_loop / results.growth.turns),
        growth=table(
            ["", "Time, first", "Time, last", "Grows", "Bytes, first", "Bytes, last", "Grows"],
            [_growth("ours", results.growth), _growth("stock", results.stock_growth)],
        ),
        throughput=table(
            ["Process", "Instances/s", "Per instance", "Rows of history"],
            [
                _throughput("10 script tasks, one commit", results.scripts),
                _throughput("order: started, a handler's job, completed", results.order),
            ],
        ),
        shares=table(
            ["Process", "interpreter", "serialisation", "database", REST],
            [_shares("10 script tasks", results.scripts), _shares("order with a handler", results.order)],
        ),
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def duration(seconds: float) -> str:
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.2f} s"


def _comparison(name: str, found: Comparison) -> list[str]:
    low, high = found.spread
    return [
        name,
        duration(found.ours.median),
        duration(found.stock.median),
        f"{found.ratio:.1f}x",
        f"{low:.1f} to {high:.1f}",
    ]


def _growth(name: str, found: Growth) -> list[str]:
    return [
        f"{name}, first and last {found.window} of {found.turns:,} turns",
        *map(duration, found.seconds),
        f"{found.in_time:.2f}x",
        *(f"{size:,.0f}" for size in found.bytes),
        f"{found.in_bytes:.2f}x",
    ]


def _throughput(name: str, found: Throughput) -> list[str]:
    return [name, f"{found.per_second:.0f}", duration(found.times.median), str(found.history_rows)]


def _shares(name: str, found: Throughput) -> list[str]:
    rooms = ("interpreter", "serialisation", "database", REST)
    return [name, *(f"{found.shares.get(room, 0):.0%}" for room in rooms)]


def _machine() -> str:
    return f"{os.cpu_count()} cores of {platform.machine()}, {platform.system()}, Python {platform.python_version()}"
