"""The form that a person fills in: fields in the diagram, a form of its own, or somebody else's page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bpmn.model import Expression

EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class FormField:
    """*type*: string, long, double, boolean, date, enum. *choices*: (id, label) of an enum."""

    id: str
    label: str = ""
    type: str = "string"
    default: Expression | None = None
    choices: tuple[tuple[str, str], ...] = ()
    constraints: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    date_pattern: str | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Form:
    """*key*: an external form's key; *form_id*: id of a deployed form-js form; *schema*: embedded form-js
    JSON; *fields*: generated form fields. *json_schema*/*ui_schema*: file names (SpiffWorkflow)."""

    key: str | None = None
    form_id: str | None = None
    version_binding: str = "latest"
    version: Expression | None = None
    schema: str | None = None
    fields: tuple[FormField, ...] = ()
    business_key_field: str | None = None
    json_schema: str | None = None
    ui_schema: str | None = None
