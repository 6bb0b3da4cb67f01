"""What is where: instances that end, their rows and the partitions that have them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from engine.engine import Engine
from engine.store import partitions
from engine.store.partitions import KEYS
from tests.engine.store.statements import sent

KEPT = """<process id="{key}" isExecutable="true" camunda:historyTimeToLive="{ttl}"><startEvent id="s_{key}"/>
  <sequenceFlow id="f_{key}" sourceRef="s_{key}" targetRef="t_{key}"/><userTask id="t_{key}"/>
  <sequenceFlow id="g_{key}" sourceRef="t_{key}" targetRef="e_{key}"/><endEvent id="e_{key}"/></process>"""
CALLER = """<process id="caller" isExecutable="true" camunda:historyTimeToLive="30"><startEvent id="s2"/>
  <sequenceFlow id="f2" sourceRef="s2" targetRef="c"/><callActivity id="c" calledElement="brief"/>
  <sequenceFlow id="g2" sourceRef="c" targetRef="t2"/><userTask id="t2"/>
  <sequenceFlow id="h2" sourceRef="t2" targetRef="e2"/><endEvent id="e2"/></process>"""
DIAGRAM = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t"
  xmlns:camunda="http://camunda.org/schema/1.0/bpmn">{processes}</definitions>"""


def finish(engine: Engine, key: str = "brief", **variables: object) -> str:
    instance = engine.start(key, variables=variables)
    finish_tasks(engine, instance.id)
    for called in engine.read.children(instance.id):
        finish_tasks(engine, called.id)
    return instance.id


def finish_tasks(engine: Engine, instance_id: str) -> None:
    for task in engine.read.tasks(instance_id=instance_id).items:
        engine.complete(task.id, {"answer": "yes"}, by="ann")


def query(engine: Engine, statement: str, **given: object) -> list[Any]:
    with engine.store.reading() as connection:
        return list(connection.execute(text(statement), given).scalars())


def home_of(engine: Engine, instance_id: str) -> set[str]:
    """Where the rows of an instance are, without the names of the tables."""
    found: set[str] = set()
    for table in KEYS:
        where = f"SELECT DISTINCT tableoid::regclass::text FROM {table} WHERE instance_id = :id"
        found |= {name.removeprefix(f"{table}_") for name in query(engine, where, id=instance_id)}
    return found


def spans(engine: Engine, table: str = "activity") -> list[str]:
    with engine.store.reading() as connection:
        return [span.name for span in partitions.spans(connection, table)]


def all_spans(engine: Engine) -> set[tuple[str, ...]]:
    """One, where all tables are partitioned in the same way."""
    return {tuple(spans(engine, table)) for table in KEYS}


def statements_of(engine: Engine, work: Callable[[], object]) -> list[str]:
    return [statement for statement, _ in sent(engine, work)]
