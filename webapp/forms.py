"""What people type: the fields of a form, or free rows of name, type and value.

The engine describes forms and checks what was typed; here it is only carried to and fro.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from itertools import groupby
from typing import Any, cast

from werkzeug.datastructures import MultiDict

from engine.errors import InvalidInput
from engine.forms import FieldDescription, FieldType, FormDescription
from engine.forms.shown import as_typed
from engine.forms.values import evaluate

PREFIX = "field."  # keeps the fields of a form apart from our own, such as the CSRF token
ROW_TYPES = ("text", "number", "yes/no", "JSON")
FIRST_ROWS, MOST_ROWS = 2, 50


@dataclass(frozen=True, slots=True)
class Part:
    """Neighbouring fields of one *group* ('': none)."""

    group: str
    fields: list[FieldDescription]


@dataclass(frozen=True, slots=True)
class FormState:
    """A form on its way back to the browser: what was *typed*, and what is wrong with it by field."""

    typed: MultiDict[str, str] = field(default_factory=MultiDict[str, str])
    problems: Mapping[str, str] = field(default_factory=dict[str, str])
    message: str = ""

    def refused(self, error: InvalidInput) -> FormState:
        return replace(self, problems=error.fields, message=str(error))

    def parts(self, form: FormDescription) -> list[Part]:
        """The fields to show, in order. Left out: those whose condition hides them whatever is typed."""
        shown = [one for one in form.fields if not _is_hidden(one, form)]
        return [Part(group, list(fields)) for group, fields in groupby(shown, lambda one: one.group)]

    def text(self, one: FieldDescription) -> str:
        """What the control of a field shows: what was typed, its default when the form is new."""
        return self.typed.get(PREFIX + one.id, "") if self.typed else as_typed(one.default)

    def chosen(self, one: FieldDescription) -> list[str]:
        if self.typed:
            return self.typed.getlist(PREFIX + one.id)
        if isinstance(one.default, (list, tuple)):
            return [as_typed(each) for each in cast(Sequence[Any], one.default)]
        return [as_typed(one.default)]

    def rows(self) -> list[tuple[str, str, str]]:
        """The (name, type, value) rows to show: those with something in them and two empty ones."""
        filled = [row for row in _rows(self.typed) if row[0].strip() or row[2].strip()]
        return [*filled, *[("", ROW_TYPES[0], "")] * FIRST_ROWS][: MOST_ROWS + 1]


def typed_form(sent: MultiDict[str, str], form: FormDescription | None) -> dict[str, str]:
    """The fields of a sent form by their own names; several choices as a JSON list."""
    several = {one.id for one in form.fields if one.type is FieldType.CHOICES} if form else set[str]()
    typed: dict[str, str] = {}
    for key in sent:
        name = key.removeprefix(PREFIX)
        if key.startswith(PREFIX):
            typed[name] = json.dumps(sent.getlist(key)) if name in several else sent[key]
    return typed


def _is_hidden(one: FieldDescription, form: FormDescription) -> bool:
    """Whether its condition hides the field already; conditions on other fields are tried when all is sent."""
    if not one.hidden_when or any(other.id in one.hidden_when for other in form.fields if other.is_input):
        return False
    return evaluate(one.hidden_when, form.variables) is True


def read_variable_rows(form: Mapping[str, str]) -> dict[str, Any]:
    """The variables of name/type/value rows. Raises InvalidInput naming the row that does not fit."""
    variables: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for index, (name, kind, text) in enumerate(_rows(form)):
        name = name.strip()
        if not name and not text.strip():
            continue
        try:
            if not name:
                raise ValueError("Give this value a name.")
            if name in variables:
                raise ValueError(f"There are two values named '{name}'.")
            variables[name] = _row_value(kind, text)
        except ValueError as error:
            problems[f"row.{index}"] = str(error)
    if problems:
        raise InvalidInput("Some values do not fit.", problems)
    return variables


def _rows(form: Mapping[str, str]) -> list[tuple[str, str, str]]:
    return [
        (form.get(f"name.{index}", ""), form.get(f"type.{index}", ROW_TYPES[0]), form.get(f"value.{index}", ""))
        for index in range(MOST_ROWS)
        if f"name.{index}" in form
    ]


def _row_value(kind: str, text: str) -> Any:
    match kind:
        case "number":
            return _number(text.strip())
        case "yes/no":
            words = {"yes": True, "true": True, "no": False, "false": False}
            if text.strip().casefold() not in words:
                raise ValueError("Write yes or no.")
            return words[text.strip().casefold()]
        case "JSON":
            try:
                return json.loads(text)
            except RecursionError:
                raise ValueError("This JSON is nested too deeply.") from None
            except ValueError as error:
                raise ValueError(f"This is no JSON: {error}") from None
        case _:
            return text


def _number(text: str) -> int | float:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"'{text[:40]}' is no number.") from None
    if not number.is_finite() or abs(number.adjusted()) > 300:
        raise ValueError("This number is too large.")
    return int(number) if number == number.to_integral_value() else float(number)
