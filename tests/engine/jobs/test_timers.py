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


WAITING = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t"
    xmlns:camunda="http://camunda.org/schema/1.0/bpmn">
  <signal id="go" name="go"/>
  <process id="waiting" isExecutable="true" camunda:versionTag="1">
    <startEvent id="S"/>
    <intermediateCatchEvent id="G"><signalEventDefinition signalRef="go"/></intermediateCatchEvent>
    <intermediateCatchEvent id="W"><timerEventDefinition>TIMER</timerEventDefinition></intermediateCatchEvent>
    <endEvent id="E"/>
    <sequenceFlow id="a" sourceRef="S" targetRef="G"/><sequenceFlow id="b" sourceRef="G" targetRef="W"/>
    <sequenceFlow id="c" sourceRef="W" targetRef="E"/>
  </process></definitions>"""


def waiting(timer: str) -> Resource:
    return Resource("waiting.bpmn", WAITING.replace("TIMER", timer).encode())


def test_a_time_that_cannot_be_computed_is_an_incident_of_that_instance_alone(
    engine: Engine, clock: VirtualClock
) -> None:
    engine.deploy(waiting("<timeDuration>${wait}</timeDuration>"))
    waits = ["PT1H", "PT99999999999999999H", "PT1H", "P9999Y", "PT1H"]
    instances = [engine.start("waiting", variables={"wait": each}).id for each in waits]

    assert engine.signal("go") == len(waits)

    found = [[each.element_id for each in engine.read.incidents(id)] for id in instances]
    assert found == [[], ["W"], [], ["W"], []]
    clock.advance(DAY)
    engine.work()
    states = [engine.read.instance(id).state for id in instances]
    assert [state is InstanceState.COMPLETED for state in states] == [True, False, True, False, True]


@pytest.mark.parametrize(
    ("timer", "words"),
    [
        ("<timeDuration>PT99999999999999999H</timeDuration>", "longer than the calendar"),
        ("<timeDate>9999-12-31T23:59:59-10:00</timeDate>", "beyond the calendar"),
        ("<timeCycle>R99999999/P1Y/2026-03-31T00:00:00Z</timeCycle>", "beyond the calendar"),
        ("<timeCycle>R/PT0S</timeCycle>", "no time apart"),
    ],
)
def test_a_time_that_is_spelled_out_and_cannot_be_computed_refuses_the_deployment(
    engine: Engine, timer: str, words: str
) -> None:
    with pytest.raises(DeploymentRefused, match=rf"waiting.bpmn:\d+: error: .*{words}.*'W'"):
        engine.deploy(waiting(timer))
    assert engine.read.definitions() == []


def test_a_start_timer_whose_cycle_has_an_end_starts_until_then(
    engine: Engine, models: Path, clock: VirtualClock
) -> None:
    end = (clock.now() + timedelta(hours=3, minutes=30)).isoformat().replace("+00:00", "Z")
    data = (models / "nightly.bpmn").read_bytes().replace(b"R2/P1D", f"R/PT1H/{end}".encode())
    engine.deploy(Resource("nightly.bpmn", data))
    clock.advance(DAY)
    engine.work()
    assert engine.read.instances(key="nightly").total == 3
    assert engine.next_due() is None
