"""What the engine asks of a database with many instances goes by indexes: its cost does not grow with their number."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.clock import VirtualClock
from engine.engine import Engine
from engine.external.records import Topic
from engine.searching import Condition, Search
from tests.benchmarks.copies import copy_id, copy_instance, tables_of_instances
from tests.engine.store.statements import sent

INSTANCES = 8_000
FILLED = {table.name for table in tables_of_instances()} - {
    "incident",
    "agent_step",
    "value_use",
    "instance_state",
    "job_attempt",
}


PRESENT = re.compile(r"_until_20260201$")
"""The partition that is filled; those of the past and the future are empty, and read as fast in any way."""


@pytest.fixture
def many(engine: Engine, clock: VirtualClock) -> tuple[Engine, str]:
    """A database full of instances that wait for a person, a timer, a message and a handler."""
    engine.deploy(Path(__file__).with_name("waiting.bpmn"))
    engine.cleanup()  # makes the partitions of history
    instance = engine.start("waiting", business_key="B", variables={"order": "O"})
    clock.advance(timedelta(seconds=1))
    copy_instance(engine.store, instance.id, INSTANCES)
    return engine, instance.id


def nothing_due(engine: Engine, instance_id: str) -> None:
    engine.register_external("ship")
    engine.work()
    engine.next_due()


def take_jobs(engine: Engine, instance_id: str) -> None:
    engine.handler("ship")(lambda job: {"shipped": True})
    engine.work(limit=20)


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


DOINGS = (
    nothing_due,
    take_jobs,
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
)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nothing_reads_a_whole_table(many: tuple[Engine, str]) -> None:
    engine, instance_id = many
    scans: dict[str, list[str]] = {}
    for doing in DOINGS:
        asked = statements_of(engine, lambda doing=doing: doing(engine, instance_id))
        assert asked
        found = [f"{scan}: {statement}" for statement, given in asked for scan in scans_in(engine, statement, given)]
        if found:
            scans[doing.__name__] = found
    assert scans == {}


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
    """What *work* asks of the filled tables, each statement once with what it was given."""
    asked: dict[str, Any] = {}
    for statement, given in sent(engine, work):
        names = set(re.findall(r"\w+", statement))
        if names & FILLED and re.match(r"\s*(SELECT|UPDATE|DELETE|WITH)", statement):
            asked.setdefault(statement, given)
    return list(asked.items())


def scans_in(engine: Engine, statement: str, given: Any) -> list[str]:
    """The filled tables that a statement's plan reads from one end to the other."""
    with engine.store.reading() as connection:
        if engine.store.is_sqlite:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given).all()
            return [
                row[3] for row in rows if row[3].startswith("SCAN ") and " USING " not in row[3] and _is_filled(row[3])
            ]
        (plan,) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", given).scalars()
        tree = json.loads(plan) if isinstance(plan, str) else plan
    return list(_sequential(tree[0]["Plan"]))


def _is_filled(step: str) -> bool:
    return step.split()[1] in FILLED or step.split()[-1] in FILLED


def _sequential(node: dict[str, Any]) -> Iterator[str]:
    if node["Node Type"] == "Seq Scan" and PRESENT.sub("", node["Relation Name"]) in FILLED:
        yield f"Seq Scan {node['Relation Name']}"
    for child in node.get("Plans", ()):
        yield from _sequential(child)


def steps_of(engine: Engine, statement: str, given: Any) -> str:
    """The index that a statement's plan goes by, and whether what it gives has to be sorted."""
    explain = "EXPLAIN QUERY PLAN" if engine.store.is_sqlite else "EXPLAIN"
    with engine.store.reading() as connection:
        plan = " ".join(row[-1] for row in connection.exec_driver_sql(f"{explain} {statement}", given))
    return " ".join(re.findall(r"\bix_\w+|Sort\b|TEMP B-TREE", plan))
