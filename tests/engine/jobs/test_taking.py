"""Whose jobs a worker takes next: those of instances that it has in memory, and those that wait."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from engine import Job
from engine.clock import VirtualClock
from engine.engine import Engine
from engine.jobs.worker import BATCH
from engine.model import InstanceState

HERE = Path(__file__).parent
TICK = timedelta(milliseconds=1)


def test_who_comes_later_gets_a_turn_beside_many_that_never_end(engine: Engine, clock: VirtualClock) -> None:
    engine.deploy(HERE / "circle.bpmn", HERE / "line.bpmn")

    def work(job: Job) -> None:
        clock.advance(TICK)

    for each in ("turn", "first", "second", "third"):
        engine.handler(each)(work)
    for _ in range(BATCH + 4):
        engine.start("circle")
    clock.advance(TICK)
    late = engine.start("line")
    assert engine.work(limit=10 * BATCH) == 10 * BATCH
    assert engine.read.instance(late.id).state == InstanceState.COMPLETED


def test_those_in_memory_go_first(engine: Engine, clock: VirtualClock) -> None:
    engine.deploy(HERE / "line.bpmn")
    done: list[str | None] = []

    def work(job: Job) -> None:
        clock.advance(TICK)
        done.append(job.business_key)

    for each in ("first", "second", "third"):
        engine.handler(each)(work)
    for number in range(2 * BATCH):
        engine.start("line", business_key=str(number))
        clock.advance(TICK)
    engine.work()
    firsts, ends = sorted(done.index(str(n)) for n in range(2 * BATCH)), [done.count(str(n)) for n in range(2 * BATCH)]
    assert ends == [3] * 2 * BATCH
    assert firsts[BATCH + 4] > 2 * BATCH, "most of the first ones have had two turns before others begin"
