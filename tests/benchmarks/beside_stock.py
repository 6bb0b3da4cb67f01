"""The interpreter in memory, and an instance that is saved in every turn, beside stock SpiffWorkflow; and the whole
engine with one thread on SQLite."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from tests.benchmarks import diagrams, ours, persisted, stock
from tests.benchmarks.lab import Lab
from tests.benchmarks.markdown import duration, table
from tests.benchmarks.measure import Comparison, each_turn, interleaved, rounds_of
from tests.benchmarks.persisted import Throughput
from tests.benchmarks.profile import shares_table
from tests.benchmarks.results import Section, at_least, at_most

STOCK_TURNS = 200
"""Stock SpiffWorkflow looks 1,000 levels deep into its tree and stalls: with four nodes a turn after 250."""

TEXT = """**In memory**, one instance from start to end, in processor time. Ours evaluates the scripts in its pure
subset of Python and gives all the events that history is written from; stock uses `exec` and keeps no history. The two
take turns.

{memory}

Ours runs the loop of {turns:,} turns in {whole_loop} ({per_turn} a turn). Stock is not measured with it: it looks 1,000
levels deep into its tree and stalls after about 330 turns.

**A long instance, saved in every turn**: a loop with a user task; each turn loads the instance, completes the task,
runs on, and saves, in memory and processor time. Medians per turn of the first and of the last turns of one instance.
Ours saves what changed; stock saves everything there is.

{growth}

**The whole engine in one thread on SQLite**, a file in WAL mode with `synchronous=FULL`: each instance is on disk
before the next begins, with nothing to share a commit with.

{throughput}

Where the wall time goes:

{shares}
"""


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


def measure(lab: Lab) -> Section:
    divisor, turns = lab.pick(1, 3), lab.pick(5000, 1000)
    memory = {
        "line of 10 script tasks": _compare(lab, diagrams.line(10), 30 // divisor, runs=30),
        f"loop of {STOCK_TURNS} turns": _compare(lab, diagrams.script_loop(STOCK_TURNS), 6 // divisor),
        "1,000 parallel multi-instance items": _compare(lab, diagrams.multi_instance(1000), 6 // divisor),
    }
    saved, stock_saved = diagrams.user_task_loop(turns), diagrams.user_task_loop(STOCK_TURNS)
    growth = _growth(ours.SavedLoop(ours.parse(saved)).turn, turns, 100)
    stock_growth = _growth(stock.SavedLoop(stock.parse(stock_saved)).turn, STOCK_TURNS, 20)
    lab.noise.look()
    loop = ours.parse(diagrams.script_loop(turns))
    whole_loop = rounds_of(lambda: ours.run(loop), 6 // divisor, 1).median
    engines = {
        "10 script tasks, one commit": persisted.line_of_scripts(diagrams.line(10), 150 // divisor, 3),
        "order: started, a handler's job, completed": persisted.order_with_a_handler(150 // divisor, 3),
    }
    line, _, items = memory.values()
    text = TEXT.format(
        turns=turns,
        memory=table(
            ["Diagram", "Ours", "Stock", "Ratio", "Ratio of single rounds"],
            [_comparison(name, found) for name, found in memory.items()],
        ),
        whole_loop=duration(whole_loop),
        per_turn=duration(whole_loop / turns),
        growth=table(
            ["", "Time, first", "Time, last", "Grows", "Bytes, first", "Bytes, last", "Grows"],
            [_growth_row("ours", growth), _growth_row("stock", stock_growth)],
        ),
        throughput=table(
            ["Process", "Instances/s", "Per instance", "Rows of history"],
            [_throughput(name, found) for name, found in engines.items()],
        ),
        shares=shares_table({name: each.shares for name, each in engines.items()}),
    )
    bars = [
        at_least("10 script tasks in a line, in memory, beside stock", line.ratio, 4, "x"),
        at_least("1,000 parallel multi-instance items, in memory, beside stock", items.ratio, 20, "x"),
        at_most(f"last 100 of {turns:,} saved turns beside the first 100: time", growth.in_time, 1.2),
        at_most(f"last 100 of {turns:,} saved turns beside the first 100: bytes", growth.in_bytes, 1.2),
    ]
    return Section("Beside stock SpiffWorkflow", text, bars)


def _compare(lab: Lab, diagram: bytes, rounds: int, runs: int = 1) -> Comparison:
    lab.noise.look()
    program, spec = ours.parse(diagram), stock.parse(diagram)
    found = ours.run(program)
    if any(found[name] != value for name, value in stock.run(spec).items()):
        raise RuntimeError("The two engines do not come to the same result.")
    return interleaved(lambda: ours.run(program), lambda: stock.run(spec), rounds, runs)


def _growth(turn: Callable[[], int], turns: int, window: int) -> Growth:
    seconds, sizes = each_turn(turn, turns - 1)  # the last turn ends the instance and saves nothing
    first, last = slice(0, window), slice(-window, None)
    return Growth(
        turns,
        window,
        (statistics.median(seconds[first]), statistics.median(seconds[last])),
        (statistics.median(sizes[first]), statistics.median(sizes[last])),
    )


def _comparison(name: str, found: Comparison) -> list[str]:
    low, high = found.spread
    times = duration(found.ours.median), duration(found.stock.median)
    return [name, *times, f"{found.ratio:.1f}x", f"{low:.1f} to {high:.1f}"]


def _growth_row(name: str, found: Growth) -> list[str]:
    return [
        f"{name}, first and last {found.window} of {found.turns:,} turns",
        *map(duration, found.seconds),
        f"{found.in_time:.2f}x",
        *(f"{size:,.0f}" for size in found.bytes),
        f"{found.in_bytes:.2f}x",
    ]


def _throughput(name: str, found: Throughput) -> list[str]:
    return [name, f"{found.per_second:.0f}", duration(found.times.median), str(found.history_rows)]
