"""Data stores: values that outlive process instances and are shared by all."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from engine import Job, Resource
from engine.clock import VirtualClock
from engine.engine import Engine
from engine.errors import InvalidInput, NotFound
from engine.model import InstanceState
from engine.store import tables
from engine.store.values import LARGE

HEAD = (
    '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t">'
    '<dataStore id="counter" name="counter"/><process id="{}" isExecutable="true">'
    '<startEvent id="S"/><endEvent id="E"/>'
    '<dataStoreReference id="ref" dataStoreRef="counter" name="Counter"/>'
    '<sequenceFlow id="f" sourceRef="S" targetRef="T"/><sequenceFlow id="g" sourceRef="T" targetRef="E"/>'
)
BOTH = (
    '<property id="hold" name="__targetRef_placeholder"/>'
    "<dataInputAssociation><sourceRef>ref</sourceRef><targetRef>hold</targetRef></dataInputAssociation>"
    "<dataOutputAssociation><targetRef>ref</targetRef></dataOutputAssociation>"
)
SCRIPT = f'<scriptTask id="T" name="Count">{BOTH}<script>counter = counter + 1</script></scriptTask>'
SERVICE = f'<serviceTask id="T" name="Count">{BOTH}</serviceTask>'


def diagram(key: str, task: str) -> Resource:
    return Resource(f"{key}.bpmn", f"{HEAD.format(key)}{task}</process></definitions>".encode())


def test_processes_share_a_store_that_outlives_their_instances(engine: Engine) -> None:
    engine.deploy(diagram("a", SCRIPT), diagram("b", SCRIPT))
    engine.set_data_store("counter", 5, by="ann")
    first = engine.start("a")
    second = engine.start("b")

    assert engine.read.data_store("counter").value == 7
    assert engine.read.variables(first.id) == {}
    changes = engine.read.data_store_changes("counter")
    assert [(each.version, each.value, each.actor) for each in changes] == [
        (1, 5, "ann"),
        (2, 6, f"instance:{first.id}"),
        (3, 7, f"instance:{second.id}"),
    ]
    assert (changes[1].instance_id, changes[1].activity_id, changes[1].element_id) == (first.id, 2, "T")


def test_history_tells_what_an_activity_read_and_wrote(engine: Engine) -> None:
    engine.deploy(diagram("a", SCRIPT))
    engine.set_data_store("counter", 5)
    history = engine.read.history(engine.start("a").id)

    done = next(each for each in history.activities if each.element_id == "T")
    assert (done.inputs, done.outputs) == ({"counter": 5}, {"counter": 6})
    told = [(each.action, each.detail) for each in history.log if each.action.startswith("data.")]
    assert told == [
        ("data.read", {"store": "counter", "version": 1}),
        ("data.written", {"store": "counter", "version": 2}),
    ]


def test_instances_that_run_at_once_lose_no_update(open_engine: Callable[[], Engine]) -> None:
    engines = [open_engine() for _ in range(3)]
    engines[0].deploy(diagram("a", SCRIPT))
    engines[0].set_data_store("counter", 0)

    def count(number: int) -> None:
        for _ in range(3):  # as often as the others together may overtake one, it is tried again
            engines[number].start("a")

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(count, range(3)))

    assert engines[0].read.data_store("counter").value == 9
    assert [each.value for each in engines[0].read.data_store_changes("counter")] == list(range(10))


def test_the_first_values_of_a_store_do_not_collide(open_engine: Callable[[], Engine]) -> None:
    engines = [open_engine() for _ in range(3)]
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda number: engines[number].set_data_store("counter", number), range(3)))

    assert engines[0].read.data_store("counter").version == 3


def test_a_worker_sees_the_store_and_its_result_goes_there(engine: Engine) -> None:
    seen: list[Any] = []

    @engine.handler("T")
    def work(job: Job) -> dict[str, Any]:
        seen.append(job.variables["counter"])
        return {"counter": job.variables["counter"] + 1, "other": True}

    engine.deploy(diagram("a", SERVICE))
    engine.set_data_store("counter", 5)
    started = engine.start("a")
    engine.work()

    assert (seen, engine.read.data_store("counter").value) == ([5], 6)
    assert engine.read.variables(started.id) == {"other": True}


def test_a_result_from_an_old_value_is_an_incident_and_a_retry_writes_it(engine: Engine) -> None:
    @engine.handler("T")
    def work(job: Job) -> dict[str, Any]:
        engine.set_data_store("counter", 100, by="ann")
        return {"counter": job.variables["counter"] + 1}

    engine.deploy(diagram("a", SERVICE))
    engine.set_data_store("counter", 5)
    started = engine.start("a")
    engine.work()

    incident = engine.read.incidents(started.id)[0]
    assert "changed by ann since 'T' read it (version 1, now 2)" in incident.message
    assert engine.read.data_store("counter").value == 100
    engine.retry(incident.id)
    assert engine.read.data_store("counter").value == 6
    assert engine.read.instance(started.id).state is InstanceState.COMPLETED


VALUES = {
    "decimal": Decimal("1.10"),
    "date": date(2026, 1, 31),
    "time": time(9, 30),
    "moment": datetime(2026, 1, 31, 9, tzinfo=UTC),
    "duration": timedelta(days=2, seconds=5),
    "bytes": b"\x00\xff",
    "large": 2**80,
    "nested": [{"a": [Decimal("0.5"), None, {"b": date(2026, 2, 1)}]}],
    "text": "x" * 9000,
}


def test_values_of_every_type_survive(open_engine: Callable[[], Engine]) -> None:
    open_engine().set_data_store("typed", VALUES)
    copied = (
        "<scriptTask id='T'><ioSpecification><dataInput id='i' name='typed'/><dataOutput id='o' name='out'/><inputSet>"
        "<dataInputRefs>i</dataInputRefs></inputSet><outputSet><dataOutputRefs>o</dataOutputRefs></outputSet>"
        "</ioSpecification><dataInputAssociation><sourceRef>from</sourceRef><targetRef>i</targetRef>"
        "</dataInputAssociation><dataOutputAssociation><sourceRef>o</sourceRef><targetRef>to</targetRef>"
        "</dataOutputAssociation><script>out = typed</script></scriptTask>"
        "<dataStoreReference id='from' name='typed'/><dataStoreReference id='to' name='copy'/>"
        "<dataObject id='kept' name='kept'/>"
    )
    engine = open_engine()
    engine.deploy(diagram("a", copied))
    started = engine.start("a", variables={"kept": VALUES})

    found = open_engine()
    assert engine.read.incidents(started.id) == []
    assert found.read.data_store("copy").value == VALUES
    assert found.read.variables(started.id)["kept"] == VALUES


def test_a_value_is_set_only_over_the_version_that_was_seen(engine: Engine) -> None:
    first = engine.set_data_store("counter", 1, version=0)
    assert first.version == 1
    with pytest.raises(InvalidInput, match="has version 1, not 0: system was there first"):
        engine.set_data_store("counter", 2, version=0)


def test_what_cannot_be_kept_changes_nothing(engine: Engine) -> None:
    with pytest.raises(InvalidInput, match="counter"):
        engine.set_data_store("counter", object())
    with pytest.raises(NotFound, match="Data store 'counter' has no value"):
        engine.read.data_store("counter")
    assert engine.read.data_stores() == []


CALL = """
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t">
  <process id="caller" isExecutable="true">
    <dataObject id="o" name="order"/><dataObjectReference id="order_ref" dataObjectRef="o"/>
    <dataObject id="b" name="bill"/><dataObjectReference id="bill_ref" dataObjectRef="b"/>
    <startEvent id="S"/><endEvent id="E"/>
    <callActivity id="Call" calledElement="called">
      <ioSpecification>
        <dataInput id="amount"/><dataOutput id="total"/>
        <inputSet><dataInputRefs>amount</dataInputRefs></inputSet>
        <outputSet><dataOutputRefs>total</dataOutputRefs></outputSet>
      </ioSpecification>
      <dataInputAssociation>
        <sourceRef>order_ref</sourceRef><targetRef>amount</targetRef>
        <transformation>order["amount"]</transformation>
      </dataInputAssociation>
      <dataOutputAssociation><sourceRef>total</sourceRef><targetRef>bill_ref</targetRef></dataOutputAssociation>
    </callActivity>
    <sequenceFlow id="f" sourceRef="S" targetRef="Call"/><sequenceFlow id="g" sourceRef="Call" targetRef="E"/>
  </process>
  <process id="called" isExecutable="true">
    <ioSpecification>
      <dataInput id="in" name="amount"/><dataOutput id="out" name="total"/>
      <inputSet><dataInputRefs>in</dataInputRefs></inputSet><outputSet><dataOutputRefs>out</dataOutputRefs></outputSet>
    </ioSpecification>
    <startEvent id="S2"/><endEvent id="E2"/>
    <scriptTask id="T2"><script>total = amount * 2
