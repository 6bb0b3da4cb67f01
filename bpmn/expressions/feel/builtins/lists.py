"""Lists. DMN 1.5, 10.3.4.4 and 10.3.4.6; duplicate values, partition of Camunda 8."""

from __future__ import annotations

import functools
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bpmn.expressions.feel.builtins.registry import builtin
from bpmn.expressions.feel.values import ARITHMETIC, Function, equal, less

if TYPE_CHECKING:
    from bpmn.expressions.feel.scope import Globals


@builtin("count", "list: list*")
def count(items: list[Any]) -> Decimal:
    return Decimal(len(items))


@builtin("min", "list: list*")
def minimum(items: list[Any]) -> Any:
    return _extreme(items, lambda candidate, best: less(candidate, best))


@builtin("max", "list: list*")
def maximum(items: list[Any]) -> Any:
    return _extreme(items, lambda candidate, best: less(best, candidate))


def _extreme(items: list[Any], is_better: Callable[[Any, Any], bool | None]) -> Any:
    if not items:
        return None
    best = items[0]
    for candidate in items:
        better = is_better(candidate, best)
        if better is None:
            return None
        if better:
            best = candidate
    return best


@builtin("sum", "list: list*")
def total(items: list[Any]) -> Decimal | None:
    numbers = _numbers(items)
    return functools.reduce(ARITHMETIC.add, numbers) if numbers else None


@builtin("product", "list: list*")
def product(items: list[Any]) -> Decimal | None:
    numbers = _numbers(items)
    return functools.reduce(ARITHMETIC.multiply, numbers) if numbers else None


@builtin("mean", "list: list*")
def mean(items: list[Any]) -> Decimal | None:
    numbers = _numbers(items)
    return ARITHMETIC.divide(functools.reduce(ARITHMETIC.add, numbers), Decimal(len(numbers))) if numbers else None


@builtin("median", "list: list*")
def median(items: list[Any]) -> Decimal | None:
    numbers = _numbers(items)
    if not numbers:
        return None
    numbers.sort()
    middle = len(numbers) // 2
    if len(numbers) % 2:
        return numbers[middle]
    return ARITHMETIC.divide(ARITHMETIC.add(numbers[middle - 1], numbers[middle]), Decimal(2))


@builtin("stddev", "list: list*")
def stddev(items: list[Any]) -> Decimal | None:
    """Of a sample: divided by n - 1."""
    numbers = _numbers(items)
    if not numbers or len(numbers) < 2:
        return None
    average = ARITHMETIC.divide(functools.reduce(ARITHMETIC.add, numbers), Decimal(len(numbers)))
    deviations = [ARITHMETIC.subtract(number, average) for number in numbers]
    squares = functools.reduce(ARITHMETIC.add, [ARITHMETIC.multiply(d, d) for d in deviations])
    return ARITHMETIC.sqrt(ARITHMETIC.divide(squares, Decimal(len(numbers) - 1)))


@builtin("mode", "list: list*")
def mode(items: list[Any]) -> list[Decimal] | None:
    numbers = _numbers(items)
    if numbers is None:
        return None
    counts: dict[Decimal, int] = {}
    for number in numbers:
        counts[number] = counts.get(number, 0) + 1
    most = max(counts.values(), default=0)
    return sorted(number for number, times in counts.items() if times == most)


def _numbers(items: list[Any]) -> list[Decimal] | None:
    return list(items) if all(type(item) is Decimal for item in items) else None


@builtin("all", "list: list*")
@builtin("and", "list: list*")
def all_true(items: list[Any]) -> bool | None:
    if any(item is False for item in items):
        return False
    return True if all(item is True for item in items) else None


@builtin("any", "list: list*")
@builtin("or", "list: list*")
def any_true(items: list[Any]) -> bool | None:
    if any(item is True for item in items):
        return True
    return False if all(item is False for item in items) else None


@builtin("list contains", "list: list, element: any", wants_run=True)
def list_contains(run: Globals, items: list[Any], element: Any) -> bool:
    run.budget.spend(len(items))
    return any(equal(item, element, run.budget) is True for item in items)


@builtin("is empty", "list: list")
@builtin("is empty", "context: context")
def is_empty(items: list[Any]) -> bool:
    return not items


