"""Jobs: leases, retries, incidents, and what happens when workers vanish."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update

from engine import BpmnError, Job, PermanentFailure, RetryLater
from engine.clock import VirtualClock
from engine.engine import Engine
from engine.errors import Conflict, NotFound
from engine.jobs.outcome import Completed
from engine.model import InstanceState, JobState
from engine.road import Errand, Road
from engine.store import tables
from engine.store.jobs import lock_job
from tests.engine.jobs.waiting import PATIENCE

Open = Callable[[], Engine]


@pytest.fixture
def shop(engine: Engine, models: Path) -> Engine:
    engine.deploy(models / "order.bpmn", models / "retrycycle.bpmn")
    return engine


def test_a_job_nobody_does_is_an_incident_that_says_what_to_add(shop: Engine) -> None:
    shop.handler("archive")(lambda job: None)
    order = shop.start("order")
    shop.work()

    incident = shop.read.incidents(order.id)[0]
    assert incident.message == (
        "No handler for job type 'charge' (element 'Charge', order.bpmn:7). "
        'Registered: archive. Add @engine.handler("charge").'
    )
    assert (incident.kind, incident.element_id, incident.location) == ("unbound", "Charge", "order.bpmn:7")


def test_a_job_goes_on_when_its_handler_was_added_and_the_incident_retried(shop: Engine) -> None:
    order = shop.start("order")
    shop.work()
    shop.handler("charge")(lambda job: {"receipt": 1})
    shop.retry(shop.read.incidents(order.id)[0].id, by="ann")
    shop.work()

    assert shop.read.variables(order.id) == {"receipt": 1}
    resolved = shop.read.incidents(order.id, open_only=False)[0]
    assert (resolved.resolved_by, shop.read.instance(order.id).incident_count) == ("ann", 0)


def test_a_result_is_saved_though_its_instance_was_suspended_when_it_came_and_went_on_right_after(
    shop: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_all = Road.send_all

    def activate_after_a_refusal(road: Road, errands: Sequence[Errand], *more: Any) -> list[Exception | None]:
        refusals = send_all(road, errands, *more)
        if any(refusals):
            shop.activate(order.id)
        return refusals

    monkeypatch.setattr(Road, "send_all", activate_after_a_refusal)
    shop.handler("charge")(lambda job: shop.suspend(job.instance_id) or {"receipt": 1})
    order = shop.start("order")
    shop.work()

    assert shop.read.variables(order.id) == {"receipt": 1}
    assert "instance.activated" in [each.action for each in shop.read.history(order.id).log]
    assert next(each.outcome for each in shop.read.history(order.id).job_attempts) == "completed"


def test_a_failed_job_is_tried_again_later_and_then_an_incident(shop: Engine, clock: VirtualClock) -> None:
    attempts: list[int] = []

    @shop.handler("charge", retries=3)
    def charge(job: Job) -> None:
        attempts.append(job.attempt)
        raise ConnectionError("no line")

    order = shop.start("order")
    for delay in (0, 10, 20):
        clock.advance(timedelta(seconds=delay))
        assert shop.work() == 1
        assert shop.work() == 0

    incident = shop.read.incidents(order.id)[0]
    assert attempts == [1, 2, 3]
    assert (incident.message, incident.kind) == ("ConnectionError: no line", "job")
    assert "raise ConnectionError" in incident.detail
    outcomes = [(each.attempt, each.outcome, each.error) for each in shop.read.history(order.id).job_attempts]
    assert outcomes == [
        (1, "retry", "ConnectionError: no line"),
        (2, "retry", "ConnectionError: no line"),
        (3, "failed", "ConnectionError: no line"),
    ]


def test_a_retried_incident_has_its_attempts_again(shop: Engine, clock: VirtualClock) -> None:
    failing = True

    @shop.handler("charge", retries=1)
    def charge(job: Job) -> None:
        if failing:
            raise ConnectionError

    order = shop.start("order")
    shop.work()
    first = shop.read.incidents(order.id)[0]
    shop.retry(first.id, retries=2)
    shop.work()
    assert shop.read.jobs(order.id)[0].retries_left == 1
    clock.advance(timedelta(hours=1))
    shop.work()
    second = shop.read.incidents(order.id)[0]
    assert second.id == f"{first.id}.2"
    failing = False
    shop.retry(second.id)
    shop.work()
    assert shop.read.tasks(instance_id=order.id).total == 1


def test_an_incident_is_retried_once(shop: Engine) -> None:
    order = shop.start("order")
    shop.work()
    incident = shop.read.incidents(order.id)[0]
    shop.retry(incident.id)
    with pytest.raises(Conflict, match="resolved already"):
        shop.retry(incident.id)
    with pytest.raises(NotFound, match="There is no incident"):
        shop.retry("nothing")


def test_the_diagrams_retry_cycle_is_kept(shop: Engine, clock: VirtualClock) -> None:
    @shop.handler("flaky", retries=9)
    def flaky(job: Job) -> None:
        raise ConnectionError

    instance = shop.start("retrycycle")
    shop.work()
    assert shop.read.jobs(instance.id)[0].due_at == clock.now() + timedelta(minutes=10)
    clock.advance(timedelta(minutes=10))
    shop.work()
    assert len(shop.read.incidents(instance.id)) == 1


def test_a_handler_can_say_when_to_try_again(shop: Engine, clock: VirtualClock) -> None:
    @shop.handler("charge")
    def charge(job: Job) -> None:
        raise RetryLater(timedelta(hours=5), "bank holiday")

    order = shop.start("order")
    shop.work()
    job = shop.read.jobs(order.id)[0]
    assert (job.due_at, job.error, job.retries_left) == (clock.now() + timedelta(hours=5), "bank holiday", 2)


def test_what_a_handler_returns_must_be_storable(shop: Engine) -> None:
    shop.handler("charge")(lambda job: {"receipt": object()})
    order = shop.start("order")
    shop.work()
    assert "'receipt' is of type 'object'" in shop.read.incidents(order.id)[0].message


def test_a_handler_runs_outside_of_any_transaction(shop: Engine, open_engine: Open) -> None:
    """Another process can write while it runs."""
    other = open_engine()
    shop.handler("charge")(lambda job: {"started": other.start("order").id})
    order = shop.start("order")
    shop.work(limit=1)
    assert other.read.instance(shop.read.variables(order.id)["started"]).state is InstanceState.RUNNING


def test_an_attempt_is_on_record_while_it_runs(shop: Engine) -> None:
    seen: list[str | None] = []

    @shop.handler("charge")
    def charge(job: Job) -> None:
        attempt = shop.read.history(job.instance_id).job_attempts[0]
        seen.append(attempt.outcome)
        assert attempt.started_at is not None

    order = shop.start("order")
    shop.work()
    assert seen == [None]
    assert shop.read.history(order.id).job_attempts[0].outcome == "completed"


def test_a_job_whose_worker_gave_no_sign_of_life_is_done_by_another(
    shop: Engine, open_engine: Open, clock: VirtualClock
) -> None:
    order = shop.start("order")
    lost = shop._worker.take(1)
    keys: list[str] = []
    other = open_engine()
    other.handler("charge")(lambda job: keys.append(job.idempotency_key))

    assert other.work() == 0
    clock.advance(timedelta(seconds=31))
    assert other.work() == 1
    assert keys == [lost[0].row.id]
    outcomes = [each.outcome for each in shop.read.history(order.id).job_attempts]
    assert outcomes == ["lost", "completed"]


def test_a_worker_that_lost_its_lease_cannot_complete_the_job(
    shop: Engine, open_engine: Open, clock: VirtualClock
) -> None:
    order = shop.start("order")
    held = shop._worker.take(1)[0]
    clock.advance(timedelta(seconds=31))
    other = open_engine()
    other.handler("charge")(lambda job: {"by": "other"})
    other.work()

    shop._worker.settle([(held, Completed({"by": "first"}))])
    assert shop.read.variables(order.id) == {"by": "other"}


def test_a_lost_lease_also_fences_failures(shop: Engine, open_engine: Open, clock: VirtualClock) -> None:
    from engine.jobs.outcome import Failed

    order = shop.start("order")
    held = shop._worker.take(1)[0]
    clock.advance(timedelta(seconds=31))
    other = open_engine()
    other._worker.recover()
    other._worker.take(1)

    shop._worker.settle([(held, Failed("too late"))])
    assert (shop.read.incidents(order.id), shop.read.jobs(order.id)[0].state) == ([], JobState.RUNNING)


def test_a_sign_of_life_keeps_the_lease(shop: Engine, open_engine: Open, clock: VirtualClock) -> None:
    shop.start("order")
    held = shop._worker.take(1)
    clock.advance(timedelta(seconds=20))
    shop._worker.extend(held)
    clock.advance(timedelta(seconds=20))
    assert open_engine().work() == 0


@pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
def test_signs_of_life_wait_for_who_ends_the_same_jobs_and_never_lock_them_out(shop: Engine, open_engine: Open) -> None:
    for _ in range(2):
        shop.start("order")
    held = sorted(shop._worker.take(2), key=lambda each: each.row.id)
    is_blocked = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()")
    other = open_engine().store
    with ThreadPoolExecutor(1) as thread, other.writing() as connection:
        lock_job(connection, held[0].lease)
        renewed = thread.submit(shop._worker.extend, held[::-1])
        with other.reading() as looking:
            while not looking.execute(is_blocked).scalar():
                time.sleep(0.005)
        lock_job(connection, held[1].lease)
    assert renewed.exception() is None


def test_jobs_of_a_process_that_is_gone_are_taken_back_at_once(shop: Engine, open_engine: Open) -> None:
    order = shop.start("order")
    shop._worker.take(1)
    gone = shop._worker.name.replace(f":{__import__('os').getpid()}:", ":4194999:")
    with shop.store.writing() as connection:
        connection.execute(update(tables.job).values(lease_owner=gone))
    other = open_engine()
    other.handler("charge")(lambda job: {"done": True})
    other.work()
    assert other.read.variables(order.id) == {"done": True}


def test_a_job_that_takes_every_worker_with_it_becomes_an_incident(shop: Engine, clock: VirtualClock) -> None:
    order = shop.start("order")
    shop._worker.take(1)
    with shop.store.writing() as connection:
        connection.execute(update(tables.job).values(lost_leases=24))
    clock.advance(timedelta(seconds=31))
    shop._worker.recover()
    assert "25 workers vanished" in shop.read.incidents(order.id)[0].message


def test_one_broken_result_takes_nothing_of_the_others_with_it(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several instances share a commit; one of them breaks in the interpreter."""
    shop.handler("charge")(lambda job: {"receipt": job.variables["n"]})
    orders = [shop.start("order", variables={"n": n}) for n in range(4)]
    advance = shop.programs.advance

    def break_third(instance, command, *more):
        if instance.id == orders[2].id:
            raise RuntimeError("a bug")
        return advance(instance, command, *more)

    monkeypatch.setattr(shop.programs, "advance", break_third)
    shop.work()
    assert [shop.read.variables(order.id).get("receipt") for order in orders] == [0, 1, None, 3]
    assert shop.read.incidents(orders[2].id)[0].message == "RuntimeError: a bug"


