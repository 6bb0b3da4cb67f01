"""The methods on plain values that diagrams call, as Java spells them. Each takes (scope, value, arguments...)."""

from __future__ import annotations

import json
from calendar import monthrange
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from bpmn.expressions.errors import ExpressionError, OverBudget
from bpmn.expressions.feel.builtins.patterns import compiled_pattern, replaced
from bpmn.expressions.juel.coerce import as_number, as_text, is_equal
from bpmn.expressions.juel.scope import Scope

Methods = dict[str, Callable[..., Any]]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ExpressionError("Expected a text as argument.")
    return value


def _grown(scope: Scope, text: str) -> str:
    scope.budget.grow(len(text))
    return text


def _bounded(text: str, start: Any, end: Any = None) -> str:
    first, last = int(start), len(text) if end is None else int(end)
    if not 0 <= first <= last <= len(text):
        raise ExpressionError(f"substring({first}, {last}) lies outside a text of {len(text)} characters.")
    return text[first:last]


def _replace(scope: Scope, text: str, old: Any, new: Any) -> str:
    grows = len(_text(new)) * (text.count(_text(old)) if old else len(text) + 1)
    scope.budget.grow(len(text) + grows)
    return text.replace(old, new)


def _pattern(pattern: Any) -> Any:
    compiled = compiled_pattern(_text(pattern), None)
    if compiled is None:
        raise ExpressionError("Not a regular expression that is supported here.")
    return compiled


def _replace_all(scope: Scope, text: str, pattern: Any, new: Any) -> str:
    result = replaced(_pattern(pattern), _text(new), text, is_literal=False, budget=scope.budget)
    if result is None:
        raise ExpressionError("A replacement has groups as $1; write a dollar sign as \\$.")
    return result


def _timed(operation: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return operation(*arguments, timeout=1.0)
    except TimeoutError:
        raise OverBudget("A regular expression exceeded its budget of one second. Simplify the pattern.") from None


def _item(items: Any, at: Any) -> Any:
    position = int(at)
    if not 0 <= position < len(items):
        raise ExpressionError(f"get({position}) lies outside a list of {len(items)} items.")
    return items[position]


def _position(items: Any, wanted: Any) -> int:
    return next((at for at, item in enumerate(items) if is_equal(item, wanted)), -1)


def _to_json(scope: Scope, value: Any) -> str:
    return _grown(scope, json.dumps(value, default=as_text))


def _moved(moment: Any, **by: Any) -> Any:
    return moment + timedelta(**{unit: int(as_number(amount)) for unit, amount in by.items()})


def _moved_months(moment: Any, months: int) -> Any:
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))


def _milliseconds(moment: Any) -> int:
    return int(moment.timestamp() * 1000) if isinstance(moment, datetime) else 0


def _compared(left: Any, right: Any) -> int:
    return (left > right) - (left < right)


