"""Comparing an expected value with the actual one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine.testing.compare import same, show


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (1, 1.0),
        (1, Decimal("1.00")),
        (0.1, Decimal("0.1")),
        ([1, {"a": 2}], [1.0, {"a": Decimal(2)}]),
        ("2026-01-05", date(2026, 1, 5)),
        ("2026-01-05T10:00:00+01:00", datetime(2026, 1, 5, 9, tzinfo=UTC)),
        ("P2DT1H", timedelta(days=2, hours=1)),
        (None, None),
        ([1], (1,)),
    ],
)
def test_values_that_mean_the_same_are_the_same(expected: Any, actual: Any) -> None:
    assert same(expected, actual)


@pytest.mark.parametrize(
    ("expected", "actual"),
    [(1, True), (0, False), ("1", 1), (1, "1"), ([1, 2], [2, 1]), ({"a": 1}, {"a": 1, "b": 2}), (None, 0), ("x", None)],
)
def test_values_that_mean_something_else_are_not(expected: Any, actual: Any) -> None:
    assert not same(expected, actual)


def test_values_are_shown_as_a_scenario_file_would_write_them() -> None:
    assert show({"a": [1, True, None], "b": "two words"}) == '{a: [1, true, null], b: "two words"}'


def test_an_empty_text_is_shown_in_quotes() -> None:
    assert show("") == '""'