def test_stopping_in_the_middle_gives_back_what_was_not_begun(shop: Engine) -> None:
    orders = [shop.start("order") for _ in range(3)]
    calls: list[str] = []

    @shop.handler("charge")
    def charge(job: Job) -> None:
        calls.append(job.instance_id)
        if len(calls) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shop.work()
    states = [[(job.state, job.attempts) for job in shop.read.jobs(order.id)] for order in orders]
    assert states == [[], [(JobState.RUNNING, 1)], [(JobState.AVAILABLE, 0)]]


def test_jobs_run_by_priority_then_due_time(shop: Engine) -> None:
    orders = [shop.start("order", business_key=str(n)) for n in range(3)]
    with shop.store.writing() as connection:
        connection.execute(update(tables.job).where(tables.job.c.instance_id == orders[2].id).values(rank=-5))
    done: list[str | None] = []
    shop.handler("charge")(lambda job: done.append(job.business_key))
    shop.work()
    assert done == ["2", "0", "1"]


def test_external_jobs_wait_for_somebody_outside(shop: Engine) -> None:
    shop.register_external("charge")
    order = shop.start("order")
    assert shop.work() == 0
    shop.complete_job(f"{order.id}.2", {"receipt": 1}, by="bank")

    assert shop.read.tasks(instance_id=order.id).total == 1
    attempt = shop.read.history(order.id).job_attempts[0]
    assert (attempt.worker, attempt.outcome) == ("bank", "completed")