VALUE_METHODS: Methods = {
    "toString": lambda scope, value: _grown(scope, as_text(value)),
    "equals": lambda scope, value, other: type(value) is type(other) and is_equal(value, other),
    "booleanValue": lambda scope, value: value,
    "boolValue": lambda scope, value: value,
    "value": lambda scope, value: value,
    "isNull": lambda scope, value: value is None,
}
NUMBER_METHODS: Methods = {
    **VALUE_METHODS,
    "equals": lambda scope, value, other: is_equal(value, other),
    "intValue": lambda scope, value: int(value),
    "longValue": lambda scope, value: int(value),
    "doubleValue": lambda scope, value: float(value),
    "numberValue": lambda scope, value: value,
    "compareTo": lambda scope, value, other: _compared(value, as_number(other)),
}
TEXT_METHODS: Methods = {
    **VALUE_METHODS,
    "contains": lambda scope, text, part: _text(part) in text,
    "startsWith": lambda scope, text, part: text.startswith(_text(part)),
    "endsWith": lambda scope, text, part: text.endswith(_text(part)),
    "equalsIgnoreCase": lambda scope, text, other: isinstance(other, str) and text.casefold() == other.casefold(),
    "compareTo": lambda scope, text, other: _compared(text, _text(other)),
    "length": lambda scope, text: len(text),
    "isEmpty": lambda scope, text: not text,
    "isBlank": lambda scope, text: not text.strip(),
    "toLowerCase": lambda scope, text: text.lower(),
    "toUpperCase": lambda scope, text: text.upper(),
    "trim": lambda scope, text: text.strip(),
    "strip": lambda scope, text: text.strip(),
    "substring": lambda scope, text, start, end=None: _bounded(text, start, end),
    "indexOf": lambda scope, text, part: text.find(_text(part)),
    "lastIndexOf": lambda scope, text, part: text.rfind(_text(part)),
    "charAt": lambda scope, text, at: _bounded(text, at, int(at) + 1),
    "concat": lambda scope, text, other: _grown(scope, text + as_text(other)),
    "replace": _replace,
    "replaceAll": lambda scope, text, pattern, new: _replace_all(scope, text, pattern, new),
    "split": lambda scope, text, pattern: _timed(_pattern(pattern).split, text),
    "matches": lambda scope, text, pattern: _timed(_pattern(pattern).fullmatch, text) is not None,
    "stringValue": lambda scope, text: text,
}
LIST_METHODS: Methods = {
    **VALUE_METHODS,
    "size": lambda scope, items: len(items),
    "isEmpty": lambda scope, items: not items,
    "contains": lambda scope, items, item: _position(items, item) >= 0,
    "containsAll": lambda scope, items, others: all(_position(items, other) >= 0 for other in others),
    "get": lambda scope, items, at: _item(items, at),
    "indexOf": lambda scope, items, item: _position(items, item),
    "elements": lambda scope, items: list(items),
}
MAP_METHODS: Methods = {
    **VALUE_METHODS,
    "size": lambda scope, entries: len(entries),
    "isEmpty": lambda scope, entries: not entries,
    "get": lambda scope, entries, key: entries.get(key),
    "getOrDefault": lambda scope, entries, key, default: entries.get(key, default),
    "containsKey": lambda scope, entries, key: key in entries,
    "containsValue": lambda scope, entries, value: _position(entries.values(), value) >= 0,
    "keySet": lambda scope, entries: list(entries),
    "values": lambda scope, entries: list(entries.values()),
    "prop": lambda scope, entries, key: entries.get(key),
    "hasProp": lambda scope, entries, key: key in entries,
    "toString": _to_json,
}
DATE_METHODS: Methods = {
    **VALUE_METHODS,
    "getTime": lambda scope, moment: _milliseconds(moment),
    "toDate": lambda scope, moment: moment,
    "toInstant": lambda scope, moment: moment,
    "isBefore": lambda scope, moment, other: moment < other,
    "isAfter": lambda scope, moment, other: moment > other,
    "before": lambda scope, moment, other: moment < other,
    "after": lambda scope, moment, other: moment > other,
    "compareTo": lambda scope, moment, other: _compared(moment, other),
    "plusYears": lambda scope, moment, count: _moved_months(moment, 12 * int(count)),
    "plusMonths": lambda scope, moment, count: _moved_months(moment, int(count)),
    "plusWeeks": lambda scope, moment, count: _moved(moment, weeks=count),
    "plusDays": lambda scope, moment, count: _moved(moment, days=count),
    "plusHours": lambda scope, moment, count: _moved(moment, hours=count),
    "plusMinutes": lambda scope, moment, count: _moved(moment, minutes=count),
    "plusSeconds": lambda scope, moment, count: _moved(moment, seconds=count),
    "minusYears": lambda scope, moment, count: _moved_months(moment, -12 * int(count)),
    "minusMonths": lambda scope, moment, count: _moved_months(moment, -int(count)),
    "minusWeeks": lambda scope, moment, count: _moved(moment, weeks=-int(count)),
    "minusDays": lambda scope, moment, count: _moved(moment, days=-int(count)),
    "minusHours": lambda scope, moment, count: _moved(moment, hours=-int(count)),
    "minusMinutes": lambda scope, moment, count: _moved(moment, minutes=-int(count)),
    "minusSeconds": lambda scope, moment, count: _moved(moment, seconds=-int(count)),
}
