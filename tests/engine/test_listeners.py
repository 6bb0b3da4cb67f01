"""Listeners bound to handlers are jobs of their own, told in order."""

from pathlib import Path

import pytest

from engine import Job
from engine.engine import Engine
from engine.model import InstanceState


@pytest.fixture
def heard(engine: Engine, models: Path) -> list[Job]:
    """The jobs that the handler of every listener was given."""
    jobs: list[Job] = []
    for name in ("Audit", "audit"):
        engine.handler(name)(jobs.append)
    engine.deploy(models / "listeners.bpmn")
    return jobs


def told(jobs: list[Job]) -> list[tuple[str, str]]:
    return [(job.element_id, job.headers["listener.event"]) for job in jobs]


def test_every_listener_is_told_in_order_by_a_job_with_a_key_of_its_own(engine: Engine, heard: list[Job]) -> None:
    instance = engine.start("listened")
    engine.work()
    (task,) = engine.read.tasks(scope="all").items
    engine.claim(task.id, "ann")
    engine.work()
    engine.complete(task.id, {"approved": True}, by="ann")
    engine.work()

    assert told(heard) == [
        ("listened", "start"),
        ("toApprove", "take"),
        *(("Approve", event) for event in ("start", "create", "assignment", "complete")),
        ("listened", "end"),
    ]
    assert len({job.idempotency_key for job in heard}) == len(heard)
    assert heard[2].parameters == {"level": "high"}
    assert heard[5].variables["approved"] is True
    assert engine.read.variables(instance.id)["approved_twice"] == [True, True]
    assert engine.read.instance(instance.id).state is InstanceState.COMPLETED


def test_who_completed_the_task_is_on_record_whatever_listens_to_it(engine: Engine, heard: list[Job]) -> None:
    instance = engine.start("listened")
    engine.work()
    (task,) = engine.read.tasks(scope="all").items
    engine.complete(task.id, {"approved": True}, by="ann")

    closed = next(each for each in engine.read.history(instance.id).log if each.action == "task.completed")
    assert closed.actor == "ann"
    assert engine.read.tasks(scope="all").items == ()
    assert engine.read.instance(instance.id).state is InstanceState.RUNNING


def test_a_listener_without_a_handler_is_an_incident_that_can_be_retried(engine: Engine, models: Path) -> None:
    engine.deploy(models / "listeners.bpmn")
    instance = engine.start("listened")
    engine.work()
    (incident,) = engine.read.incidents(instance_id=instance.id)
    assert "No handler for job type 'org.example.Audit'" in incident.message

    for name in ("Audit", "audit"):
        engine.handler(name)(lambda job: None)
    engine.retry(incident.id)
    engine.work()
    assert [task.element_id for task in engine.read.tasks(scope="all").items] == ["Approve"]


def test_cancelling_an_instance_takes_the_jobs_of_its_listeners_with_it(engine: Engine, heard: list[Job]) -> None:
    instance = engine.start("listened")
    engine.cancel(instance.id)

    assert engine.work() == 0
    assert heard == []
