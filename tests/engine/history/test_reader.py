"""Reading what happened."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from engine import Job
from engine.clock import VirtualClock
from engine.engine import Engine
from engine.errors import InvalidInput, NotFound
from engine.model import InstanceState
from engine.store import lists


@pytest.fixture
def shop(engine: Engine, models: Path) -> Engine:
    engine.deploy(models / "order.bpmn", models / "calls.bpmn")
    engine.handler("charge")(lambda job: {"receipt": 1})
    return engine


def test_the_history_tells_the_whole_story(shop: Engine, clock: VirtualClock) -> None:
    order = shop.start("order", variables={"amount": 1}, by="ann")
    shop.work()
    shop.complete(shop.read.tasks().items[0].id, {"amount": 2}, by="bob")

    history = shop.read.history(order.id)
    assert [(each.element_id, each.outcome, each.actor) for each in history.activities if each.actor] == [
        ("Charge", "completed", history.activities[1].actor),
        ("Approve", "completed", "bob"),
    ]
    assert history.flows_taken == ("Received_Charge", "Charge_Approve", "Approve_Done")
    assert [(each.name, each.before, each.after, each.existed_before) for each in history.variable_changes] == [
        ("amount", None, 1, False),
        ("receipt", None, 1, False),
        ("amount", 1, 2, True),
    ]
    assert [entry.action for entry in history.log] == [
        "instance.started",
        "task.created",
        "task.completed",
        "instance.ended",
    ]


def test_the_history_tells_what_an_activity_could_see_as_it_was_entered(shop: Engine) -> None:
    order = shop.start("order", variables={"amount": 1})
    shop.work()
    shop.complete(shop.read.tasks().items[0].id, {"amount": 2})
    charge, approve, done = (each.activity_id for each in shop.read.history(order.id).activities[1:])

    assert shop.read.variables_at(order.id, charge) == {"amount": 1}
    assert shop.read.variables_at(order.id, approve) == {"amount": 1, "receipt": 1}
    assert shop.read.variables_at(order.id, done) == {"amount": 2, "receipt": 1}
    with pytest.raises(NotFound):
        shop.read.variables_at(order.id, 99)


def test_the_history_takes_a_handful_of_queries(shop: Engine) -> None:
    order = shop.start("order", variables={f"v{n}": n for n in range(50)})
    queries: list[str] = []
    event.listen(shop.store.database, "before_cursor_execute", lambda *given: queries.append(given[2]))
    shop.read.history(order.id)
    assert len(queries) <= 9


def test_what_is_unknown_is_named(shop: Engine) -> None:
    for read in (shop.read.instance, shop.read.history, shop.read.definition, shop.read.task, shop.read.process):
        with pytest.raises(NotFound, match="nothing"):
            read("nothing")


def test_instances_are_found_newest_first(shop: Engine) -> None:
    orders = [shop.start("order", business_key=f"A-{n}") for n in range(5)]
    page = shop.read.instances(limit=2)
    assert ([each.id for each in page], page.total) == ([orders[4].id, orders[3].id], 5)
    assert [each.id for each in shop.read.instances(limit=2, offset=4)] == [orders[0].id]
    assert shop.read.instances(limit=2, offset=10).total == 5


def test_a_total_is_counted_up_to_where_it_costs_too_much(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    orders = [shop.start("order", business_key=f"A-{n}") for n in range(7)]

    def told(limit: int, offset: int = 0) -> tuple[int, int, bool]:
        page = shop.read.instances(limit=limit, offset=offset)
        return len(page), page.total, page.has_more_than_total

    monkeypatch.setattr(lists, "COUNTED", 7)
    assert told(2) == (2, 7, False)
    monkeypatch.setattr(lists, "COUNTED", 3)
    assert told(2) == (2, 3, True)
    assert told(2, 4) == (2, 6, True)
    assert told(2, 5) == (2, 7, False)
    assert told(2, 6) == (1, 7, False)
    assert told(2, 9) == (0, 7, False)
    assert shop.read.instances(limit=2, offset=4).items[0].id == orders[2].id


def test_open_incidents_come_by_the_page(shop: Engine, clock: VirtualClock) -> None:
    @shop.handler("charge", retries=1)
    def charge(job: Job) -> None:
        raise ValueError("bank is down")

    orders = []
    for _ in range(3):
        orders.append(shop.start("order", variables={"amount": 1}))
        shop.work()
        clock.advance(timedelta(minutes=1))
    shop.cancel(orders[1].id)

    newest = shop.read.open_incidents(limit=1)
    oldest = shop.read.open_incidents(newest_first=False)
    assert ([each.instance_id for each in newest], newest.total) == ([orders[2].id], 2)
    assert [each.instance_id for each in oldest] == [orders[0].id, orders[2].id]


@pytest.mark.parametrize(
    ("wanted", "total"),
    [({"key": "order"}, 2), ({"key": "other"}, 0), ({"state": InstanceState.CANCELLED}, 1),
     ({"business_key": "A-1"}, 1), ({"text": "a-"}, 2), ({"text": "Ord"}, 2), ({"text": "%"}, 0), ({"text": "_"}, 0)],
)  # fmt: skip
def test_instances_are_found_by(shop: Engine, wanted: dict[str, str], total: int) -> None:
    shop.cancel(shop.start("order", business_key="A-1").id)
    shop.start("order", business_key="A-2")
    assert shop.read.instances(**wanted).total == total


def test_visible_variables_end_at_the_scopes_around(shop: Engine) -> None:
    order = shop.start("order", variables={"amount": 1})
    waiting = shop.read.active(order.id)[0]
    assert waiting.element_id == "Charge"
    assert shop.read.visible_variables(order.id, waiting.activity_id) == {"amount": 1}


def test_the_variables_of_an_ended_instance_remain(shop: Engine) -> None:
    order = shop.start("order", variables={"amount": 1})
    shop.cancel(order.id)
    assert shop.read.variables(order.id) == {"amount": 1}


def test_the_revision_of_an_instance_changes_with_whatever_happens_to_it_and_else_not(
    engine: Engine, models: Path
) -> None:
    engine.deploy(models / "calls.bpmn")
    attempts: list[int] = []

    @engine.handler("work", retries=2, backoff=lambda attempt: timedelta())
    def work(job: Job) -> None:
        attempts.append(job.attempt)
        if len(attempts) == 1:
            raise RuntimeError("not yet")

    instance = engine.start("caller", variables={"amount": 1})
    seen = [engine.read.revision(instance.id)]
    assert engine.read.revision(instance.id) == seen[0]

    def happens(*given: object) -> None:
        seen.append(engine.read.revision(instance.id))

    happens(engine.suspend(instance.id))
    happens(engine.activate(instance.id))
    happens(engine.work())
    task = engine.read.tasks(instance_id=instance.id).items[0]
    happens(engine.claim(task.id, "ann"))
    happens(engine.complete(task.id))
    assert len(set(seen)) == len(seen)
    with pytest.raises(NotFound):
        engine.read.revision("nothing")


def test_the_revision_changes_with_each_attempt_at_a_job(engine: Engine, models: Path) -> None:
    engine.deploy(models / "order.bpmn")
    seen: list[str] = []
    engine.handler("charge", retries=3)(lambda job: seen.append(engine.read.revision(job.instance_id)) or 1 / 0)
    order = engine.start("order")
    seen.append(engine.read.revision(order.id))
    engine.work(limit=1)
    seen.append(engine.read.revision(order.id))
    assert len(set(seen)) == 3


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_part_of_the_history_by_pages_is_the_whole_of_it(shop: Engine, clock: VirtualClock, size: int) -> None:
    order = shop.start("order", variables={"amount": 1, "once": "first"}, by="ann")
    shop.work()
    for number in range(30):
        shop.set_variables(order.id, {"amount": number, f"only-{number % 7}": None}, by="bob")
    shop.set_variables(order.id, {"once": "last"}, by="bob")
    shop.complete(shop.read.tasks().items[0].id, {"amount": 2}, by="bob")
    whole = shop.read.history(order.id)

    def paged(part: str) -> tuple[Any, ...]:
        found = shop.read.history_part(order.id, part, limit=size)
        items = found.items
        while found.next is not None:
            assert len(found.items) == size
            found = shop.read.history_part(order.id, part, found.next, size)
            items += found.items
        return items

    bare = tuple(replace(each, inputs=None, outputs=None) for each in whole.activities)
    assert paged("activities") == bare
    assert paged("variable_changes") == whole.variable_changes
    assert paged("job_attempts") == whole.job_attempts
    assert paged("log") == whole.log


def test_what_a_variable_had_before_is_found_however_long_ago_it_was_set(shop: Engine) -> None:
    order = shop.start("order", variables={"amount": 1, "old": {"a": 1}, "big": "x" * 5000})
    for number in range(220):
        shop.set_variables(order.id, {"amount": number})
    shop.set_variables(order.id, {"old": 2, "big": "y", "new": 3, "amount": 4})

    first = shop.read.history_part(order.id, "variable_changes", limit=3 + 220)
    last = shop.read.history_part(order.id, "variable_changes", first.next)

    told = {each.name: (each.existed_before, each.before, each.after) for each in last.items}
    assert told == {
        "old": (True, {"a": 1}, 2),
        "big": (True, "x" * 5000, "y"),
        "new": (False, None, 3),
        "amount": (True, 219, 4),
    }


@pytest.mark.parametrize("after", ["", "x", "{}", "[]", '["1"]', "[1, 2]", "[true]", "[99999999999999999999]"])
def test_a_page_goes_on_only_after_what_a_page_gave(shop: Engine, after: str) -> None:
    order = shop.start("order", variables={"amount": 1})

    with pytest.raises(InvalidInput, match="not where a page ended"):
        shop.read.history_part(order.id, "log", after)


def test_there_is_no_page_of_an_instance_that_is_not(shop: Engine) -> None:
    with pytest.raises(NotFound):
        shop.read.history_part("none", "log")
