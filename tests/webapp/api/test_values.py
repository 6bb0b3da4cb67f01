"""Values of variables in the API's JSON."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bpmn.expressions.values import YearMonthDuration
from engine.errors import InvalidInput
from webapp.areas.api.values import from_json, to_json

plain = st.none() | st.booleans() | st.text() | st.integers() | st.floats(allow_nan=False)
typed = (
    st.decimals(allow_nan=False, places=3)
    | st.dates()
    | st.datetimes(timezones=st.none() | st.just(UTC))
    | st.times()
    | st.timedeltas()
    | st.binary(max_size=50)
    | st.integers(-9999, 9999).map(YearMonthDuration)
)
keys = st.text(max_size=8) | st.just("$type")
values = st.recursive(
    plain | typed,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=10,
)


@settings(deadline=None, max_examples=200)
@given(values)
def test_every_value_comes_back_as_it_went_in(value):
    assert from_json(orjson.loads(orjson.dumps(to_json(value)))) == value


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("1.10"), {"$type": "decimal", "value": "1.10"}),
        (date(2026, 1, 31), {"$type": "date", "value": "2026-01-31"}),
        (time(9, 30), {"$type": "time", "value": "09:30:00"}),
        (timedelta(days=1, seconds=1.5), {"$type": "duration", "value": "P1DT1.5S"}),
        (YearMonthDuration(14), {"$type": "duration", "value": "P14M"}),
        (b"hi", {"$type": "bytes", "value": "aGk="}),
        (2**60, {"$type": "integer", "value": "1152921504606846976"}),
        (float("inf"), {"$type": "float", "value": "inf"}),
        ({1: 2}, {"$type": "object", "value": [[1, 2]]}),
        (
            datetime(2026, 1, 5, 9, tzinfo=ZoneInfo("Europe/Rome")),
            {"$type": "datetime", "value": "2026-01-05T09:00:00+01:00", "zone": "Europe/Rome"},
        ),
    ],
)
def test_what_json_has_no_word_for_says_its_type(value, written):
    assert to_json(value) == written
    assert from_json(written) == value


def test_plain_json_stays_as_it_is():
    value = {"a": [1, 2.5, "x", None, True], "type": "date", "value": "any"}
    assert to_json(value) == value
    assert from_json(value) == value


@pytest.mark.parametrize(
    "wrong",
    [
        {"$type": "date"},
        {"$type": "date", "value": 5},
        {"$type": "date", "value": "2026-02-30"},
        {"$type": "date", "value": "2026-02-03", "zone": "Europe/Rome"},
        {"$type": "time", "value": "09:00", "zone": "../../etc/passwd"},
        {"$type": "datetime", "value": "2026-01-05T09:00:00", "zone": "Nowhere/At/All"},
        {"$type": "decimal", "value": "much"},
        {"$type": "duration", "value": "P1Y2D"},
        {"$type": "bytes", "value": "?"},
        {"$type": "integer", "value": "9" * 5000},
        {"$type": "object", "value": [[[1], 2]]},
        {"$type": 7, "value": "x"},
        {"$type": "date", "value": "2026-02-03", "more": 1},
    ],
)
def test_a_value_that_is_none_is_refused_with_its_place(wrong):
    with pytest.raises(InvalidInput) as refusal:
        from_json({"a": [wrong]}, "/variables")
    assert list(refusal.value.fields) == ["/variables/a/0"]
