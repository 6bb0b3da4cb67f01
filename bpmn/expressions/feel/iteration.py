"""Going through lists and ranges: filters, positions, and the scopes of a for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from bpmn.expressions.feel.scope import Local, Scope
from bpmn.expressions.feel.values import Range

Run = Callable[[Scope], Any]


def item_at(target: Any, position: Any) -> Any:
    items = _as_list(target)
    if isinstance(position, bool):
        return items if position else []
    if type(position) is not Decimal or position != position.to_integral_value():
        return None if position is not None else []
    index = int(position)
    if index == 0 or abs(index) > len(items):
        return None
    return items[index - 1] if index > 0 else items[index]


def filtered(target: Any, condition: Run, scope: Scope) -> Any:
    items = _as_list(target)
    scope.run.budget.spend(1 + len(items))
    if not items:
        return [] if type(condition(scope)) is not Decimal else None
    kept: list[Any] = []
    for at, item in enumerate(items):
        verdict = condition(_item_scope(item, scope))
        if at == 0 and type(verdict) is Decimal:
            outer = condition(scope)
            return item_at(items, outer if type(outer) is Decimal else verdict)
        if verdict is True:
            kept.append(item)
    return kept


def _item_scope(item: Any, scope: Scope) -> Local:
    return Local({"item": item, **item} if type(item) is dict else {"item": item}, scope)


def _as_list(value: Any) -> list[Any]:
    if type(value) is list:
        return value
    return [] if value is None else [value]


def walk(iterators: list[tuple[str, Run]], scope: Scope) -> Iterator[Local | None]:
    """One scope for every combination, the last iterator fastest; None where a source is no list."""
    (name, source), *rest = iterators
    items = iterable(source(scope))
    if items is None:
        yield None
        return
    budget = scope.run.budget
    for item in items:
        budget.spend()
        inner = Local({name: item}, scope)
        if rest:
            yield from walk(rest, inner)
        else:
            yield inner


def iterable(value: Any) -> Any:
    """What a for walks: a list, the whole numbers or days of a range, or one value."""
    if type(value) is list or isinstance(value, range):
        return value
    if type(value) is Range:
        return _members(value)
    if value is None or isinstance(value, _Steps):
        return value.items if isinstance(value, _Steps) else None
    return [value]


@dataclass(frozen=True, slots=True)
class _Steps:
    items: Any


def steps(start: Any, end: Any, scope: Scope) -> Any:
    if type(start) is Decimal and type(end) is Decimal:
        first, last = int(start), int(end)
        direction = 1 if last >= first else -1
        return _Steps(map(Decimal, range(first, last + direction, direction)))
    if type(start) is date and type(end) is date:
        return _Steps(_days(start, end))
    return None


def _days(start: date, end: date) -> Iterator[date]:
    step = 1 if end >= start else -1
    for offset in range(0, (end - start).days + step, step):
        yield start + timedelta(days=offset)


def _members(value: Range) -> Any:
    start, end = value.start, value.end
    if type(start) is Decimal and type(end) is Decimal:
        first = int(start) + (0 if value.start_included else 1)
        last = int(end) - (0 if value.end_included else 1)
        return map(Decimal, range(first, last + 1))
    if isinstance(start, date) and not isinstance(start, datetime) and isinstance(end, date):
        days = list(_days(start, end)) if end >= start else []
        return days[0 if value.start_included else 1 : None if value.end_included else -1]
    return None
