from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from webapp.present import LONGEST, absolute, ago, duration, is_person, money, plural, sentence, shown, who

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (timedelta(seconds=3), "just now"),
        (timedelta(minutes=5), "5 min ago"),
        (timedelta(minutes=59, seconds=50), "1 h ago"),
        (timedelta(hours=26), "1 d ago"),
        (timedelta(days=90), "3 months ago"),
        (-timedelta(hours=2), "in 2 h"),
        (-timedelta(seconds=10), "in a moment"),
    ],
)
def test_times_are_told_as_people_tell_them(before, words):
    assert ago(NOON - before, NOON) == words


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(milliseconds=340), "340 ms"),
        (timedelta(seconds=12.44), "12.4 s"),
        (timedelta(minutes=3, seconds=12), "3 min 12 s"),
        (timedelta(hours=2), "2 h"),
        (timedelta(days=2, hours=4, minutes=30), "2 d 4 h"),
        (250, "250 ms"),
    ],
)
def test_durations_keep_their_two_leading_units(length, words):
    assert duration(length) == words


def test_the_absolute_time_behind_a_relative_one_is_in_utc():
    assert absolute(NOON.astimezone()) == "2026-03-02 12:00:00 UTC"


@pytest.mark.parametrize(
    ("value", "type_name", "short"),
    [
        (None, "null", "null"),
        (True, "boolean", "true"),
        (12, "number", "12"),
        (Decimal("1.50"), "number", "1.50"),
        ("text", "text", "text"),
        ({"a": [1, Decimal("2")]}, "object", '{"a": [1, 2]}'),
        ([], "list", "[]"),
        (date(2026, 3, 2), "date", "2026-03-02"),
        ({1: NOON}, "object", '{"1": "2026-03-02T12:00:00+00:00"}'),
    ],
)
def test_short_values_are_shown_whole(value, type_name, short):
    it = shown(value)

    assert (it.type, it.short, it.full) == (type_name, short, "")


def test_a_long_text_is_cut_and_can_be_opened():
    it = shown("word " * 100)

    assert it.short.endswith("…")
    assert len(it.short) < 100
    assert it.full == "word " * 100


def test_a_text_of_several_lines_shows_its_first():
    it = shown("first\nsecond")

    assert (it.short, it.full) == ("first …", "first\nsecond")


def test_a_huge_value_does_not_make_a_huge_page():
    it = shown("x" * (LONGEST + 1234))

    assert (len(it.full), it.hidden) == (LONGEST, 1234)


def test_a_long_object_opens_indented():
    it = shown({"items": list(range(100))})

    assert it.full.startswith('{\n  "items": [\n    0,')


def test_money_shows_small_amounts_and_unknown_prices():
    assert [money(Decimal("0.00231")), money("1234.5"), money(Decimal(0)), money(None)] == [
        "$0.0023",
        "$1,234.50",
        "$0.00",
        "—",
    ]


def test_counts_take_the_right_number():
    assert [plural(1, "token"), plural(1200, "token"), plural(2, "process", "processes")] == [
        "1 token",
        "1,200 tokens",
        "2 processes",
    ]


@pytest.mark.parametrize(
    ("actor", "words", "is_one"),
    [
        ("ann", "ann", True),
        ("system", "system", False),
        ("timer", "timer", False),
        ("worker:host:1:2", "worker", False),
        ("instance:01x", "another instance", False),
        (None, "", False),
    ],
)
def test_people_are_told_from_the_engine_s_own(actor, words, is_one):
    assert (who(actor), is_person(actor)) == (words, is_one)


def test_what_is_wrong_becomes_a_sentence():
    assert [sentence("must be filled in"), sentence("Give it a name.")] == ["Must be filled in.", "Give it a name."]