@builtin("sublist", "list: list, start position: number, length: number?")
def sublist(items: list[Any], start: Decimal, length: Decimal | None = None) -> list[Any] | None:
    first = int(start)
    if first == 0 or abs(first) > len(items) or (length is not None and length < 1):
        return None
    first = first - 1 if first > 0 else len(items) + first
    if length is None:
        return items[first:]
    return items[first : first + int(length)] if first + int(length) <= len(items) else None


@builtin("append", "list: list, item: any*", wants_run=True)
def append(run: Globals, items: list[Any], more: list[Any]) -> list[Any]:
    run.budget.grow(len(items) + len(more))
    return [*items, *more]


@builtin("concatenate", "lists: list*", wants_run=True)
def concatenate(run: Globals, lists: list[Any]) -> list[Any]:
    joined: list[Any] = []
    for items in lists:
        joined.extend(items if isinstance(items, list) else [items])  # pyright: ignore[reportUnknownArgumentType]
        run.budget.grow(len(joined))
    return joined


@builtin("insert before", "list: list, position: number, newItem: any", wants_run=True)
def insert_before(run: Globals, items: list[Any], position: Decimal, new: Any) -> list[Any] | None:
    at = _index(items, position)
    if at is None:
        return None
    run.budget.grow(len(items))
    return [*items[:at], new, *items[at:]]


@builtin("remove", "list: list, position: number")
def remove(items: list[Any], position: Decimal) -> list[Any] | None:
    at = _index(items, position)
    return None if at is None else [*items[:at], *items[at + 1 :]]


@builtin("list replace", "list: list, position: number, newItem: any")
def list_replace_at(items: list[Any], position: Decimal, new: Any) -> list[Any] | None:
    at = _index(items, position)
    return None if at is None else [*items[:at], new, *items[at + 1 :]]


@builtin("list replace", "list: list, match: function, newItem: any")
def list_replace_matching(items: list[Any], match: Function, new: Any) -> list[Any] | None:
    if len(match.parameters) != 2:
        return None
    replaced: list[Any] = []
    for item in items:
        verdict = match.call(item, new)
        if not isinstance(verdict, bool):
            return None
        replaced.append(new if verdict else item)
    return replaced


def _index(items: list[Any], position: Decimal) -> int | None:
    at = int(position)
    if at == 0 or abs(at) > len(items):
        return None
    return at - 1 if at > 0 else len(items) + at


@builtin("reverse", "list: list")
def reverse(items: list[Any]) -> list[Any]:
    return items[::-1]


@builtin("index of", "list: list, match: any", wants_run=True)
def index_of(run: Globals, items: list[Any], match: Any) -> list[Decimal]:
    run.budget.spend(len(items))
    return [Decimal(at) for at, item in enumerate(items, 1) if equal(item, match, run.budget) is True]


@builtin("union", "lists: list*", wants_run=True)
def union(run: Globals, lists: list[Any]) -> list[Any]:
    return distinct_values(run, concatenate(run, lists))


@builtin("distinct values", "list: list", wants_run=True)
def distinct_values(run: Globals, items: list[Any]) -> list[Any]:
    kept: list[Any] = []
    for item in items:
        if not list_contains(run, kept, item):
            kept.append(item)
    return kept


@builtin("duplicate values", "list: list", wants_run=True)
def duplicate_values(run: Globals, items: list[Any]) -> list[Any]:
    return [item for item in distinct_values(run, items) if len(index_of(run, items, item)) > 1]


@builtin("flatten", "list: list", wants_run=True)
def flatten(run: Globals, items: list[Any]) -> list[Any]:
    flat: list[Any] = []
    for item in items:
        run.budget.spend()
        if isinstance(item, list):
            flat.extend(flatten(run, item))  # pyright: ignore[reportUnknownArgumentType]
        else:
            flat.append(item)
    run.budget.grow(len(flat))
    return flat


@builtin("partition", "list: list, size: number")
def partition(items: list[Any], size: Decimal) -> list[list[Any]] | None:
    width = int(size)
    return [items[at : at + width] for at in range(0, len(items), width)] if width > 0 else None


@builtin("sort", "list: list, precedes: function?", wants_run=True)
def sort(run: Globals, items: list[Any], precedes: Function | None = None) -> list[Any] | None:
    if precedes is not None and len(precedes.parameters) != 2:
        return None

    def order(left: Any, right: Any) -> int:
        run.budget.spend()
        comes_first = precedes.call if precedes is not None else less
        if comes_first(left, right):
            return -1
        return 1 if comes_first(right, left) else 0

    return sorted(items, key=functools.cmp_to_key(order))
