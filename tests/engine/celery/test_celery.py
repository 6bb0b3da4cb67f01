"""Service tasks done by Celery's workers, over a real broker: nothing is lost or done twice, whatever happens."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from engine.engine import Engine
from engine.model import InstanceState

pytestmark = [pytest.mark.slow]


def has_ended(fleet: Any, instance_id: str) -> bool:
    return fleet.engine.read.instance(instance_id).state is InstanceState.COMPLETED


def outcomes(engine: Engine, instance_id: str) -> list[tuple[str, int, str | None]]:
    attempts = engine.read.history(instance_id).job_attempts
    return [(each.job_id, each.attempt, each.outcome) for each in attempts]


def test_the_fleet_does_all_service_tasks_each_from_its_queue(fleet: Any) -> None:
    instances = [fleet.engine.start("fleet").id for _ in range(5)]
    fleet.until(lambda: all(has_ended(fleet, each) for each in instances))

    calls = fleet.calls()
    assert sorted(call["type"] for call in calls) == ["first"] * 5 + ["second"] * 5
    assert os.getpid() not in {call["process"] for call in calls}
    assert len({call["key"] for call in calls}) == 10

    lost = fleet.engine.start("fleet").id  # a worker killed in the middle of a job
    hanging = fleet.engine.start("fleet", variables={"do": "hang once"}).id
    call = fleet.until(lambda: fleet.calls(hanging))[0]
    os.kill(call["process"], signal.SIGKILL)
    fleet.until(lambda: has_ended(fleet, hanging) and has_ended(fleet, lost))
    job = call["key"]
    assert [(each["key"], each["attempt"]) for each in fleet.calls(hanging)][:2] == [(job, 1), (job, 2)]
    assert outcomes(fleet.engine, hanging)[:2] == [(job, 1, "lost"), (job, 2, "completed")]
    assert len(fleet.calls(lost)) == 2


def test_messages_that_are_lost_or_come_twice_change_nothing(fleet: Any) -> None:
    first = fleet.engine.start("fleet").id
    fleet.until(lambda: has_ended(fleet, first))

    doubled, send = fleet.engine.start("fleet").id, fleet.relay._send
    fleet.relay._send = lambda job: [send(job) for _ in range(3)]
    fleet.until(lambda: has_ended(fleet, doubled))
    fleet.relay._send = lambda job: None  # as if the broker had lost it
    lost = fleet.engine.start("fleet").id
    assert fleet.relay.publish() == 1
    fleet.relay._send = send
    fleet.until(lambda: has_ended(fleet, lost))

    busy = fleet.engine.start("fleet", variables={"do": "give way"}).id
    fleet.until(lambda: fleet.calls(busy))
    forgotten = [fleet.engine.start("fleet").id for _ in range(3)]
    fleet.relay.publish()
    fleet.forget_messages()
    fleet.engine.correlate("stop it", instance_id=busy)
    fleet.until(lambda: all(has_ended(fleet, each) for each in forgotten))

    for instance in (first, doubled, lost, *forgotten):
        assert [(call["type"], call["attempt"]) for call in fleet.calls(instance)] == [("first", 1), ("second", 1)]


def test_a_handler_of_the_fleet_is_told_that_it_is_interrupted_and_ended_where_it_does_not_heed(fleet: Any) -> None:
    heeds = fleet.engine.start("fleet", variables={"do": "give way"}).id
    fleet.until(lambda: fleet.calls(heeds))
    fleet.engine.correlate("stop it", instance_id=heeds)
    fleet.until(lambda: [outcome for *_, outcome in outcomes(fleet.engine, heeds)] == ["discarded"])

    hangs = fleet.engine.start("fleet", variables={"do": "hang"}).id
    process = fleet.until(lambda: fleet.calls(hangs))[0]["process"]
    fleet.engine.correlate("stop it", instance_id=hangs)
    fleet.until(lambda: not Path(f"/proc/{process}").exists())
    assert [outcome for *_, outcome in outcomes(fleet.engine, hangs)] == ["discarded"]

    refused = fleet.engine.start("fleet", variables={"do": "refuse"}).id
    fleet.until(lambda: fleet.engine.read.instance(refused).has_ended)
    assert fleet.engine.read.instance(refused).end_reason == "REFUSED not today"


def test_what_is_to_have_a_process_of_its_own_has_one_in_the_fleet_and_can_be_stopped(fleet: Any) -> None:
    done = fleet.engine.start("computing").id
    fleet.until(lambda: has_ended(fleet, done))
    call = fleet.calls(done)[0]
    assert b"celery" in Path(f"/proc/{call['parent']}/cmdline").read_bytes()
    assert b"celery" not in Path(f"/proc/{call['process']}/cmdline").read_bytes()
    assert [outcome for *_, outcome in outcomes(fleet.engine, done)] == ["completed"]

    hangs = fleet.engine.start("computing", variables={"do": "hang"}).id
    process = fleet.until(lambda: fleet.calls(hangs))[0]["process"]
    fleet.engine.correlate("stop it", instance_id=hangs)
    fleet.until(lambda: not Path(f"/proc/{process}").exists())
    fleet.until(lambda: [outcome for *_, outcome in outcomes(fleet.engine, hangs)] == ["discarded"])


def test_a_fleet_that_is_killed_goes_on_where_it_was_when_it_is_there_again(fleet: Any) -> None:
    hanging = fleet.engine.start("fleet", variables={"do": "hang once"}).id
    fleet.until(lambda: fleet.calls(hanging))
    waiting = [fleet.engine.start("fleet").id for _ in range(3)]
    fleet.relay.publish()
    fleet.worker.kill()
    fleet.worker.start()
    fleet.until(lambda: all(has_ended(fleet, each) for each in (hanging, *waiting)))

    job = fleet.calls(hanging)[0]["key"]
    assert [(each["key"], each["attempt"]) for each in fleet.calls(hanging)][:2] == [(job, 1), (job, 2)]
    assert outcomes(fleet.engine, hanging)[:2] == [(job, 1, "lost"), (job, 2, "completed")]
    for instance in waiting:
        assert [(call["type"], call["attempt"]) for call in fleet.calls(instance)] == [("first", 1), ("second", 1)]


def test_a_broker_that_is_restarted_under_the_fleet_costs_nothing(fleet: Any) -> None:
    busy = fleet.engine.start("fleet", variables={"do": "give way"}).id
    fleet.until(lambda: fleet.calls(busy))
    waiting = [fleet.engine.start("fleet").id for _ in range(3)]
    fleet.relay.publish()
    fleet.broker.restart()
    waiting.append(fleet.engine.start("fleet").id)
    fleet.engine.correlate("stop it", instance_id=busy)
    fleet.until(lambda: all(has_ended(fleet, each) for each in waiting))

    assert [outcome for *_, outcome in outcomes(fleet.engine, busy)] == ["discarded"]
    for instance in waiting:
        assert [(call["type"], call["attempt"]) for call in fleet.calls(instance)] == [("first", 1), ("second", 1)]
