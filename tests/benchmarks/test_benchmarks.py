"""The benchmarks compare like with like: both engines run the same diagram to the same result."""

from __future__ import annotations

import pytest

from tests.benchmarks import diagrams, ours, stock

MEASURED = {
    "line": diagrams.line(10),
    "loop": diagrams.script_loop(7),
    "items": diagrams.multi_instance(7),
}


@pytest.mark.parametrize("diagram", MEASURED.values(), ids=MEASURED)
def test_both_engines_come_to_the_same_result(diagram):
    expected = stock.run(stock.parse(diagram))
    found = ours.run(ours.parse(diagram))

    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("engine", [ours, stock], ids=["ours", "stock"])
def test_a_saved_loop_can_be_turned_as_often_as_it_waits(engine):
    loop = engine.SavedLoop(engine.parse(diagrams.user_task_loop(5)))

    assert all(loop.turn() > 0 for _ in range(4))
