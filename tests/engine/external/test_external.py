"""Workers elsewhere: fetching under a lease, settling, and what happens when they are late or nobody is there."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Thread
from types import ModuleType

import pytest
from psycopg.errors import UniqueViolation
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from engine import Job
from engine.application import load_application
from engine.clock import SystemClock, VirtualClock
from engine.engine import Engine
from engine.errors import Conflict, InvalidInput, NotFound
from engine.external import tasks
from engine.external.records import ExternalTask, Topic
from engine.model import InstanceState, JobState
from engine.store import external, jobs
from engine.store.tables import job

Open = Callable[[], Engine]
CHARGE = [Topic("charge", timedelta(minutes=1))]
LONG = 120


@pytest.fixture
def shop(engine: Engine, models: Path) -> Engine:
    engine.deploy(models / "order.bpmn")
    engine.external.open()
    return engine


def fetch(engine: Engine, worker: str = "w1", topics: list[Topic] = CHARGE, most: int = 10) -> list[ExternalTask]:
    return engine.external.fetch_and_lock(worker, topics, most)


def test_a_worker_fetches_a_job_with_its_variables_and_completes_it(shop: Engine, clock: VirtualClock) -> None:
    order = shop.start("order", variables={"amount": 12, "card": "x"}, business_key="A1")
    [task] = fetch(shop, topics=[Topic("charge", timedelta(seconds=30), variables=("amount", "nothing"))])
    assert (task.id, task.topic, task.element_id, task.business_key) == (f"{order.id}.2", "charge", "Charge", "A1")
    assert (task.variables, task.process_key, task.version_tag) == ({"amount": 12}, "order", "v1")
    assert task.lock_expires_at == clock.now() + timedelta(seconds=30)
    assert fetch(shop, "w2") == []

    shop.external.complete(task.id, "w1", {"receipt": 7})
    assert shop.read.variables(order.id)["receipt"] == 7
    history = shop.read.history(order.id)
    assert [(each.worker, each.outcome, each.attempt) for each in history.job_attempts] == [("w1", "completed", 1)]
    assert {each.actor for each in history.activities if each.element_id == "Charge"} == {"worker:w1"}


def test_whatever_a_worker_asks_for_is_tried_again_where_others_were_faster(
    shop: Engine, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = shop.start("order").id
    lost: list[str] = []

    def loses_once(module: ModuleType, name: str) -> None:
        real = getattr(module, name)

        def statement(*arguments: object) -> object:
            if name in lost:
                return real(*arguments)
            lost.append(name)
            raise IntegrityError(name, {}, UniqueViolation())

        monkeypatch.setattr(module, name, statement)

    for module, name in ((external, "note_topic"), (external, "claim"), (external, "prolong")):
        loses_once(module, name)
    for name in ("leave", "expire", "claim_one"):
        loses_once(jobs, name)

    assert fetch(shop)[0].instance_id == order
    shop.external.extend_lock(f"{order}.2", "w1", timedelta(seconds=5))
    clock.advance(timedelta(seconds=9))
    assert fetch(shop)[0].attempt == 2
    shop.external.unlock(f"{order}.2")
    assert shop.external.lock(f"{order}.2", "w2", timedelta(seconds=5)).attempt == 3
    assert sorted(lost) == ["claim", "claim_one", "expire", "leave", "note_topic", "prolong"]


def test_a_topic_waits_for_workers_elsewhere_and_is_no_incident(shop: Engine) -> None:
    order = shop.start("order")
    assert shop.work() == 0
    assert shop.next_due() is None
    assert shop.read.incidents(order.id) == []
    assert [task.id for task in shop.external.list(topic="charge")] == [f"{order.id}.2"]
    assert len(fetch(shop)) == 1


def test_a_topic_with_a_handler_here_is_done_here(shop: Engine) -> None:
    shop.handler("charge")(lambda job: {"receipt": 1})
    order = shop.start("order")
    shop.work()
    assert shop.read.variables(order.id) == {"receipt": 1}


def test_a_job_left_by_one_process_is_done_by_the_handler_of_another(shop: Engine, open_engine: Open) -> None:
    order = shop.start("order")
    shop.work()
    other = open_engine()
    other.handler("charge")(lambda job: {"receipt": 1})
    assert other.next_due() is not None
    assert other.work() == 1
    assert shop.read.variables(order.id) == {"receipt": 1}


def test_who_lost_the_lease_cannot_commit(shop: Engine, clock: VirtualClock) -> None:
    order = shop.start("order")
    [late] = fetch(shop)
    clock.advance(timedelta(minutes=2))
    [again] = fetch(shop, "w2")
    assert (again.id, again.attempt) == (late.id, 2)
    for settle in (
        lambda: shop.external.complete(late.id, "w1", {"receipt": 1}),
        lambda: shop.external.fail(late.id, "w1", "no"),
        lambda: shop.external.bpmn_error(late.id, "w1", "CARD_DECLINED"),
        lambda: shop.external.extend_lock(late.id, "w1", timedelta(minutes=1)),
        lambda: shop.external.complete(late.id, "w2", token=late.lock_token),
    ):
        with pytest.raises(Conflict, match="not locked by"):
            settle()
    shop.external.complete(late.id, "w2", {"receipt": 2}, token=again.lock_token)
    assert shop.read.variables(order.id) == {"receipt": 2}
    with pytest.raises(NotFound):
        shop.external.complete(late.id, "w2")
    outcomes = [each.outcome for each in shop.read.history(order.id).job_attempts]
    assert outcomes == ["lost", "completed"]


def test_an_extended_lease_lasts(shop: Engine, clock: VirtualClock) -> None:
    shop.start("order")
    [task] = fetch(shop)
    clock.advance(timedelta(seconds=50))
    assert shop.external.extend_lock(task.id, "w1", timedelta(minutes=5)) == clock.now() + timedelta(minutes=5)
    clock.advance(timedelta(minutes=4))
    assert fetch(shop, "w2") == []
    shop.external.complete(task.id, "w1")


def test_a_failure_is_tried_again_and_then_an_incident(shop: Engine, clock: VirtualClock) -> None:
    order = shop.start("order")
    [task] = fetch(shop)
    assert task.retries is None
    shop.external.fail(task.id, "w1", "busy", details="trace", retries=1, retry_in=timedelta(minutes=3))
    assert fetch(shop) == []
    clock.advance(timedelta(minutes=3))
    [task] = fetch(shop)
    assert (task.retries, task.error, task.attempt) == (1, "busy", 2)
    shop.external.fail(task.id, "w1", "still busy", details="trace")
    [incident] = shop.read.incidents(order.id)
    assert (incident.message, incident.detail, incident.kind) == ("still busy", "trace", "job")

    shop.external.set_retries(task.id, 2, by="ann")
    [task] = fetch(shop)
    assert (task.retries, shop.read.incidents(order.id)) == (2, [])
    assert [each.outcome for each in shop.read.history(order.id).job_attempts] == ["retry", "failed", None]


def test_retries_can_be_given_while_a_worker_has_the_job(shop: Engine) -> None:
    shop.start("order")
    [task] = fetch(shop)
    shop.external.set_retries(task.id, 5, by="ann")
    shop.external.fail(task.id, "w1", "busy", retry_in=timedelta())
    assert fetch(shop)[0].retries == 4


def test_a_bpmn_error_is_caught_by_the_boundary_event(shop: Engine) -> None:
    order = shop.start("order")
    [task] = fetch(shop)
    shop.external.bpmn_error(task.id, "w1", "CARD_DECLINED", "no money", {"reason": "limit"})
    assert shop.read.instance(order.id).state is InstanceState.COMPLETED
    assert shop.read.variables(order.id) == {"reason": "limit"}


def test_an_unlocked_job_is_for_the_next_one(shop: Engine) -> None:
    order = shop.start("order")
    [task] = fetch(shop)
    shop.external.unlock(task.id, by="ann")
    shop.external.unlock(task.id, by="ann")
    with pytest.raises(Conflict):
        shop.external.complete(task.id, "w1")
    assert [each.worker_id for each in fetch(shop, "w2")] == ["w2"]
    assert ("job.unlocked", "ann") in [(each.action, each.actor) for each in shop.read.history(order.id).log]


def test_one_job_can_be_locked_by_its_id(shop: Engine) -> None:
    order = shop.start("order")
    task = shop.external.lock(f"{order.id}.2", "w1", timedelta(minutes=1))
    assert (task.worker_id, shop.external.get(task.id).state) == ("w1", JobState.RUNNING)
    with pytest.raises(Conflict, match="cannot be locked"):
        shop.external.lock(task.id, "w2", timedelta(minutes=1))


def test_topics_narrow_what_is_fetched(shop: Engine) -> None:
    for number in range(3):
        shop.start("order", business_key=f"A{number}")
    assert [task.business_key for task in fetch(shop, topics=[Topic("charge", business_key="A1")])] == ["A1"]
    assert fetch(shop, topics=[Topic("charge", process_keys=("other",))]) == []
    assert fetch(shop, topics=[Topic("charge", version_tag="v2")]) == []
    wanted = [Topic("pack"), Topic("charge", version_tag="v1", definition_ids=("order:1",))]
    assert [task.business_key for task in fetch(shop, topics=wanted, most=1)] == ["A0"]
    assert shop.external.list(topic="charge", state="available", process_key="order")[0].business_key == "A2"


def test_no_job_is_handed_to_two_workers(shop: Engine) -> None:
    orders = {shop.start("order").id for _ in range(30)}
    fetched: list[str] = []

    def work(name: str) -> None:
        while tasks := fetch(shop, name, most=4):
            for task in tasks:
                fetched.append(task.instance_id)
                shop.external.complete(task.id, name)

    threads = [Thread(target=work, args=(f"w{n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(fetched), set(fetched)) == (30, orders)


def test_what_stopped_for_want_of_a_handler_goes_to_the_first_worker_that_asks(engine: Engine, models: Path) -> None:
    engine.deploy(models / "order.bpmn")
    order = engine.start("order")
    engine.work()
    assert engine.read.incidents(order.id)[0].kind == "unbound"
    [task] = fetch(engine)
    assert (task.id, engine.read.incidents(order.id)) == (f"{order.id}.2", [])
    assert [each.name for each in engine.external.topics()] == ["charge"]


def test_every_process_leaves_what_workers_elsewhere_have_asked_one_of_them_for(
    engine: Engine, open_engine: Open, models: Path
) -> None:
    engine.deploy(models / "order.bpmn")
    assert fetch(engine) == []
    other = open_engine()
    order = other.start("order")
    other.work()
    assert other.read.incidents(order.id) == []
    assert [task.attempt for task in fetch(engine)] == [1]


def test_jobs_are_found_where_no_worker_of_ours_runs(engine: Engine, models: Path) -> None:
    engine.deploy(models / "order.bpmn")
    engine.start("order")
    assert len(fetch(engine)) == 1


def test_each_commit_can_be_fetched_from_at_once(shop: Engine) -> None:
    for _ in range(4):
        order = shop.start("order")
        assert [task.instance_id for task in fetch(shop)] == [order.id]


def test_each_commit_can_be_fetched_from_at_once_while_workers_run_here(
    database_url: str, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "_LOOKS", 10_000)  # however long a worker that looks at the same row is kept from it
    with Engine(database_url, clock=SystemClock()) as engine:
        engine.deploy(models / "order.bpmn")
        engine.external.open()
        engine.start_workers(2)
        for _ in range(10):
            order = engine.start("order")
            assert [task.instance_id for task in fetch(engine)] == [order.id]


def test_what_was_left_and_what_nobody_has_looked_at_yet_are_in_one_order(shop: Engine, clock: VirtualClock) -> None:
    orders: list[str] = []
    for number in range(4):
        orders.append(shop.start("order").id)
        if number == 1:
            shop.work()
        clock.advance(timedelta(seconds=1))
    assert [task.instance_id for task in fetch(shop, most=3)] == orders[:3]


def test_a_job_that_is_done_here_under_another_name_is_not_fetched(shop: Engine) -> None:
    job_id = f"{shop.start('order').id}.2"
    with shop.store.writing() as connection:
        connection.execute(update(job).where(job.c.id == job_id).values(names='["charge", "own"]'))
    shop.handler("own")(lambda job: {"receipt": 1})
    assert fetch(shop) == []
    assert shop.work() == 1


def test_a_result_for_a_suspended_instance_is_kept(shop: Engine) -> None:
    order = shop.start("order")
    [task] = fetch(shop)
    shop.suspend(order.id)
    shop.external.complete(task.id, "w1", {"receipt": 1})
    shop.activate(order.id)
    shop.work()
    assert shop.read.variables(order.id) == {"receipt": 1}


def test_local_variables_reach_the_output_mappings_and_no_further(engine: Engine) -> None:
    engine.deploy(_mapped())
    mapped = engine.start("mapped")
    [task] = fetch(engine, topics=[Topic("count")])
    assert task.variables == {"doubled": 4}
    engine.external.complete(task.id, "w1", {"seen": True}, local_variables={"n": 5})
    assert engine.read.variables(mapped.id) == {"total": 6, "seen": True}


def test_a_waiting_request_is_answered_by_the_next_commit(database_url: str, models: Path) -> None:
    with Engine(database_url, clock=SystemClock()) as engine:
        engine.deploy(models / "order.bpmn")
        engine.external.open()
        answers: list[list[ExternalTask]] = []
        waiter = Thread(target=lambda: answers.append(engine.external.fetch_and_lock("w1", CHARGE, wait=LONG)))
        waiter.start()
        engine.start("order")
        waiter.join(LONG)
        assert [len(tasks) for tasks in answers] == [1]


def test_waiting_requests_go_home_when_the_engine_closes(database_url: str, models: Path) -> None:
    with Engine(database_url) as engine:
        answers: list[list[ExternalTask]] = []
        waiter = Thread(target=lambda: answers.append(engine.external.fetch_and_lock("w1", CHARGE, wait=LONG)))
        waiter.start()
        engine.external.close()
        waiter.join(LONG)
        assert answers == [[]]


def test_too_many_waiting_requests_are_answered_at_once(shop: Engine) -> None:
    shop.external.bell.seats = 0
    assert shop.external.fetch_and_lock("w1", CHARGE, wait=60) == []


@pytest.mark.parametrize(
    ("worker", "topics", "most"),
    [
        ("", CHARGE, 1),
        ("w", [], 1),
        ("w", CHARGE, 0),
        ("w", CHARGE, 1001),
        ("w", CHARGE * 2, 1),
        ("w", [Topic("charge", timedelta())], 1),
        ("w", [Topic("charge", timedelta(days=31))], 1),
        ("w", [Topic("")], 1),
    ],
)
def test_requests_that_make_no_sense_are_refused(engine: Engine, worker: str, topics: list[Topic], most: int) -> None:
    with pytest.raises(InvalidInput):
        engine.external.fetch_and_lock(worker, topics, most)


def test_an_external_type_is_left_even_where_it_is_handled(shop: Engine) -> None:
    done: list[Job] = []
    shop.handler("charge")(done.append)
    shop.register_external("charge")
    shop.start("order")
    assert (shop.work(), done, len(fetch(shop))) == (0, [], 1)


def _mapped() -> Path:
    return Path(__file__).with_name("mapped.bpmn")


def test_an_application_says_which_types_are_for_workers_elsewhere(
    engine: Engine, models: Path, tmp_path: Path
) -> None:
    (tmp_path / "fermata.toml").write_text('[handlers]\nexternal = ["*"]\n')
    (tmp_path / "order.bpmn").write_bytes((models / "order.bpmn").read_bytes())
    load_application(tmp_path).install(engine)
    order = engine.start("order")
    assert (engine.work(), engine.read.incidents(order.id)) == (0, [])
