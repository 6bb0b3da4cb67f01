"""Timers: of instances and of definitions, on a clock that tests move."""

from datetime import timedelta
from pathlib import Path

import pytest

from engine import Resource
from engine.clock import VirtualClock
from engine.engine import Engine
from engine.errors import DeploymentRefused
from engine.model import InstanceState

DAY = timedelta(days=1)


def test_a_timer_fires_when_it_is_due_and_not_before(engine: Engine, models: Path, clock: VirtualClock) -> None:
    engine.deploy(models / "timers.bpmn")
    reminder = engine.start("reminder")
    assert engine.next_due() == clock.now() + 2 * DAY
    clock.advance(2 * DAY - timedelta(microseconds=1))
    assert engine.work() == 0
    clock.advance(timedelta(microseconds=1))
    assert engine.work() == 1
    assert engine.read.instance(reminder.id).state is InstanceState.COMPLETED
    assert engine.next_due() is None


def test_a_timer_of_a_cancelled_instance_is_gone(engine: Engine, models: Path) -> None:
    engine.deploy(models / "timers.bpmn")
    engine.cancel(engine.start("reminder").id)
    assert engine.read.jobs() == []


def test_a_timer_can_be_triggered_by_hand_and_does_not_fire_again(
    engine: Engine, models: Path, clock: VirtualClock
) -> None:
    engine.deploy(models / "timers.bpmn")
    reminder = engine.start("reminder")
    engine.trigger(reminder.id, "Wait", by="ann")
    clock.advance(3 * DAY)
    assert engine.work() == 0
    assert engine.read.instance(reminder.id).state is InstanceState.COMPLETED


def test_a_start_timer_starts_as_often_as_its_cycle_says(engine: Engine, models: Path, clock: VirtualClock) -> None:
    engine.deploy(models / "nightly.bpmn")
    started: list[int] = []
    for _ in range(4):
        clock.advance(DAY)
        engine.work()
        started.append(engine.read.instances(key="nightly").total)
    assert started == [1, 2, 2, 2]


def test_a_new_version_takes_over_the_start_timer(engine: Engine, models: Path, clock: VirtualClock) -> None:
    engine.deploy(models / "nightly.bpmn")
    data = (models / "nightly.bpmn").read_bytes()
    engine.deploy(Resource("nightly.bpmn", data.replace(b"P1D", b"PT1H")))
    clock.advance(timedelta(hours=1))
    engine.work()
    assert [each.version for each in engine.read.instances(key="nightly")] == [2]
    assert len(engine.read.jobs()) == 1


def test_a_start_timer_that_says_no_time_refuses_the_deployment(engine: Engine, models: Path) -> None:
    data = (models / "nightly.bpmn").read_bytes().replace(b"R2/P1D", b"now and then")
    with pytest.raises(DeploymentRefused, match="now and then"):
        engine.deploy(Resource("nightly.bpmn", data))
    assert engine.read.definitions() == []


def test_a_save_point_is_a_job_of_its_own(engine: Engine, models: Path) -> None:
    engine.deploy(models / "savepoint.bpmn")
    instance = engine.start("savepoint", variables={"ready": True})
    assert [job.kind for job in engine.read.jobs(instance.id)] == ["continuation"]
    engine.work()
    assert engine.read.instance(instance.id).state is InstanceState.COMPLETED


def test_an_expression_that_fails_is_an_incident_and_goes_on_when_retried(engine: Engine, models: Path) -> None:
    engine.deploy(models / "savepoint.bpmn")
    instance = engine.start("savepoint", variables={"ready": "what?"})
    engine.work()
    incident = engine.read.incidents(instance.id)[0]
    assert (incident.element_id, incident.location.partition(":")[0]) == ("Broken", "savepoint.bpmn")

    engine.set_variables(instance.id, {"ready": True})
    engine.retry(incident.id, by="ann")
    assert engine.read.instance(instance.id).state is InstanceState.COMPLETED
    assert engine.read.incidents(instance.id, open_only=False)[0].resolved_by == "ann"
