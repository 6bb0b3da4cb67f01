"""Years that Python has no dates for: FEEL computes with them, and no variable can hold them."""

from __future__ import annotations

import pytest

from bpmn.expressions import ExpressionError, compile_expression
from bpmn.model import Expression, Language


def feel(text: str) -> object:
    return compile_expression(Expression(Language.FEEL, text))({})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('string(date("-0044-03-15"))', "-0044-03-15"),
        ('string(date("-0044-03-15") + duration("P1Y"))', "-0043-03-15"),
        ('string(@"9999-12-31" + @"P1D")', "10000-01-01"),
        ('string(@"10000-01-01" - @"P1D")', "9999-12-31"),
        ('string(@"10000-01-31" + @"P1M")', "10000-02-29"),
        ('string(@"9999-12-31T24:00:00")', "10000-01-01T00:00:00"),
        ('string(@"12000-06-01T12:00:00+02:00" - @"P730485D")', "10000-06-01T12:00:00+02:00"),
        ('string(@"-2021-01-01T10:10:10@Australia/Melbourne" + @"PT1H")', "-2021-01-01T11:10:10@Australia/Melbourne"),
        ('date("12024-02-29").year', 12024),
        ('[date("12024-02-29").month, date("12024-02-29").weekday]', [2, 4]),
        ('day of week(date("12024-02-29"))', "Thursday"),
        ('string(last day of month(date("12024-02-01")))', "12024-02-29"),
        ('date("12024-01-01") - date("12023-01-01") = duration("P365D")', True),
        ('date("12024-01-01") - date("2024-01-01") = duration("P3652425D")', True),
        ('date("-12024-01-01") < date("2024-01-01") and date("12024-01-01") > date("2024-01-01")', True),
        ('date("12024-01-01") = date(12024, 1, 1) and date("12024-01-01") != date("13024-01-01")', True),
        ('date("12024-01-01") in [date("2024-01-01")..date("20000-01-01")]', True),
        ('@"10000-01-01T01:00:00+02:00" = @"9999-12-31T23:00:00Z"', True),
        ('@"10000-01-01T01:00:00" < @"10001-12-31T23:00:00Z"', None),
        ('years and months duration(date("-0001-06-01"), date("12024-07-01")).years', 12025),
        ('string(date(date and time("12024-01-02T10:00:00")))', "12024-01-02"),
        ('string(date and time(date("12024-01-02"), time("10:00:00Z")))', "12024-01-02T10:00:00Z"),
        ('string(time(date and time("12024-01-02T10:00:00")))', "10:00:00"),
        ('[@"12024-01-02" instance of date, @"12024-01-02" instance of date and time]', [True, False]),
        ('[date("12023-02-29"), date("9999999999-01-01"), @"999999999-12-31" + @"P1D", date(0, 1, 1)]', [None] * 4),
    ],
)
def test_far_years_are_computed_with(text, value):
    assert feel(text) == value


@pytest.mark.parametrize("text", ['date("12024-01-02")', '{when: @"-0044-03-15T10:00:00"}'])
def test_a_far_year_cannot_become_a_variable(text):
    with pytest.raises(ExpressionError, match=r"of the year -?\d+; a variable holds the years 1 to 9999"):
        feel(text)
