import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.jobs.retry import NoDelay, attempts_in_all, backoff, jittered, next_attempt_at

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def test_the_delay_doubles_up_to_an_hour() -> None:
    assert [backoff(attempt).total_seconds() for attempt in (1, 2, 3, 9, 10, 1000)] == [10, 20, 40, 2560, 3600, 3600]


def test_attempts_count_from_one() -> None:
    with pytest.raises(ValueError, match="count from 1"):
        backoff(0)


@pytest.mark.parametrize(
    ("retries", "cycle", "own", "expected"),
    [
        (5, None, 2, 5),
        (None, None, 2, 2),
        (None, None, None, 3),
        (None, "R4/PT1M", 2, 4),
        (None, "PT1M,PT5M", 2, 3),
        (0, None, 2, 1),
    ],
)
def test_the_diagram_decides_before_the_handler_how_often(retries, cycle, own, expected) -> None:
    assert attempts_in_all(retries, cycle, own) == expected


@pytest.mark.parametrize(
    ("cycle", "failures", "minutes"),
    [("R3/PT10M", 1, 10), ("R3/PT10M", 2, 10), ("PT1M,PT5M", 1, 1), ("PT1M,PT5M", 2, 5), ("PT1M,PT5M", 9, 5)],
)
def test_the_diagrams_intervals_are_kept(cycle: str, failures: int, minutes: int) -> None:
    assert next_attempt_at(NOW, failures, cycle, None) == NOW + timedelta(minutes=minutes)


def test_a_handlers_own_backoff_is_used_where_the_diagram_says_nothing() -> None:
    assert next_attempt_at(NOW, 2, None, lambda attempt: timedelta(days=attempt)) == NOW + timedelta(days=2)


@pytest.mark.parametrize("cycle", ["soon", "R/x", "R3/", "R-1/PT1M", ",", "R1000000000/PT1M"])
def test_a_cycle_that_says_nothing_means_the_usual(cycle: str) -> None:
    assert attempts_in_all(None, cycle, None) == 3
    assert next_attempt_at(NOW, 1, cycle, None) == NOW + jittered(backoff(1), "", 1)


@pytest.mark.parametrize(
    ("cycle", "own", "complaint"),
    [
        (None, lambda attempt: 5, "backoff(2) returned '5', which is no timedelta"),
        (None, lambda attempt: None, "backoff(2) returned 'None'"),
        (None, lambda attempt: sys.exit(3), "backoff(2) raised SystemExit: 3"),
        (None, lambda attempt: timedelta.max, "leads beyond the calendar"),
        ("R3/P9999Y", None, "interval 'P9999Y': The duration leads beyond the calendar"),
    ],
)
def test_a_delay_that_makes_no_sense_is_said_to(
    cycle: str | None, own: Callable[[int], Any] | None, complaint: str
) -> None:
    with pytest.raises(NoDelay, match=re.escape(complaint)):
        next_attempt_at(NOW, 2, cycle, own)


def test_jobs_that_failed_together_do_not_come_back_together() -> None:
    delays = {next_attempt_at(NOW, 1, None, None, f"job {number}") - NOW for number in range(100)}
    assert len(delays) == 100
    assert timedelta(seconds=9) <= min(delays) < max(delays) <= timedelta(seconds=10)


def test_the_delay_of_an_attempt_is_the_same_when_it_is_computed_again() -> None:
    assert next_attempt_at(NOW, 2, None, None, "job 1") == next_attempt_at(NOW, 2, None, None, "job 1")


def test_what_the_diagram_or_the_handler_says_is_kept_to_the_letter() -> None:
    assert next_attempt_at(NOW, 1, "R3/PT10M", None, "job") == NOW + timedelta(minutes=10)
    assert next_attempt_at(NOW, 1, None, lambda attempt: timedelta(seconds=attempt), "job") == NOW + timedelta(
        seconds=1
    )
