"""Properties, indexes, and the methods and functions that JUEL may call: an allow-list, on plain values."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from bpmn.expressions.errors import ExpressionError
from bpmn.expressions.juel.methods import (
    DATE_METHODS,
    LIST_METHODS,
    MAP_METHODS,
    NUMBER_METHODS,
    TEXT_METHODS,
    VALUE_METHODS,
)
from bpmn.expressions.juel.scope import Execution, Scope
from bpmn.expressions.operators import kind_of


def property_of(value: Any, name: str) -> Any:
    """The entry *name* of a map. Raises ExpressionError on anything else."""
    if isinstance(value, Mapping):
        return value.get(name)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if isinstance(value, (list, tuple)) and name.isdecimal():
        return index(value, int(name))
    if isinstance(value, Execution) and name in ("variables", "variablesLocal"):
        return dict(value.variables)
    if isinstance(value, Execution) and name in value.facts:
        return value.facts[name]
    if isinstance(value, (date, datetime)) and name in ("year", "month", "day", "time"):
        return int(value.timestamp() * 1000) if name == "time" and isinstance(value, datetime) else getattr(value, name)
    raise ExpressionError(f"No property '{name}' on {kind_of(value)}.")


def index(value: Any, key: Any) -> Any:
    if value is None or key is None:
        return None
    if isinstance(value, Mapping):
        return value.get(key if isinstance(key, str) else str(key))  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if isinstance(value, (list, tuple, str)) and isinstance(key, (int, float, Decimal)):
        at = int(key)
        return value[at] if 0 <= at < len(value) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    raise ExpressionError(f"{kind_of(value).capitalize()} has no entry by {kind_of(key)}.")


def call_method(value: Any, name: str, arguments: list[Any], scope: Scope) -> Any:
    """Raises ExpressionError for a method that is not on the list, naming those that are."""
    scope.budget.spend()
    if isinstance(value, Execution):
        return _on_execution(value, name, arguments)
    methods = _methods_of(value)
    method = methods.get(name) or _getter(value, name, arguments)
    if method is None:
        known = ", ".join(sorted(methods)) or "none"
        raise ExpressionError(f"No method '{name}' on {kind_of(value)}. Methods: {known}.")
    try:
        return method(scope, value, *arguments)
    except ExpressionError:
        raise
    except TypeError:
        raise ExpressionError(f"'{name}' does not take these arguments.") from None
    except (ValueError, IndexError, OverflowError, ArithmeticError):
        raise ExpressionError(f"'{name}' has no result for these arguments.") from None


def _getter(value: Any, name: str, arguments: list[Any]) -> Callable[..., Any] | None:
    """An entry of a map that stands for an object, by the object's getter."""
    key = name[3:4].lower() + name[4:]
    if name.startswith("get") and not arguments and isinstance(value, Mapping) and key in value:
        return lambda scope, entries: entries[key]
    return None


def _methods_of(value: Any) -> Mapping[str, Callable[..., Any]]:
    match value:
        case str():
            return TEXT_METHODS
        case list() | tuple():
            return LIST_METHODS
        case dict():
            return MAP_METHODS
        case bool():
            return VALUE_METHODS
        case int() | float() | Decimal():
            return NUMBER_METHODS
        case date() | timedelta():
            return DATE_METHODS
        case _:
            return {}


def _on_execution(execution: Execution, name: str, arguments: list[Any]) -> Any:
    match name, arguments:
        case (("getVariable" | "getVariableLocal"), [str(variable)]):
            return execution.variables.get(variable)
        case (("hasVariable" | "hasVariableLocal"), [str(variable)]):
            return variable in execution.variables
        case (("getVariables" | "getVariablesLocal"), []):
            return dict(execution.variables)
        case (("getVariableNames" | "getVariableNamesLocal"), []):
            return sorted(execution.variables)
        case _, [] if (fact := name.removeprefix("get")[:1].lower() + name[4:]) in execution.facts:
            return execution.facts[fact]
        case _:
            raise ExpressionError(f"No method '{name}' on execution. Methods: getVariable, getVariables, hasVariable.")


def call_function(name: str, arguments: list[Any], scope: Scope) -> Any:
    match name, arguments:
        case (("now" | "dateTime"), []):
            if scope.now is None:
                raise ExpressionError(f"'{name}()' has no time here.")
            return scope.now
        case (("S" | "JSON"), [value]):
            return _parsed(value)
        case _:
            raise ExpressionError(f"Unknown function '{name}'. Functions: now(), dateTime(), JSON(value).")


def _parsed(value: Any) -> Any:
    """Spin's JSON(...): a text is the document that it spells, anything else is itself."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise ExpressionError("JSON() was given a text that is no JSON document.") from None
