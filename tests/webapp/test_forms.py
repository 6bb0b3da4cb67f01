from datetime import UTC, date, datetime

import pytest
from werkzeug.datastructures import MultiDict

from engine.errors import InvalidInput
from engine.forms import FieldDescription, FieldType, FormDescription
from webapp.forms import FormState, read_variable_rows, typed_form


def rows(*triples):
    form = {}
    for index, (name, kind, value) in enumerate(triples):
        form |= {f"name.{index}": name, f"type.{index}": kind, f"value.{index}": value}
    return form


def test_rows_become_variables_of_their_types():
    form = rows(
        ("name", "text", " 007 "),
        ("amount", "number", "12.50"),
        ("count", "number", "3"),
        ("approved", "yes/no", "Yes"),
        ("items", "JSON", '[1, {"a": null}]'),
        ("", "text", ""),
    )

    assert read_variable_rows(form) == {
        "name": " 007 ",
        "amount": 12.5,
        "count": 3,
        "approved": True,
        "items": [1, {"a": None}],
    }


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (("", "text", "lost"), "name"),
        (("amount", "number", "many"), "no number"),
        (("amount", "number", "NaN"), "too large"),
        (("amount", "number", "1e999999999"), "too large"),
        (("approved", "yes/no", "perhaps"), "yes or no"),
        (("items", "JSON", "[1,"), "no JSON"),
        (("items", "JSON", "[" * 100_000), "nested too deeply"),
    ],
)
def test_a_row_that_does_not_fit_is_named(row, problem):
    with pytest.raises(InvalidInput) as caught:
        read_variable_rows(rows(("fine", "text", "yes"), row))

    assert list(caught.value.fields) == ["row.1"]
    assert problem in caught.value.fields["row.1"]


def test_a_name_given_twice_is_refused():
    with pytest.raises(InvalidInput) as caught:
        read_variable_rows(rows(("a", "text", "1"), ("a", "text", "2")))

    assert "two values named 'a'" in caught.value.fields["row.1"]


def described(*fields, variables=None):
    return FormDescription("form", fields, variables=variables or {})


def test_only_the_fields_of_the_form_are_handed_to_the_engine():
    sent = MultiDict({"csrf_token": "secret", "field.amount": "12", "field.csrf_token": "mine"})

    assert typed_form(sent, described()) == {"amount": "12", "csrf_token": "mine"}


def test_several_choices_travel_together():
    sent = MultiDict([("field.toppings", "ham"), ("field.toppings", "[1]")])
    form = described(FieldDescription("toppings", "Toppings", FieldType.CHOICES))

    assert typed_form(sent, form) == {"toppings": '["ham", "[1]"]'}


def test_a_refused_form_keeps_what_was_typed():
    amount = FieldDescription("amount", "Amount", FieldType.NUMBER, default=5)
    untouched = FieldDescription("untouched", "Untouched", FieldType.TEXT, default="default")
    state = FormState(MultiDict({"field.amount": "many"})).refused(InvalidInput("No.", {"amount": "not a number"}))

    assert state.text(amount) == "many"
    assert state.text(untouched) == ""
    assert state.problems == {"amount": "not a number"}


@pytest.mark.parametrize(
    ("default", "text"),
    [
        (5, "5"),
        (None, ""),
        (True, "true"),
        (date(2026, 3, 2), "2026-03-02"),
        (datetime(2026, 3, 2, 14, 30, tzinfo=UTC), "2026-03-02T14:30"),
        ("2026-03-02", "2026-03-02"),
    ],
)
def test_a_new_form_shows_its_defaults_as_one_would_type_them(default, text):
    assert FormState().text(FieldDescription("a", "A", FieldType.TEXT, default=default)) == text


def test_fields_of_a_group_stay_together():
    fields = [
        FieldDescription(name, name, FieldType.TEXT, group=group)
        for name, group in zip("abc", ["", "x", "x"], strict=True)
    ]

    assert [(part.group, [one.id for one in part.fields]) for part in FormState().parts(described(*fields))] == [
        ("", ["a"]),
        ("x", ["b", "c"]),
    ]


def test_a_field_is_left_out_when_the_variables_hide_it_and_kept_when_another_field_decides():
    asked = FieldDescription("why", "Why", FieldType.TEXT, hidden_when="=amount < 100")
    depends = FieldDescription("reason", "Reason", FieldType.TEXT, hidden_when='=decision = "yes"')
    decision = FieldDescription("decision", "Decision", FieldType.TEXT)
    form = described(asked, depends, decision, variables={"amount": 5, "decision": "yes"})

    [part] = FormState().parts(form)
    assert [one.id for one in part.fields] == ["reason", "decision"]