def test_an_external_job_fails_and_is_tried_again_until_it_is_an_incident(shop: Engine, clock: VirtualClock) -> None:
    shop.register_external("charge")
    order = shop.start("order")
    job_id = f"{order.id}.2"
    shop.fail_job(job_id, "busy", retries=1, retry_in=timedelta(minutes=1))
    job = shop.read.jobs(order.id)[0]
    assert (job.state, job.retries_left, job.due_at) == (JobState.AVAILABLE, 1, clock.now() + timedelta(minutes=1))
    shop.fail_job(job_id, "still busy")
    assert shop.read.incidents(order.id)[0].message == "still busy"
    shop.complete_job(job_id, by="ann")
    assert (shop.read.incidents(order.id), shop.read.instance(order.id).incident_count) == ([], 0)


def test_an_external_job_throws_a_bpmn_error(shop: Engine) -> None:
    shop.register_external("charge")
    order = shop.start("order")
    shop.job_error(f"{order.id}.2", "CARD_DECLINED")
    assert shop.read.instance(order.id).state is InstanceState.COMPLETED


def test_nobody_settles_a_job_that_a_worker_holds(shop: Engine) -> None:
    order = shop.start("order")
    shop._worker.take(1)
    for settle in (shop.complete_job, lambda job_id: shop.fail_job(job_id, "no"), shop.run_job):
        with pytest.raises(Conflict):
            settle(f"{order.id}.2")


