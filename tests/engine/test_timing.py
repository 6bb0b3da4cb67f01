"""Dates, durations, cycles and cron lines become due times."""

from datetime import UTC, datetime, timedelta

import pytest

from bpmn.model import TimerKind
from engine.clock import id_prefix, moment_of, new_id
from engine.timing import TimerError, read_date, read_schedule

NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)


def due(kind: str, value: object, turns: int = 1) -> list[str]:
    schedule = read_schedule(TimerKind(kind), value)
    moments = [schedule.first_due(NOW)]
    while len(moments) < turns:
        moments.append(schedule.next_due(moments[-1]))
    return [moment.isoformat().replace("+00:00", "Z") for moment in moments]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("date", "2026-03-01T09:00:00+01:00", "2026-03-01T08:00:00Z"),
        ("date", "2026-07-01T09:00:00[Europe/Berlin]", "2026-07-01T07:00:00Z"),
        ("date", "2026-03-01", "2026-03-01T00:00:00Z"),
        ("duration", "PT15M", "2026-01-31T09:15:00Z"),
        ("duration", "P1M", "2026-02-28T09:00:00Z"),
        ("duration", "P1W", "2026-02-07T09:00:00Z"),
        ("duration", timedelta(hours=3), "2026-01-31T12:00:00Z"),
        ("cycle", "R3/PT10M", "2026-01-31T09:10:00Z"),
        ("cycle", "0 0 9 * * MON-FRI", "2026-02-02T09:00:00Z"),
        ("cycle", "@daily", "2026-02-01T00:00:00Z"),
    ],
)
def test_a_timer_is_due_when_its_value_says(kind, value, expected):
    assert due(kind, value) == [expected]


def test_a_daily_cycle_keeps_its_wall_clock_time_when_summer_time_begins():
    assert due("cycle", "R/2026-03-28T09:00:00[Europe/Berlin]/P1D", turns=3) == [
        "2026-03-28T08:00:00Z",
        "2026-03-29T07:00:00Z",
        "2026-03-30T07:00:00Z",
    ]


def test_twenty_four_hours_are_twenty_four_hours_also_then():
    assert due("cycle", "R/2026-03-28T09:00:00[Europe/Berlin]/PT24H", turns=2)[1] == "2026-03-29T08:00:00Z"


def test_a_cycle_that_ends_somewhere_is_counted_back_from_there():
    assert due("cycle", "R2/PT1H/2026-03-28T09:00:00Z", turns=2) == ["2026-03-28T07:00:00Z", "2026-03-28T08:00:00Z"]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *[("duration", text) for text in ("", "P", "PT", "5 minutes", "-PT1H", "P1H", None)],
        *[("cycle", text) for text in ("R3", "x", "R/", "61 * * * *", "R3/2026-01-01")],
        *[("date", text) for text in ("tomorrow", "2026-13-01", "2026-01-01T09:00:00[Mars/Phobos]", "")],
        *[
            ("duration", text)
            for text in ("P99999999Y", "PT99999999999999999H", "P" + "9" * 5000 + "D", "PT" + "9" * 50 + "S")
        ],
        *[("cycle", text) for text in ("R3/P9999Y", "R/PT" + "9" * 30 + "H", "R99999999/P1Y/2026-03-31T00:00:00Z")],
        *[("cycle", text) for text in ("R999999999/P9999D/2026-03-31", "R2/P1D/0001-01-01", "R1/P1D/0001-01-01")],
        *[
            ("date", text)
            for text in ("9999-12-31T23:59:59-10:00", "0001-01-01T00:00:00+10:00", "9999-12-31T23:00@America/New_York")
        ],
        pytest.param("duration", 10**5000, id="a number of 5,000 digits"),
    ],
)
def test_what_is_no_time_is_refused_with_an_example_of_one(kind, value):
    with pytest.raises(TimerError, match=r"Write it like|negative|calendar|no time"):
        due(kind, value)


@pytest.mark.parametrize("value", ["R/PT0S", "R3/P0D", "R/PT0.0000001S", "R5/PT0S/2026-03-31", timedelta()])
def test_a_cycle_whose_turns_are_no_time_apart_is_refused(value):
    with pytest.raises(TimerError, match="no time apart"):
        read_schedule(TimerKind.CYCLE, value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("R2/P1M/2026-03-31", ["2026-01-31T00:00:00Z", "2026-02-28T00:00:00Z"]),
        ("R3/P1M1D/2026-05-31", ["2026-02-25T00:00:00Z", "2026-03-29T00:00:00Z", "2026-04-29T00:00:00Z"]),
        ("R2/P1D/2026-03-30T02:30[Europe/Berlin]", ["2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z"]),
    ],
)
def test_turns_before_an_end_are_each_counted_from_it(value, expected):
    assert due("cycle", value, turns=len(expected)) == expected


def test_a_cycle_without_a_number_that_ends_somewhere_comes_from_now_until_there():
    schedule = read_schedule(TimerKind.CYCLE, "R/PT1H/2026-01-31T12:30:00Z")
    assert schedule.repeats_from(NOW) == 3
    assert due("cycle", "R/PT1H/2026-01-31T12:30:00Z", turns=3) == [
        "2026-01-31T09:30:00Z",
        "2026-01-31T10:30:00Z",
        "2026-01-31T11:30:00Z",
    ]


def test_one_whose_end_has_passed_is_due_once_and_at_once():
    schedule = read_schedule(TimerKind.CYCLE, "R/PT1H/2026-01-30T12:00:00Z")
    assert (schedule.repeats_from(NOW), schedule.first_due(NOW) < NOW) == (1, True)


@pytest.mark.parametrize("value", ["R999999999/PT1S/2026-03-31T09:00:00Z", "R/PT0.001S/9999-12-31"])
@pytest.mark.timeout(200)  # turn by turn it would take most of an hour
def test_a_number_of_turns_is_not_counted_back_one_by_one(value):
    first = read_schedule(TimerKind.CYCLE, value).first_due(NOW)
    assert first < datetime(2026, 2, 1, tzinfo=UTC)


def test_a_moment_without_an_offset_is_utc():
    assert read_date("2026-01-31T09:00:00") == NOW


def test_a_cron_line_may_name_its_zone():
    assert due("cycle", "TZ=America/New_York 30 8 * * MON-FRI", turns=2) == [
        "2026-02-02T13:30:00Z",
        "2026-02-03T13:30:00Z",
    ]


def test_an_hour_that_does_not_exist_moves_one_turn_and_not_those_after_it():
    assert due("cycle", "R/2026-03-28T02:30:00[Europe/Berlin]/P1D", turns=3) == [
        "2026-03-28T01:30:00Z",
        "2026-03-29T01:30:00Z",
        "2026-03-30T00:30:00Z",
    ]


def test_a_turn_of_a_century_is_found_at_once():
    schedule = read_schedule(TimerKind("cycle"), "R/2026-01-31T00:00:00Z/P1M")
    assert schedule.next_due(datetime(2126, 2, 10, tzinfo=UTC)) == datetime(2126, 2, 28, tzinfo=UTC)


def test_a_zone_that_does_not_exist_is_refused():
    with pytest.raises(TimerError, match="no time zone 'Mars/Phobos'"):
        read_schedule(TimerKind("cycle"), "TZ=Mars/Phobos 0 9 * * *")


def test_ids_tell_when_they_were_made() -> None:
    at = datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)
    assert new_id(at).startswith(id_prefix(at))
    assert moment_of(new_id(at)) == at
