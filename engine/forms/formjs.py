"""Form-js documents (.form files and embedded ones) as neutral descriptions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from engine.forms.description import Choice, FieldDescription, FieldType, FormDescription, Validation
from engine.forms.values import evaluate, get_path, rendered

_TYPES = {
    "textfield": FieldType.TEXT,
    "textarea": FieldType.LONG_TEXT,
    "number": FieldType.NUMBER,
    "checkbox": FieldType.BOOLEAN,
    "select": FieldType.CHOICE,
    "radio": FieldType.CHOICE,
    "checklist": FieldType.CHOICES,
    "taglist": FieldType.CHOICES,
    "text": FieldType.STATIC,
    "html": FieldType.STATIC,
    "dynamiclist": FieldType.JSON,
    "filepicker": FieldType.JSON,
}
_CONTAINERS = ("group", "default")
_DATE_TYPES = {"date": FieldType.DATE, "time": FieldType.TIME, "datetime": FieldType.DATETIME}

Component = Mapping[str, Any]


def describe_formjs(text: str, variables: Mapping[str, Any]) -> FormDescription:
    """Raises ValueError when *text* is no form-js document."""
    document = json.loads(text)
    if not isinstance(document, dict) or not isinstance(document.get("components"), list):  # pyright: ignore[reportUnknownMemberType]
        raise ValueError("no form-js document")
    schema = cast(dict[str, Any], document)
    fields = tuple(_fields(schema["components"], variables, "", ""))
    return FormDescription(str(schema.get("id", "")), fields, schema=schema, variables=variables)


def _fields(
    components: list[Component], variables: Mapping[str, Any], path: str, group: str
) -> Iterator[FieldDescription]:
    for component in components:
        kind = str(component.get("type", ""))
        if kind in _CONTAINERS:
            inner = f"{path}{component['path']}." if component.get("path") else path
            label = _text(component.get("label"), variables)
            yield from _fields(component.get("components", []), variables, inner, label or group)
        elif kind in _TYPES or kind == "datetime":
            yield _field(component, kind, variables, path, group)


def _field(component: Component, kind: str, variables: Mapping[str, Any], path: str, group: str) -> FieldDescription:
    rules: Mapping[str, Any] = component.get("validate") or {}
    field_type = _DATE_TYPES.get(str(component.get("subtype", "date")), FieldType.DATE)
    field_type = _TYPES.get(kind, field_type)
    field_id = path + str(component.get("key") or component.get("id", ""))
    known = get_path(variables, field_id)
    label = component.get("dateLabel") or component.get("timeLabel") if kind == "datetime" else None
    return FieldDescription(
        id=field_id,
        label=_text(component.get("label") or label or component.get("text") or component.get("content"), variables),
        type=field_type,
        is_required=rules.get("required") is True,
        is_readonly=_is_true(component.get("readonly"), variables) or _is_true(component.get("disabled"), variables),
        choices=_choices(component, variables),
        default=component.get("defaultValue") if known is None else known,
        description=_text(component.get("description"), variables),
        validation=_validation(component, rules),
        hidden_when=(component.get("conditional") or {}).get("hide"),
        keeps_text=True,
        group=group,
    )


def _validation(component: Component, rules: Mapping[str, Any]) -> Validation:
    """Limits given by expressions are the browser's to check."""
    return Validation(
        minimum=_number(rules.get("min")),
        maximum=_number(rules.get("max")),
        min_length=_integer(rules.get("minLength")),
        max_length=_integer(rules.get("maxLength")),
        pattern=str(rules["pattern"]) if rules.get("pattern") else None,
        message=rules.get("patternErrorMessage"),
        decimals=_integer(component.get("decimalDigits")),
        kind=rules.get("validationType") if rules.get("validationType") in ("email", "phone") else None,
    )


def _choices(component: Component, variables: Mapping[str, Any]) -> tuple[Choice, ...]:
    """Static values, or a variable's or expression's."""
    values: Any = component.get("values")
    if component.get("valuesKey"):
        values = get_path(variables, str(component["valuesKey"]))
    elif component.get("valuesExpression"):
        values = evaluate(str(component["valuesExpression"]), variables)
    if not isinstance(values, list):
        return ()
    return tuple(_choice(each) for each in cast(list[Any], values))


def _choice(value: Any) -> Choice:
    if isinstance(value, Mapping):
        entry = cast(Mapping[str, Any], value)
        given = str(entry.get("value", ""))
        return Choice(given, str(entry.get("label", given)))
    return Choice(str(value), str(value))


def _text(value: Any, variables: Mapping[str, Any]) -> str:
    return rendered(value, variables) if isinstance(value, str) else ""


def _is_true(value: Any, variables: Mapping[str, Any]) -> bool:
    return value is True or (isinstance(value, str) and evaluate(value, variables) is True)


def _number(value: Any) -> str | None:
    try:
        return None if value is None or value == "" else str(float(value)).removesuffix(".0")
    except (TypeError, ValueError):
        return None


def _integer(value: Any) -> int | None:
    try:
        return None if value is None or value == "" else int(value)
    except (TypeError, ValueError):
        return None
