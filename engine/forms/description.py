"""A form as the engine hands it out, without a trace of where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class FieldType(StrEnum):
    TEXT = "text"
    LONG_TEXT = "long_text"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DATE = "date"  # typed as 2026-01-31
    TIME = "time"  # typed as 14:30
    DATETIME = "datetime"  # typed as 2026-01-31T14:30
    CHOICE = "choice"
    CHOICES = "choices"  # typed as a JSON list, or one value a line
    JSON = "json"
    STATIC = "static"  # text to read, nothing to fill in


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Validation:
    """What a value must keep to; None: anything. *pattern*: a regular expression found in the text."""

    minimum: str | None = None
    maximum: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    message: str | None = None
    decimals: int | None = None
    kind: str | None = None  # email, phone


@dataclass(frozen=True, slots=True)
class FieldDescription:
    """*id*: the variable; 'a.b' sets b in variable a. *default*: what to show at first, as a variable's value.

    *label* of a static field is its text. *hidden_when*: FEEL over the variables and what was typed.
    *keeps_text*: dates stay ISO 8601 text in the variable (form-js), else they become dates.
    """

    id: str
    label: str
    type: FieldType
    is_required: bool = False
    is_readonly: bool = False
    choices: tuple[Choice, ...] = ()
    default: Any = None
    description: str = ""
    validation: Validation = field(default_factory=Validation)
    hidden_when: str | None = None
    keeps_text: bool = False
    group: str = ""

    @property
    def is_input(self) -> bool:
        return self.type is not FieldType.STATIC


@dataclass(frozen=True, slots=True)
class FormDescription:
    """*schema*: the form-js document where the form is one, for its viewer. *variables*: it was filled with."""

    id: str
    fields: tuple[FieldDescription, ...]
    title: str = ""
    schema: Mapping[str, Any] | None = None
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    business_key_field: str | None = None
