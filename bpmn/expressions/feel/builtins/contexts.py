"""Contexts and what is about presence. DMN 1.5, 10.3.4.10; get or else, is defined, assert of Camunda 8."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bpmn.expressions.feel.builtins.registry import builtin
from bpmn.expressions.feel.values import equal

if TYPE_CHECKING:
    from bpmn.expressions.feel.scope import Globals


@builtin("not", "negand: any")
def negation(value: Any) -> bool | None:
    return not value if isinstance(value, bool) else None


@builtin("get value", "m: context, key: any")
@builtin("get value", "context: context, key: any")
@builtin("get value", "context: context, keys: any")
def get_value(context: dict[str, Any], key: Any) -> Any:
    if isinstance(key, list):
        return _at_path(context, key)  # pyright: ignore[reportUnknownArgumentType]
    return context.get(key) if isinstance(key, str) else None


@builtin("get entries", "m: context")
@builtin("get entries", "context: context")
def get_entries(context: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value} for key, value in context.items()]


@builtin("context", "entries: list")
def context_of(entries: list[Any]) -> dict[str, Any] | None:
    made: dict[str, Any] = {}
    for entry in entries:
        if not isinstance(entry, dict) or "value" not in entry:
            return None
        key: Any = entry.get("key")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if not isinstance(key, str) or key in made:
            return None
        made[key] = entry["value"]
    return made


@builtin("context put", "context: context, key: any, value: any")
@builtin("context put", "context: context, keys: any, value: any")
def context_put(context: dict[str, Any], key: Any, value: Any) -> dict[str, Any] | None:
    if isinstance(key, str):
        return {**context, key: value}
    if isinstance(key, list) and key and all(isinstance(step, str) for step in key):  # pyright: ignore[reportUnknownVariableType]
        return _put_at(context, key, value)  # pyright: ignore[reportUnknownArgumentType]
    return None


@builtin("put", "context: context, key: string, value: any")
def put(context: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    return {**context, key: value}


@builtin("context merge", "contexts: list*", wants_run=True)
@builtin("put all", "contexts: list*", wants_run=True)
def context_merge(run: Globals, contexts: list[Any]) -> dict[str, Any] | None:
    merged: dict[str, Any] = {}
    for context in contexts:
        if not isinstance(context, dict):
            return None
        merged.update(context)  # pyright: ignore[reportUnknownArgumentType]
        run.budget.grow(len(merged))
    return merged


@builtin("is", "value1: any, value2: any", wants_run=True)
def is_same(run: Globals, left: Any, right: Any) -> bool:
    """Equal, and of the same type, a zone spelled otherwise included."""
    if type(left) is not type(right):
        return False
    zones = [value.utcoffset() if hasattr(value, "utcoffset") else None for value in (left, right)]
    return zones[0] == zones[1] and bool(equal(left, right, run.budget))


@builtin("get or else", "value: any, default: any")
def get_or_else(value: Any, default: Any) -> Any:
    return default if value is None else value


@builtin("assert", "value: any, condition: any")
@builtin("assert", "value: any, condition: any, cause: any")
def assert_that(value: Any, condition: Any, _cause: Any = None) -> Any:
    return value if condition is True else None


def _at_path(value: Any, keys: list[Any]) -> Any:
    for key in keys:
        if not isinstance(value, dict) or not isinstance(key, str):
            return None
        value = value.get(key)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return value  # pyright: ignore[reportUnknownVariableType]


def _put_at(context: dict[str, Any], keys: list[str], value: Any) -> dict[str, Any] | None:
    first, *rest = keys
    if not rest:
        return {**context, first: value}
    inner = context.get(first, {})
    if not isinstance(inner, dict):
        return None
    changed = _put_at(inner, rest, value)  # pyright: ignore[reportUnknownArgumentType]
    return None if changed is None else {**context, first: changed}
