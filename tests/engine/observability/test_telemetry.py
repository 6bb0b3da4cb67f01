"""What the engine tells of its own work."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from engine import telemetry
from engine.clock import VirtualClock
from engine.engine import Engine
from engine.observability.slow import SlowLog

Watch = Callable[[telemetry.Watcher], None]


@pytest.fixture
def watch() -> object:
    """Watches until the test ends."""
    leaving: list[Callable[[], None]] = []
    yield lambda watcher: leaving.append(telemetry.watch(watcher))
    for leave in leaving:
        leave()


@pytest.fixture
def order(engine: Engine, models: Path) -> Engine:
    engine.deploy(models / "order.bpmn")
    return engine


class Commits(telemetry.Watcher):
    def __init__(self) -> None:
        self.seen: list[telemetry.Commit] = []

    def committed(self, commit: telemetry.Commit) -> None:
        self.seen.append(commit)


def test_a_commit_tells_its_steps_its_jobs_and_where_the_time_went(order: Engine, watch: Watch) -> None:
    commits = Commits()
    watch(commits)
    order.handler("charge")(lambda job: None)
    order.start("order")
    order.work()
    start, end = commits.seen
    assert [type(step.command).__name__ for step in start.steps] == ["Start"]
    assert [(ended.held.row.type, ended.outcome) for ended in end.jobs] == [("charge", "completed")]
    assert list(end.parts) == ["wait", "advance", "write", "commit"]
    assert all(seconds >= 0 for seconds in end.parts.values())


def test_a_watcher_that_breaks_undoes_nothing(order: Engine, watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(telemetry.Watcher):
        def committed(self, commit: telemetry.Commit) -> None:
            raise RuntimeError("out of order")

    watch(Broken())
    instance = order.start("order")
    assert order.read.instance(instance.id).id == instance.id
    assert "Broken failed" in caplog.text


def test_a_refused_command_is_told_as_broken_and_not_as_committed(order: Engine, watch: Watch) -> None:
    problems: list[str] = []

    class Broken(Commits):
        def broken(self, commit: telemetry.Commit, problem: BaseException) -> None:
            problems.append(type(problem).__name__)

    watcher = Broken()
    watch(watcher)
    with pytest.raises(Exception, match="no process instance"):
        order.cancel("nowhere")
    assert (problems, watcher.seen) == (["NotFound"], [])


def test_a_slow_commit_is_logged_with_ids_and_the_time_of_its_parts(
    order: Engine, watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    counted: list[int] = []
    watch(SlowLog(threshold=0.0, on_slow=lambda: counted.append(1)))
    with caplog.at_level(logging.WARNING, "engine.slow"):
        instance = order.start("order", variables={"card": "4711-0815"})
    (record,) = [record for record in caplog.records if record.name == "engine.slow"]
    said = vars(record)
    assert said["instance_ids"] == [instance.id]
    assert said["slowest_instance_id"] == instance.id
    assert said["slowest_command"] == "Start"
    assert {"wait_ms", "advance_ms", "write_ms", "commit_ms", "total_ms"} <= said.keys()
    assert "4711-0815" not in str(said)
    assert counted == [1]


def test_a_quick_commit_is_not_logged(order: Engine, watch: Watch, caplog: pytest.LogCaptureFixture) -> None:
    watch(SlowLog(threshold=3600.0))
    order.start("order")
    assert "slow" not in caplog.text


def test_an_instance_that_runs_for_long_is_named_once_and_at_its_end(
    order: Engine, watch: Watch, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    watch(SlowLog(threshold=3600.0, longest_run=60.0))
    quick, late = order.start("order"), order.start("order", variables={"card": "4711-0815"}, business_key="K-9")
    order.set_variables(quick.id, {"seen": 1})
    assert [each for each in caplog.records if each.name == "engine.slow"] == []

    clock.advance(timedelta(seconds=61))
    for turn in range(2):
        order.set_variables(late.id, {"turn": turn})
    order.cancel(late.id)

    told = [vars(each) for each in caplog.records if each.name == "engine.slow"]
    assert [each["msg"] for each in told] == ["an instance runs for long", "an instance ran for long"]
    assert {(each["instance_id"], each["process_key"], each["seconds"]) for each in told} == {(late.id, "order", 61.0)}
    assert not {"4711-0815", "K-9"} & set(str(told).split("'"))


def test_the_span_of_an_activity_is_known_from_its_id_alone() -> None:
    begun = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    trace = telemetry.activity_trace(begun, "i1", 2)
    assert trace == telemetry.activity_trace(begun, "i1", 2)
    assert trace is not None
    assert trace.startswith("00-4bf92f3577b34da6a3ce929d0e0e4736-")
    assert trace != telemetry.activity_trace(begun, "i1", 3)
    assert telemetry.activity_trace(None, "i1", 2) is None
