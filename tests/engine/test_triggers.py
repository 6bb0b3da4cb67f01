"""Start events with several triggers: any of them starts an instance, or all together."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Barrier, Thread

import pytest

from engine.clock import VirtualClock
from engine.engine import Engine
from engine.model import ProcessInstance, Resource


@pytest.fixture
def triggers(engine: Engine, models: Path) -> Engine:
    engine.deploy(models / "triggers.bpmn")
    return engine


def started(engine: Engine, key: str) -> list[ProcessInstance]:
    """Oldest first."""
    return list(engine.read.instances(key=key).items)[::-1]


def test_any_trigger_of_a_multiple_start_event_starts_an_instance(triggers: Engine, clock: VirtualClock) -> None:
    triggers.correlate("order", variables={"item": "book"}, all=True)
    triggers.signal("open", variables={"by": "sun"})
    triggers.evaluate_conditions({"degrees": 31})
    clock.advance(timedelta(hours=2))
    triggers.work()

    instances = started(triggers, "either")
    assert [triggers.read.variables(each.id) for each in instances] == [
        {"item": "book"},
        {"by": "sun"},
        {"degrees": 31},
        {},
        {},
    ]
    assert {entry.element_id for each in instances for entry in triggers.read.history(each.id).activities} == {
        "Either",
        "Answer",
    }


def test_a_parallel_multiple_start_event_waits_for_all_of_its_messages(triggers: Engine) -> None:
    first = triggers.correlate("order", variables={"item": "book"}, business_key="A", all=True)
    assert started(triggers, "all") == []
    assert first.kept == ("all",)

    triggers.correlate("payment", variables={"paid": 7}, business_key="A", all=True)

    (instance,) = started(triggers, "all")
    assert instance.business_key == "A"
    assert triggers.read.variables(instance.id) == {"item": "book", "paid": 7}


def test_messages_for_different_keys_do_not_start_an_instance_together(triggers: Engine) -> None:
    triggers.correlate("order", correlation_key="A", all=True)
    triggers.correlate("payment", correlation_key="B", all=True)
    assert started(triggers, "all") == []

    triggers.correlate("payment", correlation_key="A", all=True)
    assert len(started(triggers, "all")) == 1


def test_what_has_arrived_is_used_once(triggers: Engine) -> None:
    for number in (1, 2):
        triggers.correlate("order", variables={"item": number}, all=True)
    for _ in range(3):
        triggers.correlate("payment", all=True)

    assert [triggers.read.variables(each.id)["item"] for each in started(triggers, "all")] == [1, 2]


def test_a_parallel_multiple_start_event_waits_for_time_and_signal_too(triggers: Engine, clock: VirtualClock) -> None:
    triggers.correlate("payment", correlation_key="A", variables={"paid": 7}, all=True)
    clock.advance(timedelta(hours=1))
    triggers.work()
    triggers.signal("open", variables={"by": "sun"})
    triggers.signal("open", variables={"by": "moon"})

    assert [triggers.read.variables(each.id) for each in started(triggers, "mixed")] == [{"paid": 7, "by": "sun"}]


def test_what_has_arrived_survives_a_restart_and_a_version_with_the_same_triggers(
    triggers: Engine, open_engine: Callable[[], Engine], models: Path
) -> None:
    triggers.correlate("order", all=True)
    data = (models / "triggers.bpmn").read_bytes()
    other = open_engine()
    other.deploy(Resource("triggers.bpmn", data.replace(b'id="Ship"', b'id="Ship" name="Send"')))
    other.correlate("payment", all=True)
    (instance,) = started(other, "all")
    assert instance.version == 2


def test_what_has_arrived_goes_with_a_version_that_waits_for_something_else(triggers: Engine, models: Path) -> None:
    triggers.correlate("order", all=True)
    data = (models / "triggers.bpmn").read_bytes()
    triggers.deploy(Resource("triggers.bpmn", data.replace(b'name="payment"', b'name="transfer"')))
    triggers.correlate("transfer", all=True)
    assert started(triggers, "all") == []


def test_of_two_that_arrive_at_once_neither_misses_the_other(
    triggers: Engine, open_engine: Callable[[], Engine]
) -> None:
    engines = [triggers, open_engine()]
    for number in range(5):
        barrier = Barrier(2)

        def send(which: int, number: int = number, barrier: Barrier = barrier) -> None:
            barrier.wait()
            engines[which].correlate(("order", "payment")[which], correlation_key=f"K{number}", all=True)

        threads = [Thread(target=send, args=(which,)) for which in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(started(triggers, "all")) == 5
