"""Instances of any size: that nothing grows faster than what there is to do."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine import Engine, Job, Resource
from tests.benchmarks import diagrams
from tests.benchmarks.lab import POSTGRESQL, SQLITE, Lab
from tests.benchmarks.markdown import duration, table
from tests.benchmarks.results import Bar, Section, at_most

TEXT = """Each row does the same at two sizes, in one thread, every commit durable, full history. *Grows*: the time of
one item, of one step, of one MB, at the large size beside the small one; 1.00x is linear. Medians of {rounds} rounds
in turns; of the large size of what takes seconds there is one round only.

{rows}

*Parallel items*: a service task for each item of a list, one instance: all jobs are made in one commit, done by a
worker in batches, and their results collected. *Script steps*: a loop of script tasks in one commit. *Saved turns*: a
loop with a user task, saved in every turn. *Variables*: an instance starts with so many MB in variables of 100 kB;
*a step beside them*: it completes a task that touches none of them, cold (a fresh engine each time); its growth is of
the whole time.
"""


@dataclass(frozen=True, slots=True)
class Size:
    """*seconds*: of each round; *count*: of what there is."""

    count: int
    seconds: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def each(self) -> float:
        return self.median / self.count


def measure(lab: Lab) -> Section:
    rounds = lab.pick(5, 1)
    cases = [
        ("parallel items", _parallel, lab.pick((1000, 10_000), (50, 300)), lab.pick(3, 1)),
        ("script steps", _scripts, lab.pick((1000, 10_000), (100, 1000)), rounds),
        ("saved turns", _turns, lab.pick((200, 2000), (10, 50)), 1),
        ("MB of variables", _variables, lab.pick((1, 10), (1, 2)), rounds),
    ]
    rows: list[list[str]] = []
    bars: list[Bar] = []
    for kind in (SQLITE, POSTGRESQL):
        for what, run, (small, large), large_rounds in cases:
            lab.noise.look()
            url = lab.databases.fresh(kind)
            with Engine(url) as engine:
                _deploy(engine)
                sizes = Size(small, []), Size(large, [])
                for number in range(rounds):
                    for each in sizes if number < large_rounds else sizes[:1]:
                        each.seconds.append(run(engine, each.count))
            rows.append(_row(kind, what, *sizes))
            bars.append(at_most(f"{large:,} {what} beside {small:,}: time of one, {kind}", _growth(*sizes), 1.3))
            if run is _variables:
                beside = _beside(lab, url, small, large)
                rows.append(_row(kind, "a step beside MB of variables", *beside, is_per_item=False))
            lab.databases.drop(url)
    head = ["Database", "What", "Small", "Time", "Large", "Time", "Grows"]
    return Section("Large instances", TEXT.format(rounds=rounds, rows=table(head, rows)), bars)


def _deploy(engine: Engine) -> None:
    engine.deploy(Resource("parallel.bpmn", diagrams.parallel_services()))
    engine.deploy(Resource("loop.bpmn", diagrams.script_loop("turns", "script_loop")))
    engine.deploy(Resource("turns.bpmn", diagrams.user_task_loop("turns", "user_task_loop")))

    @engine.handler("work")
    def work(job: Job) -> dict[str, Any]:
        return {"n": job.variables["item"]}


def _parallel(engine: Engine, items: int) -> float:
    began = time.perf_counter()
    started = engine.start("parallel", variables={"items": list(range(items))})
    engine.work()
    seconds = time.perf_counter() - began
    _check_ended(engine, started.id)
    return seconds


def _scripts(engine: Engine, steps: int) -> float:
    began = time.perf_counter()
    started = engine.start("script_loop", variables={"turns": steps})
    seconds = time.perf_counter() - began
    _check_ended(engine, started.id)
    return seconds


def _turns(engine: Engine, turns: int) -> float:
    began = time.perf_counter()
    started = engine.start("user_task_loop", variables={"turns": turns})
    for _ in range(turns):
        _complete_one(engine, started.id)
    seconds = time.perf_counter() - began
    _check_ended(engine, started.id)
    return seconds


def _variables(engine: Engine, megabytes: int) -> float:
    values = _values(megabytes)
    began = time.perf_counter()
    engine.start("user_task_loop", variables={"turns": 1, **values})
    return time.perf_counter() - began


def _beside(lab: Lab, url: str, small: int, large: int) -> tuple[Size, Size]:
    sizes = Size(small, []), Size(large, [])
    with Engine(url, migrate=False) as engine:
        ids = {
            each.count: engine.start("user_task_loop", variables={"turns": 1000, **_values(each.count)}).id
            for each in sizes
        }
        ids[0] = engine.start("user_task_loop", variables={"turns": 1000}).id
    for _ in range(lab.pick(9, 3)):
        for each in sizes:
            with Engine(url, migrate=False) as engine:
                _complete_one(engine, ids[0])  # reads and compiles the diagram
                began = time.perf_counter()
                _complete_one(engine, ids[each.count])
                each.seconds.append(time.perf_counter() - began)
    return sizes


def _values(megabytes: int) -> Mapping[str, str]:
    return {f"value_{number}": f"{time.time_ns()}-{number}-" + "x" * 100_000 for number in range(megabytes * 10)}


def _complete_one(engine: Engine, instance_id: str) -> None:
    engine.complete(engine.read.tasks(instance_id=instance_id, limit=1).items[0].id)


def _check_ended(engine: Engine, instance_id: str) -> None:
    if not engine.read.instance(instance_id).has_ended:
        raise RuntimeError("The instance has not come to its end.")


def _growth(small: Size, large: Size) -> float:
    return large.each / small.each


def _row(kind: str, what: str, small: Size, large: Size, is_per_item: bool = True) -> list[str]:
    grows = _growth(small, large) if is_per_item else large.median / small.median
    counts = [f"{small.count:,}", duration(small.median), f"{large.count:,}", duration(large.median)]
    return [kind, what, *counts, f"{grows:.2f}x"]
