import pytest
from werkzeug.datastructures import MultiDict

from engine.errors import InvalidInput
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


def test_only_the_fields_of_the_form_are_handed_to_the_engine():
    form = MultiDict({"csrf_token": "secret", "field.amount": "12", "field.csrf_token": "mine"})

    assert typed_form(form) == {"amount": "12", "csrf_token": "mine"}


def test_a_refused_form_keeps_what_was_typed():
    state = FormState({"field.amount": "many"}).refused(InvalidInput("No.", {"amount": "not a number"}))

    assert state.value("amount", 5) == "many"
    assert state.value("untouched", 5) == ""
    assert state.problems == {"amount": "not a number"}


def test_a_new_form_shows_its_defaults():
    assert FormState().value("amount", 5) == 5
