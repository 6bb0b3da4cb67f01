"""Camunda 7's forms: a key, a deployed form, or fields in the diagram, also as Activiti wrote them."""

from __future__ import annotations

from bpmn.dialects.base import Adapter
from bpmn.document import Element
from bpmn.model import Form, FormField


def read_form(adapter: Adapter, element: Element) -> Form | None:
    data = element.extension("camunda:formData")
    fields = [_field(adapter, part) for part in data.parts("camunda:formField")] if data is not None else []
    fields += [_property_field(adapter, part) for part in element.extensions("camunda:formProperty")]
    key, form_id = element.get("camunda:formKey"), element.get("camunda:formRef")
    if not (key or form_id or fields):
        return None
    version = element.get("camunda:formRefVersion")
    return Form(
        key=key or None,
        form_id=form_id or None,
        version_binding=element.get("camunda:formRefBinding") or "latest",
        version=adapter.value(version, element.line) if version else None,
        fields=tuple(fields),
        business_key_field=(data.get("businessKey") or None) if data is not None else None,
    )


def _field(adapter: Adapter, part: Element) -> FormField:
    validation = part.part("camunda:validation")
    constraints = validation.parts("camunda:constraint") if validation is not None else []
    return FormField(
        part.get("id"),
        part.get("label"),
        part.get("type") or "string",
        adapter.value(part.get("defaultValue"), part.line) if part.get("defaultValue") else None,
        _choices(part),
        {constraint.get("name"): constraint.get("config") for constraint in constraints},
        part.get("datePattern") or None,
        part.line,
    )


def _property_field(adapter: Adapter, part: Element) -> FormField:
    """Activiti's older way to write a form field."""
    default = part.get("default") or part.get("expression")
    return FormField(
        part.get("variable") or part.get("id"),
        part.get("name"),
        part.get("type") or "string",
        adapter.value(default, part.line) if default else None,
        _choices(part),
        {"required": "true"} if part.flag("required") else {},
        part.get("datePattern") or None,
        part.line,
    )


def _choices(part: Element) -> tuple[tuple[str, str], ...]:
    return tuple((choice.get("id"), choice.get("name")) for choice in part.parts("camunda:value"))
