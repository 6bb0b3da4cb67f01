from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpmn.expressions.values import YearMonthDuration
from engine.errors import InvalidInput
from engine.store.codec import Copier, copy_of, decode, encode, encode_part, normalise

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.decimals(allow_nan=False)
    | st.binary()
    | st.dates()
    | st.times()
    | st.datetimes()
    | st.datetimes(timezones=st.just(UTC))
    | st.timedeltas()
    | st.builds(YearMonthDuration, st.integers())
)
NAMES = st.sampled_from(["~", "v", "a", "b"]) | st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=15)


@given(VALUES)
def test_every_value_comes_back_with_its_types(value: object) -> None:
    assert _typed(decode(encode(value))) == _typed(value)


@given(VALUES)
def test_the_interpreters_state_comes_back_with_its_types(value: object) -> None:
    assert _typed(decode(encode_part({"tokens": [value]}))) == _typed({"tokens": [value]})


@given(st.dictionaries(st.sampled_from(["~", "a", "amount"]), VALUES))
def test_normalising_gives_what_the_store_gives_back(variables: dict[str, object]) -> None:
    assert _typed(normalise(variables)) == _typed({name: decode(encode(value)) for name, value in variables.items()})


@given(VALUES)
def test_a_copy_is_what_the_store_gives_back_and_another_one_each_time(value: object) -> None:
    kept, copier = normalise({"value": value})["value"], Copier()
    copies = [copy_of(kept), copier.copy_of(kept), copier.copy_of(kept)]
    assert [_typed(each) for each in copies] == [_typed(decode(encode(value)))] * 3
    if isinstance(kept, list | dict):
        assert len({id(each) for each in (kept, *copies)}) == 4


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1),
        datetime(2026, 1, 5, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        time(12, 30, tzinfo=timezone(-timedelta(hours=3))),
        2**64,
        -(2**200),
        Decimal("1.10"),
        {1: "one", "1": "text"},
        {"~": "ref", "v": "not a reference"},
    ],
)
def test_what_json_has_no_word_for_survives(value: object) -> None:
    assert repr(decode(encode(value))) == repr(value)


def test_infinity_and_not_a_number_survive() -> None:
    assert repr(decode(encode([float("inf"), float("nan"), None]))) == "[inf, nan, None]"
    assert repr(decode(encode_part([float("inf"), None]))) == "[inf, None]"


def test_a_tuple_comes_back_as_a_list() -> None:
    assert decode(encode((1, (2, 3)))) == [1, [2, 3]]


def test_an_unknown_type_is_refused_by_variable_and_type() -> None:
    @dataclass
    class Invoice:
        total: int

    with pytest.raises(InvalidInput, match=r"Variable 'order'\.invoice is of type '.*Invoice'"):
        normalise({"order": {"invoice": Invoice(3)}})


@pytest.mark.parametrize("value", [UUID(int=1), {1, 2}, object(), 3 + 4j])
def test_no_type_is_turned_into_text_silently(value: object) -> None:
    with pytest.raises(InvalidInput, match=type(value).__name__):
        normalise({"x": value})


def test_text_that_is_no_unicode_is_refused() -> None:
    with pytest.raises(InvalidInput, match="cannot be kept"):
        encode("\ud800")


def test_a_value_nested_without_end_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(InvalidInput, match="nested more than"):
        normalise({"x": endless})


def _typed(value: object) -> object:
    """*value* with its types, so that 1, 1.0 and True differ."""
    if isinstance(value, dict):
        return {key: _typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_typed(item) for item in value]
    return type(value).__name__, repr(value)
