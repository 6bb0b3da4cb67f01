"""Cron lines as the editors' engines read them: Unix's, Spring's (Camunda 8) and Quartz's (Camunda 7)."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from engine.cron import CronError, next_turn, read_cron

BERLIN, APIA = ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Apia")


@pytest.mark.parametrize(
    ("line", "sunday", "expected"),
    [
        ("0 9 * * 1-5", 1, "0 9 * * 1-5"),
        ("0 0/5 * * * ?", 1, "0 0/5 * * * *"),
        ("0 0 9 ? * 2-6", 1, "0 0 9 * * 1-5"),
        ("0 0 9 ? * 2-6", 0, "0 0 9 * * 2-6"),
        ("0 0 9 ? * 6#3", 1, "0 0 9 * * 5#3"),
        ("0 0 9 ? * FRIL", 1, "0 0 9 * * 5L"),
        ("0 0 9 ? * fri-mon", 0, "0 0 9 * * 5,6,0,1"),
        ("0 0 22-2 * * *", 0, "0 0 22,23,0,1,2 * * *"),
        ("0 15 10 ? * * *", 1, "0 15 10 * * *"),
        ("@weekly", 1, "0 0 0 * * 0"),
    ],
)
def test_a_line_means_what_its_own_engine_takes_it_for(line, sunday, expected):
    assert read_cron(line, sunday) == expected


@pytest.mark.parametrize(
    "line",
    ["soon", "0 15 10 ? * * 2030", "0 0 9 13 * FRI", "0 0 9 15W * ?", "0 0 25 * * ?", "0 0 " + "9" * 5000 + "-1 * * ?"],
)
def test_a_line_that_cannot_be_kept_to_is_refused(line):
    with pytest.raises(CronError):
        read_cron(line)


def turns(line: str, after: datetime, count: int) -> list[str]:
    """In the zone of *after*, with the offset."""
    found: list[str] = []
    moment = after
    for _ in range(count):
        moment = next_turn(read_cron(line), moment).astimezone(after.tzinfo)
        found.append(moment.isoformat(timespec="minutes")[5:])
    return found


@pytest.mark.parametrize("line", ["30 2 * * *", "0 30 2 * * *", "0 30 2 * * ?", "0 0/30 2-2 * * *"])
def test_a_time_that_the_clock_leaves_out_comes_as_much_later(line):
    found = turns(line, datetime(2026, 3, 28, 2, 15, tzinfo=BERLIN), 3)
    extra = ["03-29T03:00+02:00"] if "0/30" in line else []
    assert found == ["03-28T02:30+01:00", *extra, "03-29T03:30+02:00", "03-30T02:30+02:00"][:3]


@pytest.mark.parametrize("line", ["30 2 * * *", "0 30 2 * * *", "0 30 */2 * * *"])
def test_a_time_that_comes_twice_is_kept_once(line):
    found = turns(line, datetime(2026, 10, 25, 1, tzinfo=BERLIN), 2)
    following = "10-25T04:30+01:00" if "*/2" in line else "10-26T02:30+01:00"
    assert found == ["10-25T02:30+02:00", following]


def test_all_turns_of_an_hour_that_is_left_out_come_and_none_twice():
    found = turns("0 15,45 1-3 * * ?", datetime(2026, 3, 29, tzinfo=BERLIN), 6)
    assert found == [f"03-29T{each}" for each in ("01:15+01:00", "01:45+01:00", "03:15+02:00", "03:45+02:00")] + [
        "03-30T01:15+02:00",
        "03-30T01:45+02:00",
    ]


def test_a_day_that_is_left_out_moves_its_turn_by_a_day():
    assert turns("0 0 9 30 12 ?", datetime(2011, 12, 29, 12, tzinfo=APIA), 2) == [
        "12-31T09:00+14:00",
        "12-30T09:00+14:00",
    ]


def test_every_hour_is_every_hour_that_passes():
    assert turns("0 30 * * * *", datetime(2026, 10, 25, 1, tzinfo=BERLIN), 4) == [
        "10-25T01:30+02:00",
        "10-25T02:30+02:00",
        "10-25T02:30+01:00",
        "10-25T03:30+01:00",
    ]
    assert turns("30 * * * *", datetime(2026, 3, 29, 1, tzinfo=BERLIN), 2) == ["03-29T01:30+01:00", "03-29T03:30+02:00"]


@pytest.mark.parametrize(
    ("line", "after"),
    [("0 0 0 */30 2 1#5", datetime(2026, 1, 1, tzinfo=UTC)), ("@yearly", datetime(9999, 6, 1, tzinfo=UTC))],
)
def test_a_line_that_never_comes_again_says_so(line, after):
    with pytest.raises(CronError, match="does not come"):
        next_turn(line if line[0] != "@" else read_cron(line), after)