noise = 1</script></scriptTask>
    <sequenceFlow id="f2" sourceRef="S2" targetRef="T2"/><sequenceFlow id="g2" sourceRef="T2" targetRef="E2"/>
  </process>
</definitions>
"""


def test_a_called_process_takes_and_gives_what_the_associations_say(engine: Engine) -> None:
    engine.deploy(Resource("call.bpmn", CALL.encode()))
    started = engine.start("caller", variables={"order": {"amount": 4}})

    assert engine.read.incidents(started.id) == []
    assert engine.read.variables(started.id) == {"order": {"amount": 4}, "bill": 8}


def test_a_call_without_the_data_that_the_process_needs_is_an_incident(engine: Engine) -> None:
    head, rest = CALL.split("<ioSpecification>", 1)
    bare = head + rest.split("</dataOutputAssociation>", 1)[1]
    engine.deploy(Resource("call.bpmn", bare.encode()))
    started = engine.start("caller")

    assert "Process 'called' needs 'amount'" in engine.read.incidents(started.id)[0].message


LARGE_TEXT = "x" * (2 * LARGE)


def kept_values(engine: Engine) -> tuple[int, int]:
    """How many large values there are, and how many uses of them."""
    with engine.store.reading() as connection:
        counts = [select(func.count()).select_from(table) for table in (tables.value, tables.value_use)]
        return connection.execute(counts[0]).scalar_one(), connection.execute(counts[1]).scalar_one()


def test_values_that_were_replaced_go_when_they_have_been_kept_long_enough(
    database_url: str, clock: VirtualClock
) -> None:
    with Engine(database_url, clock=clock, history_time_to_live="P30D") as engine:
        engine.set_data_store("report", "a" + LARGE_TEXT)
        engine.set_data_store("other", "a" + LARGE_TEXT)
        clock.advance(timedelta(days=10))
        for letter in "bcd":
            engine.set_data_store("report", letter + LARGE_TEXT)
        clock.advance(timedelta(days=29))
        assert engine.cleanup().data_changes == 0
        assert kept_values(engine) == (4, 5)

        clock.advance(timedelta(days=2))
        assert engine.cleanup(is_dry_run=True).data_changes == 3
        assert engine.cleanup().data_changes == 3

        assert [each.version for each in engine.read.data_store_changes("report")] == [4]
        assert engine.read.data_store("report").value == "d" + LARGE_TEXT
        assert engine.read.data_store("other").value == "a" + LARGE_TEXT
        assert kept_values(engine) == (2, 2)
        assert engine.cleanup().data_changes == 0


def test_a_replaced_value_that_an_instance_has_stays_with_it(database_url: str, clock: VirtualClock) -> None:
    with Engine(database_url, clock=clock, history_time_to_live="P30D") as engine:
        engine.set_data_store("report", LARGE_TEXT)
        engine.deploy(diagram("a", '<userTask id="T"/>'))
        instance = engine.start("a", variables={"same": LARGE_TEXT})
        engine.set_data_store("report", "short")
        clock.advance(timedelta(days=31))

        assert engine.cleanup().data_changes == 1
        assert engine.read.variables(instance.id) == {"same": LARGE_TEXT}
        assert kept_values(engine)[0] == 1


def test_many_replaced_values_go_in_several_transactions(
    database_url: str, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.retention._CHANGES", 3)
    with Engine(database_url, clock=clock, history_time_to_live="P30D") as engine:
        for number in range(5):
            for key in ("a", "b"):
                engine.set_data_store(key, number)
        clock.advance(timedelta(days=31))

        assert engine.cleanup().data_changes == 8
        assert [each.value for each in engine.read.data_store_changes("b")] == [4]


def test_without_a_time_to_live_every_value_of_a_store_is_kept(engine: Engine, clock: VirtualClock) -> None:
    engine.set_data_store("a", 1)
    engine.set_data_store("a", 2)
    clock.advance(timedelta(days=10_000))

    assert engine.cleanup().data_changes == 0
    assert len(engine.read.data_store_changes("a")) == 2
