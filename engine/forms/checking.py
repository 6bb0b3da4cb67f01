"""What a person typed, made into variables: converted by the fields' types and checked by their rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

import regex

from engine.errors import InvalidInput
from engine.forms.description import FieldDescription, FieldType, FormDescription
from engine.forms.values import evaluate, set_path

_PATTERN_SECONDS = 0.2
_LONGEST_TEXT = 100_000
_LONGEST_NUMBER = 100
_EMAIL = regex.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_PHONE = regex.compile(r"\+?[\d\s()/.-]{3,30}")
_YES = frozenset({"true", "on", "yes", "1"})
_NO = frozenset({"false", "off", "no", "0", ""})


class Wrong(ValueError):
    """What is wrong with one field, in words for the person who typed."""


def check_form(form: FormDescription | None, typed: Mapping[str, str]) -> dict[str, Any]:
    """The variables that *typed* (field id to text) stands for.

    A field not typed counts as empty, a box as not ticked; read-only and hidden fields are not taken over.
    Raises InvalidInput with what is wrong by field.
    """
    if form is None:
        raise InvalidInput("There is no form here to fill in. Give variables instead.")
    problems = dict.fromkeys(typed.keys() - {each.id for each in form.fields}, "The form has no such field.")
    values: dict[str, Any] = {}
    for field in form.fields:
        if not field.is_input or field.is_readonly:
            problems.pop(field.id, None)
            continue
        try:
            values[field.id] = _value(field, typed.get(field.id, ""))
        except Wrong as problem:
            problems[field.id] = str(problem)
    _leave_out_hidden(form, values, problems)
    if problems:
        labels = {field.id: field.label or field.id for field in form.fields}
        listed = "; ".join(f"{labels.get(name, name)}: {what}" for name, what in sorted(problems.items()))
        raise InvalidInput(f"Some fields do not fit. {listed}", problems)
    variables: dict[str, Any] = {}
    for name, value in values.items():
        set_path(variables, name, value, form.variables)
    return variables


def _leave_out_hidden(form: FormDescription, values: dict[str, Any], problems: dict[str, str]) -> None:
    context = dict(form.variables)
    for name, value in values.items():
        set_path(context, name, value, form.variables)
    for field in form.fields:
        if field.hidden_when and evaluate(field.hidden_when, context) is True:
            values.pop(field.id, None)
            problems.pop(field.id, None)


def _value(field: FieldDescription, text: str) -> Any:
    text = text.strip() if field.type is not FieldType.LONG_TEXT else text
    if len(text) > _LONGEST_TEXT:
        raise Wrong(f"is longer than {_LONGEST_TEXT:,} characters")
    if field.type is FieldType.BOOLEAN:
        return _boolean(field, text)
    if field.type is FieldType.CHOICES:
        return _choices(field, text)
    if not text.strip():
        if field.is_required:
            raise Wrong("must be filled in")
        return None
    match field.type:
        case FieldType.NUMBER | FieldType.INTEGER:
            return _number(field, text)
        case FieldType.DATE | FieldType.TIME | FieldType.DATETIME:
            return _moment(field, text)
        case FieldType.CHOICE:
            return _choice(field, text)
        case FieldType.JSON:
            return _json(text)
        case _:
            return _text(field, text)


def _boolean(field: FieldDescription, text: str) -> bool:
    lowered = text.lower()
    if lowered not in _YES | _NO:
        raise Wrong("is yes or no")
    if field.is_required and lowered in _NO:
        raise Wrong("must be ticked")
    return lowered in _YES


def _number(field: FieldDescription, text: str) -> int | float | Decimal:
    try:
        number = Decimal(text) if len(text) <= _LONGEST_NUMBER else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or abs(number.adjusted()) > _LONGEST_NUMBER:
        raise Wrong("is not a number, such as 12 or 3.5")
    is_whole = number == number.to_integral_value()
    if field.type is FieldType.INTEGER and not is_whole:
        raise Wrong("is not a whole number")
    _check_range(field, number)
    decimals = field.validation.decimals
    if decimals is not None and number != round(number, decimals):
        raise Wrong(f"has more than {decimals} decimal places" if decimals else "is not a whole number")
    return int(number) if is_whole else number


def _check_range(field: FieldDescription, number: Decimal) -> None:
    rules = field.validation
    if rules.minimum is not None and number < Decimal(rules.minimum):
        raise Wrong(rules.message or f"is less than {rules.minimum}")
    if rules.maximum is not None and number > Decimal(rules.maximum):
        raise Wrong(rules.message or f"is more than {rules.maximum}")


def _moment(field: FieldDescription, text: str) -> Any:
    readers = {FieldType.DATE: date, FieldType.TIME: time, FieldType.DATETIME: datetime}
    examples = {FieldType.DATE: "2026-01-31", FieldType.TIME: "14:30", FieldType.DATETIME: "2026-01-31T14:30"}
    try:
        moment = readers[field.type].fromisoformat(text)
    except ValueError:
        raise Wrong(f"is not written like {examples[field.type]}") from None
    rules = field.validation
    if rules.minimum is not None and text < rules.minimum:
        raise Wrong(f"is before {rules.minimum}")
    if rules.maximum is not None and text > rules.maximum:
        raise Wrong(f"is after {rules.maximum}")
    return moment.isoformat() if field.keeps_text else moment


def _choice(field: FieldDescription, text: str) -> str:
    if field.choices and text not in {choice.value for choice in field.choices}:
        raise Wrong(f"is none of {', '.join(choice.label for choice in field.choices[:10])}")
    return text


def _choices(field: FieldDescription, text: str) -> list[str]:
    chosen: list[str] = []
    if text:
        try:
            read: Any = json.loads(text) if text.startswith("[") else text.splitlines()
        except (ValueError, RecursionError):
            raise Wrong("is not a list of choices") from None
        chosen = [_choice(field, str(each)) for each in read]
    if field.is_required and not chosen:
        raise Wrong("needs at least one choice")
    return chosen


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise Wrong(f"is not JSON: {problem}") from None


def _text(field: FieldDescription, text: str) -> str:
    rules = field.validation
    if rules.min_length is not None and len(text) < rules.min_length:
        raise Wrong(f"has fewer than {rules.min_length} characters")
    if rules.max_length is not None and len(text) > rules.max_length:
        raise Wrong(f"has more than {rules.max_length} characters")
    if rules.pattern is not None and not _matches(rules.pattern, text):
        raise Wrong(rules.message or f"does not have the form {rules.pattern}")
    if rules.kind == "email" and not _EMAIL.fullmatch(text):
        raise Wrong("is not an e-mail address")
    if rules.kind == "phone" and not _PHONE.fullmatch(text):
        raise Wrong("is not a telephone number")
    return text


def _matches(pattern: str, text: str) -> bool:
    try:
        return regex.search(pattern, text, timeout=_PATTERN_SECONDS) is not None
    except TimeoutError:
        raise Wrong("could not be checked: its pattern takes too long. Ask who made the form") from None
    except regex.error:
        raise Wrong("could not be checked: its pattern is wrong. Ask who made the form") from None
