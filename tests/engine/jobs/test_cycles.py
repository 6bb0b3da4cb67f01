"""Timers that come again: they do not drift, they catch up, and they bear clocks that jump."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from engine import Resource
from engine.clock import VirtualClock
from engine.engine import Engine
from engine.model import InstanceState
from engine.searching import Condition
from engine.store.tables import process_instance

HERE = Path(__file__).parent
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)


@pytest.fixture
def engine(engine: Engine) -> Engine:
    engine.deploy(HERE / "reminders.bpmn")
    return engine


@pytest.fixture
def remind(engine: Engine, clock: VirtualClock) -> Callable[[str], Callable[[], int]]:
    """Starts a cycle; what it gives says how often it has come, once all that is due is done."""

    def start(cycle: str) -> Callable[[], int]:
        instance = engine.start("reminders", variables={"cycle": cycle})

        def count() -> int:
            engine.work()
            activities = engine.read.history(instance.id).activities
            return sum(activity.element_id == "Reminded" for activity in activities)

        return count

    return start


def put(clock: VirtualClock, moment: datetime) -> None:
    """Where the clock of a machine may be put: also back."""
    clock._now = moment


def test_a_worker_that_was_away_for_three_turns_makes_up_for_each(remind, clock: VirtualClock) -> None:
    count = remind("R/PT1H")
    clock.advance(3 * HOUR + timedelta(minutes=20))
    assert (count(), count()) == (3, 3)
    clock.advance(timedelta(minutes=40))
    assert count() == 4


def test_what_it_makes_up_for_ends_where_the_cycle_ends(remind, clock: VirtualClock) -> None:
    count = remind("R2/PT1H")
    clock.advance(DAY)
    assert count() == 2


def test_a_start_timer_makes_up_for_each_turn_too(engine: Engine, clock: VirtualClock) -> None:
    data = (HERE.parent / "nightly.bpmn").read_bytes()
    engine.deploy(Resource("nightly.bpmn", data.replace(b"R2/P1D", b"R/P1D")))
    clock.advance(3 * DAY + HOUR)
    engine.work()
    assert engine.read.instances(key="nightly").total == 3
    assert engine.next_due() == clock.now() + DAY - HOUR


def test_a_cycle_that_is_served_late_does_not_drift(engine: Engine, remind, clock: VirtualClock) -> None:
    count, start = remind("R/PT1H"), clock.now()
    for turn in range(1, 6):
        put(clock, start + turn * HOUR + timedelta(minutes=turn * 9))
        assert count() == turn
        assert engine.next_due() == start + (turn + 1) * HOUR


def test_a_month_that_is_too_short_does_not_shorten_those_after_it(engine: Engine, remind, clock: VirtualClock) -> None:
    put(clock, datetime(2025, 12, 31, 9, tzinfo=UTC))
    count, days = remind("R/P1M"), []
    for turn in range(1, 5):
        due_at = engine.next_due()
        assert due_at is not None
        days.append((due_at.month, due_at.day))
        put(clock, due_at)
        assert count() == turn
    assert days == [(1, 31), (2, 28), (3, 31), (4, 30)]


def test_a_clock_that_is_put_back_repeats_nothing(engine: Engine, remind, clock: VirtualClock) -> None:
    count, start = remind("R/PT1H"), clock.now()
    clock.advance(HOUR)
    assert count() == 1
    put(clock, start)
    assert count() == 1
    assert engine.next_due() == start + 2 * HOUR
    put(clock, start + 2 * HOUR)
    assert count() == 2


def test_a_clock_that_jumps_ahead_brings_what_lies_between(remind, clock: VirtualClock) -> None:
    count = remind("R/PT1H")
    clock.advance(10 * HOUR)
    assert count() == 10


def test_a_worker_whose_lease_a_jump_of_the_clock_has_ended_is_fenced(
    engine: Engine, open_engine: Callable[[], Engine], clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine._worker, "extend", lambda held: None)  # it comes to that too late
    engine.deploy(HERE / "interruptible.bpmn")
    other = open_engine()
    by: list[str] = []
    other.handler("work")(lambda job: by.append("other"))

    @engine.handler("work")
    def work(job: object) -> None:
        clock.advance(HOUR)
        other.work()
        by.append("first")

    instance = engine.start("interruptible")
    engine.work()
    assert by == ["other", "first"]
    assert [each.outcome for each in engine.read.history(instance.id).job_attempts] == ["lost", "completed"]
    assert engine.read.instance(instance.id).has_ended


def test_nine_o_clock_stays_nine_o_clock_when_summer_time_begins(engine: Engine, remind, clock: VirtualClock) -> None:
    put(clock, datetime(2026, 3, 27, 12, tzinfo=UTC))
    count, due = remind("CRON_TZ=Europe/Berlin 0 0 9 * * *"), []
    for _ in range(3):
        due.append(engine.next_due())
        put(clock, due[-1])
        count()
    assert [each.isoformat() for each in due] == [
        "2026-03-28T08:00:00+00:00",
        "2026-03-29T07:00:00+00:00",
        "2026-03-30T07:00:00+00:00",
    ]


@pytest.mark.parametrize("cycle", ["R/2026-03-28T09:00:00[Europe/Berlin]/P1D", "CRON_TZ=Europe/Berlin 0 0 9 * * *"])
def test_a_diagram_may_spell_out_the_zone_of_a_start_timer(engine: Engine, clock: VirtualClock, cycle: str) -> None:
    put(clock, datetime(2026, 3, 27, 12, tzinfo=UTC))
    nightly = (HERE.parent / "nightly.bpmn").read_text().replace("R2/P1D", cycle)
    engine.deploy(Resource("nightly.bpmn", nightly.encode()))
    due: list[str] = []
    for _ in range(2):
        moment = engine.next_due()
        assert moment is not None
        due.append(moment.isoformat())
        put(clock, moment)
        engine.work()
    assert due == ["2026-03-28T08:00:00+00:00", "2026-03-29T07:00:00+00:00"]
    assert engine.find.count("instances", Condition("process_key", "nightly")) == 2


def test_an_instance_that_is_reminded_every_week_of_a_year_is_as_small_and_as_punctual_at_its_end(
    engine: Engine, open_engine: Callable[[], Engine], clock: VirtualClock
) -> None:
    begin = clock.now()
    instance = engine.start("reminders", variables={"cycle": "R/P7D"})

    def saved() -> int:
        with engine.store.reading() as connection:
            row = connection.execute(select(process_instance.c.root).where(process_instance.c.id == instance.id)).one()
        return len(row.root)

    sizes: list[int] = []
    for week in range(1, 53):
        clock.move_to(begin + week * WEEK)
        served = engine if week % 10 else open_engine()  # now and then by one that has to read it
        assert served.work() == 1
        sizes.append(saved())

    activities = engine.read.history(instance.id).activities
    reminded = [each.entered_at for each in activities if each.element_id == "Reminded"]
    assert reminded == [begin + week * WEEK for week in range(1, 53)]
    assert sizes[-1] - sizes[9] <= 4  # the digits of the next id
    assert [job.due_at for job in engine.read.jobs(instance_id=instance.id)] == [begin + 53 * WEEK]
    engine.complete(engine.read.tasks(scope="all").items[0].id, by="ann")
    assert engine.read.instance(instance.id).state == InstanceState.COMPLETED
