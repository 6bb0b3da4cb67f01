"""Jobs that start instances and cannot: tried again, then an open incident of no instance; once mended they go on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine import Resource
from engine.batch import RetryAll
from engine.clock import VirtualClock
from engine.engine import Engine
from engine.errors import InvalidInput
from engine.searching import Condition, Operator, Search
from engine.store.searching import KINDS

HOUR = timedelta(hours=1)


@pytest.fixture
def hourly(engine: Engine, models: Path) -> Engine:
    data = (models / "nightly.bpmn").read_bytes().replace(b"R2/P1D", b"R/PT1H")
    engine.deploy(Resource("nightly.bpmn", data))
    return engine


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From now on nothing can be started; what it gives mends that."""

    def refuse(*_: object, **__: object) -> None:
        raise InvalidInput("There is a SECRET in this.")

    for name in ("trigger_start", "serve_deployed"):
        monkeypatch.setattr(f"engine.jobs.own.{name}", refuse)
    return monkeypatch.undo


def work_for(engine: Engine, clock: VirtualClock, length: timedelta) -> None:
    until = clock.now() + length
    while (due_at := engine.next_due()) is not None and due_at <= until:
        clock.advance(max(due_at - clock.now(), timedelta()))
        engine.work()
    clock.advance(until - clock.now())


