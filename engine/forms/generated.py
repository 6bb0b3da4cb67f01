"""Generated form fields (camunda:formData) and JSON schemas (SpiffWorkflow) as neutral descriptions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from bpmn.expressions import ExpressionError, compile_expression
from bpmn.model import FormField
from engine.forms.description import Choice, FieldDescription, FieldType, FormDescription, Validation

_TYPES = {
    "string": FieldType.TEXT,
    "long": FieldType.INTEGER,
    "integer": FieldType.INTEGER,
    "double": FieldType.NUMBER,
    "number": FieldType.NUMBER,
    "boolean": FieldType.BOOLEAN,
    "date": FieldType.DATE,
    "enum": FieldType.CHOICE,
}


def describe_fields(
    form_id: str, fields: tuple[FormField, ...], variables: Mapping[str, Any], business_key_field: str | None
) -> FormDescription:
    described = tuple(_field(field, variables) for field in fields)
    return FormDescription(form_id, described, variables=variables, business_key_field=business_key_field)


def describe_json_schema(form_id: str, text: str, variables: Mapping[str, Any]) -> FormDescription:
    """Raises ValueError when *text* is no JSON schema of an object."""
    schema = json.loads(text)
    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):  # pyright: ignore[reportUnknownMemberType]
        raise ValueError("no JSON schema with properties")
    document = cast(dict[str, Any], schema)
    required = document.get("required", [])
    fields = tuple(
        _property(name, rules, name in required, variables) for name, rules in document["properties"].items()
    )
    return FormDescription(form_id, fields, title=str(document.get("title", "")), variables=variables)


def _field(field: FormField, variables: Mapping[str, Any]) -> FieldDescription:
    rules = field.constraints
    default = variables.get(field.id)
    if default is None and field.default is not None:
        try:
            default = compile_expression(field.default)(variables)
        except ExpressionError:
            default = None
    return FieldDescription(
        id=field.id,
        label=field.label or field.id,
        type=_TYPES.get(field.type, FieldType.TEXT),
        is_required=_is_set(rules, "required"),
        is_readonly=_is_set(rules, "readonly"),
        choices=tuple(Choice(value, label or value) for value, label in field.choices),
        default=default,
        validation=Validation(
            minimum=_limit(rules.get("min")),
            maximum=_limit(rules.get("max")),
            min_length=_count(rules.get("minlength")),
            max_length=_count(rules.get("maxlength")),
        ),
    )


def _property(name: str, rules: Any, is_required: bool, variables: Mapping[str, Any]) -> FieldDescription:
    given: Mapping[str, Any] = cast(Mapping[str, Any], rules) if isinstance(rules, Mapping) else {}
    kind = str(given.get("type", "string"))
    choices = tuple(Choice(str(each), str(each)) for each in given.get("enum", ()))
    field_type = FieldType.CHOICE if choices else _TYPES.get(kind, FieldType.JSON)
    if kind == "string" and given.get("format") in ("date", "date-time"):
        field_type = FieldType.DATE if given["format"] == "date" else FieldType.DATETIME
    return FieldDescription(
        id=name,
        label=str(given.get("title", name)),
        type=field_type,
        is_required=is_required and field_type is not FieldType.BOOLEAN,
        choices=choices,
        default=variables.get(name, given.get("default")),
        description=str(given.get("description", "")),
        validation=Validation(
            minimum=_limit(given.get("minimum")),
            maximum=_limit(given.get("maximum")),
            min_length=_count(given.get("minLength")),
            max_length=_count(given.get("maxLength")),
            pattern=given.get("pattern"),
        ),
        keeps_text=True,
    )


def _is_set(rules: Mapping[str, str], name: str) -> bool:
    """A constraint without a value holds by being there."""
    return name in rules and str(rules[name]).lower() != "false"


def _limit(value: Any) -> str | None:
    try:
        return None if value is None else str(float(value)).removesuffix(".0")
    except (TypeError, ValueError):
        return None


def _count(value: Any) -> int | None:
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError):
        return None
