"""A form as it is first shown to whoever fills it in: what stands in its fields already."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from engine.forms.description import FormDescription


def left_as_shown(form: FormDescription | None, typed: Mapping[str, str]) -> dict[str, str]:
    """All that is sent when only *typed* has been typed: the other fields as they were shown."""
    fields = form.fields if form else ()
    shown = {each.id: as_typed(each.default) for each in fields if each.is_input and not each.is_readonly}
    return {name: text for name, text in shown.items() if text} | dict(typed)


def as_typed(value: Any) -> str:
    """A variable's value as the control for it sends it."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat(timespec="minutes")[:16]
        case date() | time():
            return value.isoformat()
        case list() | dict():
            return json.dumps(value, ensure_ascii=False, indent=2, default=str)
        case _:
            return str(value)
