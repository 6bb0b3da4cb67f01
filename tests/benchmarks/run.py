"""`make bench`: measures beside stock SpiffWorkflow on the same diagrams and writes docs/benchmarks.md.

    python -m tests.benchmarks.run [--quick]

--quick: a third of the repeats, and nothing written. Ends with status 1 when a bar is missed.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tests.benchmarks import diagrams, ours, persisted, stock
from tests.benchmarks.measure import Comparison, each_turn, interleaved, rounds_of
from tests.benchmarks.page import page, table
from tests.benchmarks.results import Growth, Results

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
TURNS = 5000
STOCK_TURNS = (
    200  # stock SpiffWorkflow looks 1,000 levels deep into its tree and stalls: with four nodes a turn after 250
)


Result = TypeVar("Result")


def main() -> int:
    quick = "--quick" in sys.argv[1:]
    results = measure(divisor=3 if quick else 1)
    print(
        "\n"
        + table(["What", "Bar", "Found", "Met"], [[b.what, b.wanted, b.found, _yes(b.is_met)] for b in results.bars])
    )
    if not quick:
        PAGE.write_text(page(results), encoding="utf-8")
        print(f"\nWritten: docs/{PAGE.name}")
    return 0 if all(bar.is_met for bar in results.bars) else 1


def measure(divisor: int) -> Results:
    """*divisor*: of the repeats."""
    saved, stock_saved = diagrams.user_task_loop(TURNS), diagrams.user_task_loop(STOCK_TURNS)
    loop = ours.parse(diagrams.script_loop(TURNS))
    return Results(
        line=_step("line of 10 tasks", lambda: _compare(diagrams.line(10), 30 // divisor, runs=30)),
        loop=_step("loop in memory", lambda: _compare(diagrams.script_loop(STOCK_TURNS), 6 // divisor)),
        items=_step("1,000 parallel items", lambda: _compare(diagrams.multi_instance(1000), 6 // divisor)),
        growth=_step("5,000 saved turns", lambda: _growth(ours.SavedLoop(ours.parse(saved)).turn, TURNS, 100)),
        stock_growth=_step(
            "saved turns of stock", lambda: _growth(stock.SavedLoop(stock.parse(stock_saved)).turn, STOCK_TURNS, 20)
        ),
        whole_loop=_step("5,000 turns in memory", lambda: rounds_of(lambda: ours.run(loop), 5 // divisor, 1).median),
        scripts=_step("10 tasks on SQLite", lambda: persisted.line_of_scripts(diagrams.line(10), 150 // divisor, 3)),
        order=_step("order with a handler on SQLite", lambda: persisted.order_with_a_handler(150 // divisor, 3)),
        stock_turns=STOCK_TURNS,
    )


def _compare(diagram: bytes, rounds: int, runs: int = 1) -> Comparison:
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


def _step(name: str, run: Callable[[], Result]) -> Result:
    print(f"{name} ...", end=" ", flush=True, file=sys.stderr)
    started = time.monotonic()
    result = run()
    print(f"{time.monotonic() - started:.1f} s", file=sys.stderr)
    return result


def _yes(is_met: bool) -> str:
    return "yes" if is_met else "NO"


if __name__ == "__main__":
    sys.exit(main())
