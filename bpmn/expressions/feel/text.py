"""How FEEL writes a value as text: string(). DMN 1.5, 10.3.4.1."""

from __future__ import annotations

from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

from bpmn.expressions.budget import Budget
from bpmn.expressions.feel.far import Far
from bpmn.expressions.feel.temporal import format_temporal
from bpmn.expressions.feel.values import Function, Range
from bpmn.expressions.values import YearMonthDuration


def text_of(value: Any, budget: Budget) -> str:
    """A text is itself; inside lists and contexts it is quoted."""
    return value if isinstance(value, str) else _written(value, budget)


def _written(value: Any, budget: Budget) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format_number(value)
        case str():
            budget.grow(len(value))
            return _quoted(value)
        case list():
            return _joined("[", [_written(item, budget) for item in value], "]", budget)  # pyright: ignore[reportUnknownVariableType]
        case dict():
            entries = [f"{_key(key)}: {_written(entry, budget)}" for key, entry in value.items()]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            return _joined("{", entries, "}", budget)
        case Range():
            return _written_range(value, budget)
        case date() | Far() | time() | timedelta() | YearMonthDuration():
            return format_temporal(value)
        case Function():
            return f"function({', '.join(value.parameters)})"
        case _:
            return str(value)


def format_number(value: Decimal) -> str:
    """Plain digits without trailing zeros; no exponent unless the number is enormous."""
    if value.adjusted() > 60 or value.adjusted() < -60:
        return str(value)
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _joined(opening: str, parts: list[str], closing: str, budget: Budget) -> str:
    budget.grow(sum(len(part) + 2 for part in parts))
    return opening + ", ".join(parts) + closing


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _key(key: str) -> str:
    return key if key.replace("_", "a").replace(" ", "a").isalnum() and key[:1] not in "0123456789" else _quoted(key)


def _written_range(value: Range, budget: Budget) -> str:
    if value.start is None:
        return f"({'<=' if value.end_included else '<'} {_written(value.end, budget)})"
    if value.end is None:
        return f"({'>=' if value.start_included else '>'} {_written(value.start, budget)})"
    opening = "[" if value.start_included else "("
    closing = "]" if value.end_included else ")"
    return f"{opening}{_written(value.start, budget)}..{_written(value.end, budget)}{closing}"
