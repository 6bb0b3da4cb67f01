"""What people type, made into variables."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from engine.errors import InvalidInput
from engine.forms import Choice, FieldDescription, FieldType, FormDescription, check_form
from engine.forms.description import Validation


def check(typed: str | None, type: FieldType, **more: Any) -> Any:
    form = FormDescription("f", (FieldDescription("x", "The field", type, **more),))
    return check_form(form, {} if typed is None else {"x": typed})["x"]


def problem(typed: str, type: FieldType, **more: Any) -> str:
    with pytest.raises(InvalidInput) as refused:
        check(typed, type, **more)
    return refused.value.fields["x"]


@pytest.mark.parametrize(
    ("typed", "type", "value"),
    [
        ("hello", FieldType.TEXT, "hello"),
        ("  hello ", FieldType.TEXT, "hello"),
        (" a\n b ", FieldType.LONG_TEXT, " a\n b "),
        ("", FieldType.TEXT, None),
        (None, FieldType.NUMBER, None),
        ("12", FieldType.NUMBER, 12),
        ("12.50", FieldType.NUMBER, Decimal("12.50")),
        ("1e3", FieldType.NUMBER, 1000),
        ("-7", FieldType.INTEGER, -7),
        ("on", FieldType.BOOLEAN, True),
        ("true", FieldType.BOOLEAN, True),
        ("false", FieldType.BOOLEAN, False),
        (None, FieldType.BOOLEAN, False),
        ("2026-01-31", FieldType.DATE, date(2026, 1, 31)),
        ('["a", "b"]', FieldType.CHOICES, ["a", "b"]),
        ("a\nb", FieldType.CHOICES, ["a", "b"]),
        (None, FieldType.CHOICES, []),
        ('{"a": [1]}', FieldType.JSON, {"a": [1]}),
    ],
)
def test_what_was_typed_is_converted(typed: str | None, type: FieldType, value: Any) -> None:
    found = check(typed, type)
    assert (found, found.__class__) == (value, value.__class__)


def test_dates_can_be_kept_as_text() -> None:
    assert check("2026-01-31", FieldType.DATE, keeps_text=True) == "2026-01-31"


@pytest.mark.parametrize(
    ("typed", "type", "more", "said"),
    [
        ("", FieldType.TEXT, {"is_required": True}, "must be filled in"),
        ("  ", FieldType.LONG_TEXT, {"is_required": True}, "must be filled in"),
        ("off", FieldType.BOOLEAN, {"is_required": True}, "must be ticked"),
        ("maybe", FieldType.BOOLEAN, {}, "is yes or no"),
        ("twelve", FieldType.NUMBER, {}, "is not a number"),
        ("NaN", FieldType.NUMBER, {}, "is not a number"),
        ("1e999999", FieldType.NUMBER, {}, "is not a number"),
        ("9" * 200, FieldType.NUMBER, {}, "is not a number"),
        ("1.5", FieldType.INTEGER, {}, "is not a whole number"),
        ("1", FieldType.NUMBER, {"validation": Validation(minimum="2")}, "is less than 2"),
        ("3.1", FieldType.NUMBER, {"validation": Validation(maximum="3")}, "is more than 3"),
        ("1.25", FieldType.NUMBER, {"validation": Validation(decimals=1)}, "more than 1 decimal places"),
        ("ab", FieldType.TEXT, {"validation": Validation(min_length=3)}, "fewer than 3 characters"),
        ("abcd", FieldType.TEXT, {"validation": Validation(max_length=3)}, "more than 3 characters"),
        ("12a", FieldType.TEXT, {"validation": Validation(pattern="^[0-9]+$")}, "does not have the form"),
        ("12a", FieldType.TEXT, {"validation": Validation(pattern="^[0-9]+$", message="Digits only")}, "Digits only"),
        ("x", FieldType.TEXT, {"validation": Validation(pattern="(")}, "its pattern is wrong"),
        ("ann", FieldType.TEXT, {"validation": Validation(kind="email")}, "is not an e-mail address"),
        ("31.1.2026", FieldType.DATE, {}, "is not written like 2026-01-31"),
        ("2026-02-30", FieldType.DATE, {}, "is not written like 2026-01-31"),
        ("c", FieldType.CHOICE, {"choices": (Choice("a", "Red"), Choice("b", "Blue"))}, "is none of Red, Blue"),
        ('["c"]', FieldType.CHOICES, {"choices": (Choice("a", "Red"),)}, "is none of Red"),
        ("", FieldType.CHOICES, {"is_required": True}, "at least one choice"),
        ("{", FieldType.JSON, {}, "is not JSON"),
        ("x" * 100_001, FieldType.TEXT, {}, "longer than 100,000"),
    ],
)
def test_what_does_not_fit_is_said_by_field(typed: str, type: FieldType, more: dict[str, Any], said: str) -> None:
    assert said in problem(typed, type, **more)


def test_a_pattern_that_takes_for_ever_is_cut_short() -> None:
    evil = Validation(pattern="^(a|aa)+$")
    assert "takes too long" in problem("a" * 5000 + "b", FieldType.TEXT, validation=evil)


def test_all_problems_are_told_at_once() -> None:
    fields = tuple(FieldDescription(name, name.upper(), FieldType.NUMBER) for name in ("a", "b"))
    with pytest.raises(InvalidInput, match=r"A: is not a number.*B: is not a number") as refused:
        check_form(FormDescription("f", fields), {"a": "x", "b": "y"})
    assert set(refused.value.fields) == {"a", "b"}


def test_a_field_that_the_form_has_not_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no such field"):
        check_form(FormDescription("f", ()), {"admin": "true"})


def test_read_only_fields_are_not_taken_over() -> None:
    fields = (FieldDescription("total", "Total", FieldType.NUMBER, is_readonly=True),)
    assert check_form(FormDescription("f", fields, variables={"total": 5}), {"total": "0"}) == {}


def test_a_hidden_field_need_not_be_filled_in() -> None:
    fields = (
        FieldDescription("approved", "Approved", FieldType.BOOLEAN),
        FieldDescription("reason", "Reason", FieldType.TEXT, is_required=True, hidden_when="=approved"),
    )
    form = FormDescription("f", fields)
    assert check_form(form, {"approved": "true", "reason": "left over"}) == {"approved": True}
    with pytest.raises(InvalidInput, match="Reason: must be filled in"):
        check_form(form, {"approved": "false"})


def test_a_field_with_a_path_changes_one_part_of_a_variable() -> None:
    fields = (FieldDescription("address.city", "City", FieldType.TEXT),)
    form = FormDescription("f", fields, variables={"address": {"street": "Lane 1", "city": "old"}})
    assert check_form(form, {"address.city": "Rome"}) == {"address": {"street": "Lane 1", "city": "Rome"}}
