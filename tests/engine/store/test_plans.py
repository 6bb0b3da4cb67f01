"""What the engine asks of a database with many instances goes by indexes: its cost does not grow with their number."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from engine.batch import RetryAll, SuspendAll
from engine.clock import VirtualClock
from engine.engine import Engine
from engine.external.records import Topic
from engine.searching import Condition, Search
from engine.store import gauges, lists
from tests.benchmarks.copies import copy_id, copy_instance, tables_of_instances
from tests.engine.store.statements import sent

INSTANCES = 8_000
STOPPED = 2_000
MOST = 600
"""Rows that a step of a plan may read, and as many times 10 steps of SQLite's machine, with 100 for each
value that a statement is given: a tenth of what is filled, and
less than a third of any table or index that is."""
COUNTED = 200
"""In place of what lists are counted to, which is more than there is here."""


@pytest.fixture
def many(engine: Engine, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> tuple[Engine, str]:
    """A database full of instances that wait for a person, a timer, a message and a handler, and of others that wait
    for a signal, a worker elsewhere, and for somebody to look after an incident."""
    monkeypatch.setattr(lists, "COUNTED", COUNTED)
    folder = Path(__file__).parent
    engine.deploy(folder / "waiting.bpmn", folder / "stopped.bpmn")
    engine.cleanup()  # makes the partitions of history
    instance = engine.start("waiting", business_key="B", variables={"order": "O"})
    clock.advance(timedelta(seconds=1))
    stopped = engine.start("stopped", business_key="S")
    _stop(engine, stopped.id)
    clock.advance(timedelta(seconds=1))
    copy_instance(engine.store, stopped.id, STOPPED, are_apart=True)
    copy_instance(engine.store, instance.id, INSTANCES, are_apart=True)
    return engine, instance.id


def _stop(engine: Engine, instance_id: str) -> None:
    engine.external.fetch_and_lock("elsewhere", [Topic("pack")])  # from now on its jobs are left to others
    for job in engine.read.jobs(instance_id=instance_id):
        if job.type == "charge":
            engine.fail_job(job.id, "declined", retries=0)
        else:
            engine.external.unlock(job.id)


def nothing_due(engine: Engine, instance_id: str) -> None:
    engine.register_external("ship")
    engine.work()
    engine.next_due()


def take_jobs(engine: Engine, instance_id: str) -> None:
    engine.handler("ship")(lambda job: {"shipped": True})
    assert engine.work(limit=20) == 20


def correlate(engine: Engine, instance_id: str) -> None:
    engine.correlate("payment", correlation_key="O-77")


def correlate_by_business_key(engine: Engine, instance_id: str) -> None:
    engine.correlate("payment", business_key="B-78", correlation_key="O-78")


def publish_to_nobody(engine: Engine, instance_id: str) -> None:
    engine.publish("payment", correlation_key="unknown", ttl=timedelta(hours=1))


def complete_a_task(engine: Engine, instance_id: str) -> None:
    (task,) = engine.read.tasks(instance_id=copy_id(instance_id, 99)).items
    engine.claim(task.id, "ann")
    engine.complete(task.id, by="ann")


def start_and_cancel(engine: Engine, instance_id: str) -> None:
    started = engine.start("waiting", variables={"order": "new"})
    engine.cancel(started.id)


def show_an_instance(engine: Engine, instance_id: str) -> None:
    engine.read.instance(copy_id(instance_id, 100))
    engine.read.history(copy_id(instance_id, 100))
    engine.read.jobs(instance_id=copy_id(instance_id, 100))


def find_by_business_key(engine: Engine, instance_id: str) -> None:
    assert engine.read.instances(business_key="B-500").total == 1


def list_a_persons_tasks(engine: Engine, instance_id: str) -> None:
    engine.read.tasks(user="ann", groups=["managers"], scope="mine")


def page_through_history(engine: Engine, instance_id: str) -> None:
    for part in ("activities", "variable_changes", "job_attempts", "log"):
        page = engine.read.history_part(copy_id(instance_id, 101), part, limit=1)
        engine.read.history_part(copy_id(instance_id, 101), part, page.next, limit=1)
    for kind in ("activities", "variables", "tasks"):
        one = Condition("instance_id", copy_id(instance_id, 101))
        getattr(engine.find, kind)(Search((one,), limit=1))
        engine.find.count(kind, one)


def look_for_old_history(engine: Engine, instance_id: str) -> None:
    engine.cleanup(limit=10)


def fetch_for_a_worker_elsewhere(engine: Engine, instance_id: str) -> None:
    (task,) = engine.external.fetch_and_lock("elsewhere", [Topic("pack")])
    engine.external.extend_lock(task.id, "elsewhere", timedelta(minutes=5))
    engine.external.complete(task.id, "elsewhere")


def list_external_tasks(engine: Engine, instance_id: str) -> None:
    assert len(engine.external.list(topic="pack", limit=10)) == 10


def ask_for_a_new_topic(engine: Engine, instance_id: str) -> None:
    engine.external.fetch_and_lock("elsewhere", [Topic("charge")])


def fetch_for_one_business_key(engine: Engine, instance_id: str) -> None:
    assert len(engine.external.fetch_and_lock("elsewhere", [Topic("pack", business_key="S-77")])) == 1


def signal_nobody(engine: Engine, instance_id: str) -> None:
    assert engine.signal("nobody listens") == 0


def suspend_some(engine: Engine, instance_id: str) -> None:
    batch = engine.batch(SuspendAll(), [copy_id(instance_id, number) for number in range(200, 205)])
    engine.work(limit=1)
    engine.batches.items(batch.id)
    engine.batches.list()
    engine.batches.page()
    engine.batches.page_revision()
    engine.batches.revision(batch.id)
    engine.batches.operation(batch.id)


def suspend_by_business_key(engine: Engine, instance_id: str) -> None:
    engine.batch(SuspendAll(), where=[Condition("business_key", "B-210")])
    engine.work(limit=1)


def announce_to_a_fleet(engine: Engine, instance_id: str) -> None:
    engine.handler("ship")(lambda job: {"shipped": True})
    told: list[str] = []
    relay = engine.relay(lambda ready: told.append(ready.id), ahead=20)
    relay.publish()
    assert told
    assert relay.publish() == 0  # looks behind those whose queue is full
    assert engine.run_announced(told[0])


def look_after_incidents(engine: Engine, instance_id: str) -> None:
    page = engine.read.open_incidents(limit=5)
    engine.read.incidents(instance_id=page.items[0].instance_id)
    engine.retry(page.items[0].id)
    engine.batch(RetryAll(), [page.items[1].id])
    engine.work(limit=1)


def list_instances(engine: Engine, instance_id: str) -> None:
    assert engine.read.instances(limit=20).has_more_than_total
    engine.read.instances(key="waiting", limit=20)
    engine.read.instances(state="running", limit=20)
    engine.read.instances(state="failed", limit=20)
    assert engine.read.instances(state="running", business_key="B-220").total == 1


def list_open_tasks(engine: Engine, instance_id: str) -> None:
    engine.read.tasks(limit=20)


def search_for_a_part_of_a_name(engine: Engine, instance_id: str) -> None:
    assert engine.read.instances(text="-7777").total == 1


def count_what_waits(engine: Engine, instance_id: str) -> None:
    now = engine.clock.now()
    with engine.store.reading() as connection:
        told = gauges.queue(connection, now, now, most=100)
    assert told.topics["pack"][0] == 100


IN_PROCESSES_OF_THEIR_OWN = (announce_to_a_fleet, take_jobs)
DOINGS = (
    nothing_due,  # from now on the jobs are left to workers elsewhere
    correlate,
    correlate_by_business_key,
    publish_to_nobody,
    complete_a_task,
    start_and_cancel,
    show_an_instance,
    find_by_business_key,
    list_a_persons_tasks,
    page_through_history,
    look_for_old_history,
    fetch_for_a_worker_elsewhere,
    list_external_tasks,
    ask_for_a_new_topic,
    fetch_for_one_business_key,
    signal_nobody,
    suspend_some,
    suspend_by_business_key,
    look_after_incidents,
    list_instances,
    list_open_tasks,
    search_for_a_part_of_a_name,
    count_what_waits,
)
READING_ALL = (
    "SELECT max(element_id) FROM activity",
    "SELECT id FROM job WHERE lease_token = 'nobody has this'",
    "SELECT id FROM process_instance WHERE end_reason = 'none' ORDER BY started_at DESC LIMIT 5",
    "SELECT count(*) FROM (SELECT id FROM process_instance ORDER BY started_at) AS all_of_them",
    "UPDATE user_task SET name = 'other' WHERE name = 'Approve it'",
    "SELECT id FROM user_task WHERE closed_at IS NULL AND form_key = 'none' ORDER BY created_at LIMIT 5",
)
READS_ALL = {
    "search_for_a_part_of_a_name",
    "list_external_tasks",
    "ask_for_a_new_topic",
    "fetch_for_one_business_key",
}
"""Why: docs/scaling.md, "What many cost"."""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nothing_reads_a_whole_table(many: tuple[Engine, str], open_engine: Callable[[], Engine]) -> None:
    engine, instance_id = many
    filled = filled_tables(engine)
    found: dict[str, list[str]] = {}
    doings = [(open_engine(), doing) for doing in IN_PROCESSES_OF_THEIR_OWN]
    for its_engine, doing in [*doings, *((engine, doing) for doing in DOINGS)]:
        asked = statements_of(its_engine, lambda engine=its_engine, doing=doing: doing(engine, instance_id))
        assert asked, doing.__name__
        if much := [f"{step}: {text}" for text, given in asked for step in read_in_full(engine, text, given, filled)]:
            found[doing.__name__] = much

    assert {name: much for name, much in found.items() if name not in READS_ALL} == {}
    assert "search_for_a_part_of_a_name" in found


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nobody_reads_past_the_jobs_of_a_type_that_has_no_room(many: tuple[Engine, str]) -> None:
    engine, _ = many
    engine.deploy(Path(__file__).parents[1] / "jobs" / "exclusive.bpmn")
    behind = engine.start("plain")
    engine.handler("ship", max_concurrent=1)(lambda job: {"shipped": True})
    for name in ("x", "y"):
        engine.handler(name)(lambda job: None)
    asked = statements_of(engine, lambda: engine.work(limit=3))

    assert engine.read.instance(behind.id).state == "completed"
    by_type = [(statement, given) for statement, given in asked if "ORDER BY job.type" in statement]
    assert by_type
    assert {steps_of(engine, statement, given) for statement, given in by_type} == {"ix_job_type"}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_worker_elsewhere_is_given_the_first_jobs_without_a_look_at_the_others(many: tuple[Engine, str]) -> None:
    engine, _ = many
    asked = statements_of(engine, lambda: engine.external.fetch_and_lock("w", [Topic("ship")], 10))

    by_type = [(statement, given) for statement, given in asked if "ORDER BY job.type" in statement]
    assert by_type
    assert {steps_of(engine, statement, given) for statement, given in by_type} == {"ix_job_type"}


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_commit_looks_its_rows_up_while_the_tables_are_still_small(engine: Engine) -> None:
    """A statement keeps the plan with which it was prepared."""
    engine.handler("ship")(lambda job: {"shipped": True})
    engine.deploy(Path(__file__).with_name("waiting.bpmn"))

    def work() -> None:
        for _ in range(3):
            engine.cancel(engine.start("waiting", variables={"order": "O"}).id)
        engine.start("waiting", variables={"order": "O"})
        engine.work()

    written = {text: given for text, given in sent(engine, work) if re.match("(UPDATE|DELETE).*recordset", text)}
    steps = {text: steps_into(engine, text, given) for text, given in written.items()}

    assert {text.split()[1 if text.startswith("UPDATE") else 2] for text in steps} > {
        "activity",
        "job",
        "job_attempt",
        "process_instance",
        "subscription",
        "variable",
    }
    assert {text: found for text, found in steps.items() if found[0] != "Function Scan" or "Seq Scan" in found} == {}


def steps_into(engine: Engine, statement: str, given: Any) -> list[str]:
    """The scans of a plan as a transaction that writes makes it, from the outermost on."""
    with engine.store.writing() as connection:
        plan = [str(row[0]) for row in connection.exec_driver_sql(f"EXPLAIN {statement}", given)]
    return re.findall(r"\w+ Scan", " ".join(plan))


def statements_of(engine: Engine, work: Callable[[], object]) -> list[tuple[str, Any]]:
    """What *work* asks of the tables of instances, each statement once with what it was given."""
    tables = {table.name for table in tables_of_instances()}
    asked: dict[str, Any] = {}
    for statement, given in sent(engine, work):
        if statement.startswith("SELECT count(*)") and "LIMIT" in statement:
            continue  # the total of a list, up to COUNTED: in which order they are counted is all the same
        if tables & set(re.findall(r"\w+", statement)) and re.match(r"\s*(SELECT|UPDATE|DELETE|WITH)", statement):
            asked.setdefault(statement, given)
    return list(asked.items())


def filled_tables(engine: Engine) -> set[str]:
    with engine.store.reading() as connection:
        names = [table.name for table in tables_of_instances()]
        count = "SELECT count(*) FROM {}"
        return {name for name in names if connection.exec_driver_sql(count.format(name)).scalar_one() > MOST}


def read_in_full(engine: Engine, statement: str, given: Any, filled: set[str]) -> list[str]:
    """The steps of a statement that read a filled table, or an index of one, from one end to the other, or most of it.
    It is done for that, and undone."""
    with _undone(engine) as connection:
        if engine.store.is_sqlite:
            return list(_full_in_sqlite(connection, statement, given, filled))
        (plan,) = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", given or None).scalars()
        tree = json.loads(plan) if isinstance(plan, str) else plan
        large = set(connection.exec_driver_sql(f"SELECT relname FROM pg_class WHERE reltuples > {MOST}").scalars())
        return list(_full_in_postgresql(tree[0]["Plan"], large, is_cut=False))
    raise AssertionError


@contextmanager
def _undone(engine: Engine) -> Iterator[Connection]:
    with suppress(_Undone), engine.store.writing(is_marked=False) as connection:
        yield connection
        raise _Undone


class _Undone(Exception):
    pass


def _full_in_sqlite(connection: Connection, statement: str, given: Any, filled: set[str]) -> Iterator[str]:
    """Its plans do not say how much of an index is read, so the steps of its machine are counted."""
    for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given).all():
        step: str = row[3]
        if step.startswith("SCAN ") and " USING " not in step and {step.split()[1], step.split()[-1]} & filled:
            yield step
    hundreds: list[int] = []
    raw = connection.connection.driver_connection
    assert raw is not None
    raw.set_progress_handler(lambda: hundreds.append(1), 100)
    try:
        result = connection.exec_driver_sql(statement, given)
        if result.returns_rows:
            result.all()
    finally:
        raw.set_progress_handler(None, 0)
    if len(hundreds) * 100 > MOST * 10 + 100 * len(given):
        yield f"{len(hundreds) * 100:,} steps"


def _full_in_postgresql(node: dict[str, Any], large: set[str], *, is_cut: bool) -> Iterator[str]:
    """*large*: tables, partitions and indexes with many entries. *is_cut*: whether a LIMIT above ends the step: an
    index that is read in its order may be cut, but not where rows that are not wanted have to be passed, since how many
    that are depends on what there is."""
    if not node["Actual Loops"]:
        return
    kind, index = node["Node Type"], node.get("Index Name", "")
    passed = sum(node.get(f"Rows Removed by {what}", 0) for what in ("Filter", "Index Recheck"))
    rows = (node["Actual Rows"] + passed) * node["Actual Loops"]
    name = f"{kind} {index} {node.get('Relation Name', '')}, {rows:,.0f} rows"
    is_all = "Index Cond" not in node and (not is_cut or "Filter" in node)
    if rows > MOST and kind.endswith("Scan"):
        yield name
    elif (kind == "Seq Scan" and node["Relation Name"] in large) or (index in large and is_all):
        yield f"{name}, without a condition"
    is_cut = kind == "Limit" or (is_cut and kind not in ("Sort", "Aggregate", "Hash", "Materialize"))
    for child in node.get("Plans", ()):
        yield from _full_in_postgresql(child, large, is_cut=is_cut)


def steps_of(engine: Engine, statement: str, given: Any) -> str:
    """The index that a statement's plan goes by, and whether what it gives has to be sorted."""
    explain = "EXPLAIN QUERY PLAN" if engine.store.is_sqlite else "EXPLAIN"
    with engine.store.reading() as connection:
        plan = " ".join(row[-1] for row in connection.exec_driver_sql(f"{explain} {statement}", given))
    return " ".join(re.findall(r"\bix_\w+|Sort\b|TEMP B-TREE", plan))