def test_retries_can_be_given_to_a_waiting_job(shop: Engine) -> None:
    order = shop.start("order")
    shop.set_retries(f"{order.id}.2", 7, by="ann")
    assert shop.read.jobs(order.id)[0].retries_left == 7


def test_a_handler_that_lasts_too_long_has_failed(shop: Engine) -> None:
    from threading import Event

    release = Event()
    shop.handler("charge", retries=1, timeout=timedelta(milliseconds=20))(lambda job: release.wait(PATIENCE))
    order = shop.start("order")
    shop.work()
    release.set()
    assert "took longer than" in shop.read.incidents(order.id)[0].message


def test_the_pool_does_what_is_committed_and_stops_cleanly(shop: Engine, clock: VirtualClock) -> None:
    from threading import Semaphore

    done = Semaphore(0)

    @shop.handler("charge")
    def charge(job: Job) -> dict[str, bool]:
        done.release()
        return {"charged": True}

    shop.start_workers(3)
    orders = [shop.start("order") for _ in range(10)]
    assert all(done.acquire(timeout=PATIENCE) for _ in orders)
    shop.stop_workers()
    assert all(shop.read.variables(order.id) == {"charged": True} for order in orders)
    with shop.store.reading() as connection:
        held = connection.execute(select(tables.job.c.id).where(tables.job.c.state == "running")).all()
    assert held == []


def test_the_outcomes_of_a_handler_are_told_apart(shop: Engine) -> None:
    outcomes = iter([BpmnError("CARD_DECLINED"), PermanentFailure("closed"), ValueError("once more")])

    @shop.handler("charge")
    def charge(job: Job) -> None:
        raise next(outcomes)

    declined, closed, retried = (shop.start("order") for _ in range(3))
    shop.work()
    assert shop.read.instance(declined.id).state is InstanceState.COMPLETED
    assert len(shop.read.incidents(closed.id)) == 1
    assert shop.read.jobs(retried.id)[0].error == "ValueError: once more"


def test_the_result_of_an_interrupted_activity_is_discarded_and_said_so(shop: Engine) -> None:
    @shop.handler("charge")
    def charge(job: Job) -> dict[str, bool]:
        shop.cancel(job.instance_id, by="ann")
        return {"charged": True}

    order = shop.start("order")
    shop.work()
    assert shop.read.history(order.id).job_attempts[0].outcome == "discarded"
    assert shop.read.variables(order.id) == {}
