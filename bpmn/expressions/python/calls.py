"""The functions and methods that the Python subset may call: an allow-list, each bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from bpmn.expressions.budget import LARGEST, Budget
from bpmn.expressions.errors import ExpressionError, OverBudget, UnsupportedPython
from bpmn.expressions.operators import add, kind_of

_ITERABLE = (list, tuple, str, dict, set, range)
_PLAIN = (str, int, float, bool, Decimal, type(None))
_DIGITS = 1000  # of a number made from, or written as, text


@dataclass(frozen=True, slots=True)
class Function:
    """*call* takes the budget first; *keywords*: what it takes by name."""

    call: Callable[..., Any]
    keywords: frozenset[str] = frozenset()


def _guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(budget: Budget, *arguments: Any, **keywords: Any) -> Any:
        budget.spend()
        try:
            return function(budget, *arguments, **keywords)
        except ExpressionError:
            raise
        except TypeError:
            raise ExpressionError(f"{name}() does not take these arguments.") from None
        except (ValueError, ArithmeticError, InvalidOperation, LookupError) as error:
            raise ExpressionError(f"{name}() has no result for these arguments ({type(error).__name__}).") from None

    return call


def _items(budget: Budget, value: Any) -> Any:
    if not isinstance(value, _ITERABLE):
        raise ExpressionError(f"{kind_of(value).capitalize()} is nothing to go through one by one.")
    budget.grow(len(value))  # pyright: ignore[reportUnknownArgumentType]
    budget.spend(len(value))  # pyright: ignore[reportUnknownArgumentType]
    return value  # pyright: ignore[reportUnknownVariableType]


def _range(budget: Budget, *bounds: int) -> list[int]:
    numbers = range(*bounds)
    if len(numbers) > LARGEST:
        raise OverBudget(f"The expression exceeded its budget: a range of more than {LARGEST} numbers.")
    budget.grow(len(numbers))
    return list(numbers)


def _length(_budget: Budget, value: Any) -> int:
    if isinstance(value, _ITERABLE):
        return len(value)  # pyright: ignore[reportUnknownArgumentType]
    raise ExpressionError(f"{kind_of(value).capitalize()} has no length.")


def _extreme(choose: Callable[..., Any]) -> Callable[..., Any]:
    def call(budget: Budget, *values: Any, **keywords: Any) -> Any:
        return choose(_items(budget, values[0] if len(values) == 1 else values), **keywords)

    return call


def _sum(budget: Budget, values: Any, start: Any = 0) -> Any:
    total = start
    for value in _items(budget, values):
        if not isinstance(value, (int, float, Decimal)):
            raise ExpressionError(f"sum() adds numbers, not {kind_of(value)}.")
        total = add(total, value, budget)
    return total


def _text(budget: Budget, value: Any = "") -> str:
    if isinstance(value, int) and value.bit_length() > 4 * _DIGITS:
        raise OverBudget(f"The expression exceeded its budget: a number of more than {_DIGITS} digits as text.")
    if isinstance(value, (*_PLAIN, date, timedelta)) or hasattr(value, "isoformat"):
        text = str(value)
    else:
        budget.spend(weight(value, budget))
        text = str(value)
    budget.grow(len(text))
    return text


def weight(value: Any, budget: Budget) -> int:
    """How many values *value* is made of; shared parts count each time, as they would in its text."""
    budget.spend()
    if isinstance(value, dict):
        return 1 + sum(weight(entry, budget) for entry in value.values())  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, (list, tuple, set)):
        return 1 + sum(weight(item, budget) for item in value)  # pyright: ignore[reportUnknownVariableType]
    return 1 + len(value) // 16 if isinstance(value, str) else 1


def _integer(_budget: Budget, value: Any = 0, base: int = 10) -> int:
    if isinstance(value, str):
        return int(_short(value), base)
    return int(value)


def _short(text: str) -> str:
    if len(text) > _DIGITS:
        raise OverBudget(f"The expression exceeded its budget: a number of more than {_DIGITS} digits.")
    return text


def _rounded(_budget: Budget, value: Any, digits: int | None = None) -> Any:
    if digits is not None and not -1000 < digits < 1000:
        raise ExpressionError("round() takes a number of digits below 1000.")
    return round(value, digits) if digits is not None else round(value)


def _zipped(budget: Budget, lists: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    return list(zip(*(_items(budget, items) for items in lists), strict=False))


FUNCTIONS: dict[str, Function] = {
    "len": Function(_guarded("len", _length)),
    "min": Function(_guarded("min", _extreme(min)), frozenset(("default",))),
    "max": Function(_guarded("max", _extreme(max)), frozenset(("default",))),
    "sum": Function(_guarded("sum", _sum)),
    "abs": Function(_guarded("abs", lambda budget, value: abs(value))),
    "round": Function(_guarded("round", _rounded)),
    "str": Function(_guarded("str", _text)),
    "int": Function(_guarded("int", _integer)),
    "float": Function(_guarded("float", lambda budget, value=0: float(value))),
    "bool": Function(_guarded("bool", lambda budget, value=False: bool(value))),
    "sorted": Function(
        _guarded("sorted", lambda budget, items, reverse=False: sorted(_items(budget, items), reverse=bool(reverse))),
        frozenset(("reverse",)),
    ),
    "any": Function(_guarded("any", lambda budget, items: any(_items(budget, items)))),
    "all": Function(_guarded("all", lambda budget, items: all(_items(budget, items)))),
    "range": Function(_guarded("range", _range)),
    "list": Function(_guarded("list", lambda budget, items=(): list(_items(budget, items)))),
    "tuple": Function(_guarded("tuple", lambda budget, items=(): tuple(_items(budget, items)))),
    "set": Function(_guarded("set", lambda budget, items=(): set(_items(budget, items)))),
    "dict": Function(_guarded("dict", lambda budget, items=(): dict(_items(budget, items)))),
    "enumerate": Function(
        _guarded("enumerate", lambda budget, items, start=0: list(enumerate(_items(budget, items), start))),
        frozenset(("start",)),
    ),
    "zip": Function(_guarded("zip", lambda budget, *lists: _zipped(budget, lists))),
    "reversed": Function(_guarded("reversed", lambda budget, items: list(reversed(_items(budget, items))))),
}  # fmt: skip


def _joined(budget: Budget, separator: str, texts: Iterable[str]) -> str:
    parts = list(_items(budget, texts))
    budget.grow(sum(len(part) for part in parts) + len(separator) * len(parts))
    return separator.join(parts)


def _replaced(budget: Budget, text: str, old: str, new: str, count: int = -1) -> str:
    times = text.count(old) if count < 0 else min(count, text.count(old))
    budget.grow(len(text) + times * len(new))
    return text.replace(old, new, count)


def _padded(method: Callable[..., str]) -> Callable[..., str]:
    def call(budget: Budget, text: str, width: int, *fill: str) -> str:
        budget.grow(max(len(text), width))
        return method(text, width, *fill)

    return call


def _split(budget: Budget, text: str, separator: str | None = None, limit: int = -1) -> list[str]:
    budget.grow(len(text))
    return text.split(separator, limit)


_TEXT: dict[str, Callable[..., Any]] = {
    "lower": lambda budget, text: text.lower(),
    "upper": lambda budget, text: text.upper(),
    "title": lambda budget, text: text.title(),
    "capitalize": lambda budget, text: text.capitalize(),
    "casefold": lambda budget, text: text.casefold(),
    "strip": lambda budget, text, *characters: text.strip(*characters),
    "lstrip": lambda budget, text, *characters: text.lstrip(*characters),
    "rstrip": lambda budget, text, *characters: text.rstrip(*characters),
    "startswith": lambda budget, text, prefix: text.startswith(prefix),
    "endswith": lambda budget, text, suffix: text.endswith(suffix),
    "removeprefix": lambda budget, text, prefix: text.removeprefix(prefix),
    "removesuffix": lambda budget, text, suffix: text.removesuffix(suffix),
    "find": lambda budget, text, part: text.find(part),
    "count": lambda budget, text, part: text.count(part),
    "index": lambda budget, text, part: text.index(part),
    "isdigit": lambda budget, text: text.isdigit(),
    "isalpha": lambda budget, text: text.isalpha(),
    "isalnum": lambda budget, text: text.isalnum(),
    "isupper": lambda budget, text: text.isupper(),
    "islower": lambda budget, text: text.islower(),
    "split": _split,
    "splitlines": lambda budget, text: text.splitlines(),
    "join": _joined,
    "replace": _replaced,
    "zfill": _padded(str.zfill),
    "ljust": _padded(str.ljust),
    "rjust": _padded(str.rjust),
}
_LIST: dict[str, Callable[..., Any]] = {
    "count": lambda budget, items, item: items.count(item),
    "index": lambda budget, items, item: items.index(item),
    "copy": lambda budget, items: list(_items(budget, items)),
}
_DICT: dict[str, Callable[..., Any]] = {
    "get": lambda budget, entries, key, default=None: entries.get(key, default),
    "keys": lambda budget, entries: list(_items(budget, entries)),
    "values": lambda budget, entries: list(_items(budget, entries).values()),
    "items": lambda budget, entries: list(_items(budget, entries).items()),
    "copy": lambda budget, entries: dict(_items(budget, entries)),
}
_MOMENT: dict[str, Callable[..., Any]] = {
    "isoformat": lambda budget, moment: moment.isoformat(),
    "date": lambda budget, moment: moment.date() if isinstance(moment, datetime) else moment,
    "weekday": lambda budget, moment: moment.weekday(),
}
METHODS = frozenset((*_TEXT, *_LIST, *_DICT, *_MOMENT))


def call_method(value: Any, name: str, arguments: list[Any], budget: Budget) -> Any:
    """Raises ExpressionError for a method that this kind of value has not, naming those it has."""
    match value:
        case str():
            methods = _TEXT
        case list() | tuple():
            methods = _LIST
        case dict():
            methods = _DICT
        case date():
            methods = _MOMENT
        case _:
            methods = {}
    method = methods.get(name)
    if method is None:
        known = ", ".join(sorted(methods)) or "none"
        raise ExpressionError(f"No method '{name}' on {kind_of(value)}. Methods: {known}.")
    return _guarded(name, method)(budget, value, *arguments)


def format_value(value: Any, template: str, conversion: str, budget: Budget) -> str:
    """An f-string's part. Raises ExpressionError for a template that does not fit."""
    if conversion not in ("", "s"):
        raise UnsupportedPython(f"'!{conversion}' in an f-string needs the sandbox.")
    if not template or conversion:
        value = _text(budget, value)
    if not template:
        return value
    if isinstance(value, int) and value.bit_length() > 4 * _DIGITS:
        raise OverBudget(f"The expression exceeded its budget: a number of more than {_DIGITS} digits as text.")
    if not isinstance(value, (*_PLAIN, date)) or len(template) > 50:
        raise ExpressionError(f"{kind_of(value).capitalize()} has no format '{template[:50]}'.")
    widths = "".join(c if c.isdigit() else " " for c in template).split()
    if not isinstance(value, date) and any(int(width) > _DIGITS for width in widths):
        raise OverBudget("The expression exceeded its budget: a format wider than 1000 characters.")
    try:
        return format(value, template)
    except (ValueError, TypeError, OverflowError):
        raise ExpressionError(f"{kind_of(value).capitalize()} has no format '{template}'.") from None