def test_a_start_timer_that_cannot_start_its_process_is_an_open_incident(
    hourly: Engine, clock: VirtualClock, broken: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    work_for(hourly, clock, 2 * HOUR)

    (job,) = [each.item for each in hourly.find.jobs(Search())]
    assert (job.state, job.attempts, job.retries_left, job.error) == ("failed", 3, 0, "There is a SECRET in this.")
    (incident,) = hourly.read.open_incidents()
    assert hourly.read.incidents() == [incident]
    assert (incident.id, incident.instance_id, incident.process_key) == (job.id, "", "nightly")
    assert (incident.kind, incident.message, incident.location) == ("start_timer", job.error, "nightly.bpmn")
    assert "SECRET" not in str([vars(each) for each in caplog.records])


def test_it_is_found_beside_the_incidents_of_instances_by_every_field(
    hourly: Engine, clock: VirtualClock, broken: Callable[[], None], models: Path
) -> None:
    hourly.deploy(models / "order.bpmn")
    instance = hourly.start("order", business_key="A-1")
    hourly.work()
    work_for(hourly, clock, 2 * HOUR)
    (job,) = [each.item for each in hourly.find.jobs(Search((Condition("kind", "start_timer"),)))]
    nightly = hourly.read.definition("nightly")

    def found(*conditions: Condition, **more: Any) -> list[str | None]:
        assert hourly.find.count("incidents", *conditions) == len(hourly.find.incidents(Search(conditions)))
        return [each.instance_id for each in hourly.find.incidents(Search(conditions, **more))]

    assert found(order=(("process_key", True),)) == [instance.id, None]
    assert found(order=(("id", False),), limit=1, offset=1) != found(order=(("id", True),), limit=1, offset=1)
    assert found(Condition("id", job.id)) == found(Condition("job_id", job.id)) == [None]
    assert found(Condition("definition_id", nightly.id)) == found(Condition("process_key", "nightly")) == [None]
    assert found(Condition("business_key", "A-1")) == found(Condition("instance_state", "running")) == [instance.id]
    assert found(Condition("resolved_at", True, Operator.EXISTS)) == []
    for field in KINDS["incidents"].fields:
        assert set(found(order=((field, True),))) == {instance.id, None}


def test_it_is_tried_again_by_a_batch_of_retries(
    hourly: Engine, clock: VirtualClock, broken: Callable[[], None]
) -> None:
    work_for(hourly, clock, 2 * HOUR)
    (incident,) = hourly.read.open_incidents()
    broken()
    batch = hourly.batch(RetryAll(), where=[Condition("process_key", "nightly")])
    again = hourly.batch(RetryAll(), [incident.id])
    hourly.work()

    assert hourly.batches.get(batch.id).summary.startswith("1 retried")
    assert [(each.instance_id, each.message) for each in hourly.batches.items(again.id)] == [
        ("", "was resolved already")
    ]
    assert hourly.read.open_incidents().total == 0
    assert hourly.read.instances().total == 2


def test_once_mended_and_retried_it_goes_on_and_makes_up_for_its_turns_at_their_times(
    hourly: Engine, clock: VirtualClock, broken: Callable[[], None]
) -> None:
    first = clock.now() + HOUR
    work_for(hourly, clock, 3 * HOUR)
    broken()
    work_for(hourly, clock, timedelta(minutes=10))
    assert hourly.read.instances().total == 0

    (incident,) = hourly.read.open_incidents()
    hourly.retry(incident.id, by="ann")
    hourly.work()

    assert hourly.read.instances().total == 3
    assert hourly.read.open_incidents().total == 0
    assert hourly.next_due() == first + 3 * HOUR


def test_what_is_mended_before_it_gives_up_goes_on_by_itself(
    hourly: Engine, clock: VirtualClock, broken: Callable[[], None]
) -> None:
    first = clock.now() + HOUR
    clock.advance(HOUR)
    hourly.work()
    broken()
    work_for(hourly, clock, timedelta(minutes=1))

    assert hourly.read.instances().total == 1
    (job,) = [each.item for each in hourly.find.jobs(Search())]
    assert (job.due_at, job.attempts, job.retries_left, job.error) == (first + HOUR, 0, None, None)


def test_a_new_version_takes_the_place_of_what_gave_up(
    hourly: Engine, clock: VirtualClock, broken: Callable[[], None], models: Path
) -> None:
    work_for(hourly, clock, 2 * HOUR)
    broken()
    hourly.deploy(models / "nightly.bpmn")
    assert hourly.read.open_incidents().total == 0


def test_messages_that_could_not_be_handed_to_a_new_version_are_once_that_is_retried(
    engine: Engine, clock: VirtualClock, broken: Callable[[], None], models: Path
) -> None:
    engine.publish("order", correlation_key="7", ttl=24 * HOUR)
    engine.deploy(models / "post.bpmn")
    work_for(engine, clock, 2 * HOUR)
    (incident,) = engine.read.open_incidents()
    assert (incident.kind, incident.process_key, incident.element_id) == ("delivery", "shop", "shop")

    broken()
    engine.retry(incident.id, by="ann")
    engine.work()

    assert engine.read.instances(key="shop").total == 1
    assert engine.read.open_incidents().total == 0


def deploy_with_a_long_name(engine: Engine, models: Path) -> None:
    data = (models / "nightly.bpmn").read_bytes().replace(b'id="nightly"', b'id="' + b"n" * 80 + b'"')
    engine.deploy(Resource("nightly.bpmn", data))


def test_one_of_a_process_with_a_long_name_is_retried_by_a_batch_like_any_other(
    engine: Engine, clock: VirtualClock, broken: Callable[[], None], models: Path
) -> None:
    deploy_with_a_long_name(engine, models)
    work_for(engine, clock, 30 * HOUR)
    (incident,) = engine.read.open_incidents()
    broken()
    batch = engine.batch(RetryAll(), [incident.id])
    engine.work()

    assert engine.batches.get(batch.id).summary.startswith("1 retried")
    assert engine.read.open_incidents().total == 0


def test_one_whose_id_an_older_version_made_too_long_for_a_batch_is_refused_and_retried_by_itself(
    engine: Engine,
    clock: VirtualClock,
    broken: Callable[[], None],
    models: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.starting.LONGEST_JOB_ID", 1000)
    deploy_with_a_long_name(engine, models)
    work_for(engine, clock, 30 * HOUR)
    (incident,) = engine.read.open_incidents()

    for chosen in ({"ids": [incident.id]}, {"where": [Condition("kind", "start_timer")]}):
        with pytest.raises(InvalidInput, match="Retry it by itself first"):
            engine.batch(RetryAll(), **chosen)
    engine.retry(incident.id)
    assert engine.read.open_incidents().total == 0
