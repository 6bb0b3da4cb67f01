"""Instances kept in memory between commits: bounded, never older than the database, and no different from it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine import Job
from engine.engine import Engine
from engine.hot import Hot, HotInstances, Sizes

Open = Callable[[], Engine]


def hot(version: int, size: int = 10) -> Hot:
    sizes = Sizes()
    sizes.put_part(0, size)
    return Hot(version, object(), sizes)


def test_an_instance_is_given_out_once_and_only_in_the_version_asked_for() -> None:
    kept = HotInstances()
    kept.put([("a", hot(3)), ("b", hot(1))])
    assert kept.take("a", 2) is None
    assert kept.take("a", 3) is None, "what was asked for in another version is dropped"
    assert kept.take("b", 1) is not None
    assert kept.take("b", 1) is None


@pytest.mark.parametrize("bounds", [{"instances": 3}, {"characters": 30}])
def test_the_least_recently_used_go_when_there_are_too_many(bounds: dict[str, int]) -> None:
    kept = HotInstances(**bounds)
    for name in "abcd":
        kept.put([(name, hot(1))])
    assert [name for name in "abcd" if kept.take(name, 1) is not None] == ["b", "c", "d"]


def test_one_that_is_larger_than_everything_allowed_is_not_kept() -> None:
    kept = HotInstances(characters=100)
    kept.put([("large", hot(1, size=101))])
    assert kept.take("large", 1) is None
    kept.put([("small", hot(1))])
    assert kept.take("small", 1) is not None


def test_sizes_follow_what_is_saved_and_deleted() -> None:
    sizes = Sizes.of({0: "abcd"}, {(0, "x"): "12"}, len)
    sizes.put_part(0, 6)
    sizes.put_variable((0, "y"), 5)
    assert sizes.drop_variable((0, "x"))
    assert not sizes.drop_variable((0, "x"))
    assert (sizes.total, sizes.parts, sizes.variables) == (11, {0: 6}, {(0, "y"): 5})


@pytest.fixture
def two_engines(open_engine: Open, models: Path) -> tuple[Engine, Engine]:
    """One that keeps its instances in memory, one that reads what the first has saved."""
    first, second = open_engine(), open_engine()
    first.deploy(models / "jobs" / "line.bpmn")
    return first, second


VALUES: dict[str, Any] = {
    "a tuple": (1, (2, 3)),
    "nested": {"list": [{"amount": Decimal("1.10")}], "empty": {}},
    "large": ["x" * 100] * 100,
    "number": 2**70,
}


@pytest.mark.parametrize("is_hot", [True, False])
def test_a_handler_sees_the_same_values_from_memory_and_from_the_database(
    two_engines: tuple[Engine, Engine], is_hot: bool
) -> None:
    first, second = two_engines
    seen: list[dict[str, Any]] = []
    for engine in two_engines:
        engine.handler("first")(lambda job: VALUES)
        engine.handler("second")(lambda job: seen.append(dict(job.variables)))
        engine.handler("third")(lambda job: None)
    line = first.start("line", variables={"started with": VALUES})
    first.work(until_idle=False)
    (first if is_hot else second).work()
    assert first.read.instance(line.id).state == "completed"
    as_read_back = VALUES | {"a tuple": [1, [2, 3]]}
    assert seen == [as_read_back | {"started with": as_read_back}]


def test_what_a_handler_does_to_its_variables_stays_with_it(two_engines: tuple[Engine, Engine]) -> None:
    def spoil(job: Job) -> None:
        job.variables["basket"]["items"].append("stolen")

    engine, _ = two_engines
    for name in ("first", "second", "third"):
        engine.handler(name, save_point=name == "second")(spoil)
    line = engine.start("line", variables={"basket": {"items": ["lamp"]}})
    engine.work()
    assert engine.read.instance(line.id).state == "completed"
    assert engine.read.variables(line.id) == {"basket": {"items": ["lamp"]}}


def test_an_instance_moved_by_another_process_is_read_again(two_engines: tuple[Engine, Engine]) -> None:
    first, second = two_engines
    line = first.start("line")
    second.set_variables(line.id, {"note": "by the second"})
    first.handler("first")(lambda job: {"note": f"{job.variables['note']}, seen by the first"})
    first.handler("second")(lambda job: None)
    first.handler("third")(lambda job: None)
    first.work()
    assert first.read.variables(line.id)["note"] == "by the second, seen by the first"
