"""XPath 1.0 with BPMN's functions for data (10.4.3): the part that conditions are written in.

`bpmn:getDataObject('approved')` is the variable of that name. What stands behind a '/' is an entry of it.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from bpmn.expressions.budget import Budget
from bpmn.expressions.errors import ExpressionError

Variables = Mapping[str, Any]
Run = Callable[[Variables], Any]

_DATA: Final = r"get(DataObject|DataInput|DataOutput|ProcessProperty)"
_IS_XPATH: Final = re.compile(rf"(?<![\w.]){_DATA}\s*\(\s*['\"]")
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<text>'[^']*'|"[^"]*")|(?P<number>\d+(?:\.\d*)?|\.\d+)"""
    r"""|(?P<name>[^\W\d][\w.-]*(?::[^\W\d][\w.-]*)?)|(?P<sign>!=|<=|>=|[=<>+*/(),-]))"""
)
_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_LEVELS: Final = (("or",), ("and",), ("=", "!="), ("<", "<=", ">", ">="), ("+", "-"), ("*", "div", "mod"))
_NAN: Final = float("nan")


def is_xpath(text: str) -> bool:
    """Whether *text* calls a function that only BPMN's XPath has."""
    return _IS_XPATH.search(text) is not None


def compile_xpath(text: str) -> Callable[[Variables, datetime | None], Any]:
    """Raises ExpressionError for what is no XPath, or more of it than is run."""
    try:
        run = _Parser(text).whole()
    except RecursionError:
        raise ExpressionError("The expression is nested too deeply. Split it into smaller ones.") from None
    return lambda variables, now: run(variables)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._scan())
        self._at = 0

    def whole(self) -> Run:
        run = self._binary(0)
        kind, _, position = self._tokens[self._at]
        if kind != "end":
            raise ExpressionError("Not XPath: the expression ends before this.", position=position)
        return run

    def _scan(self) -> list[tuple[str, str, int]]:
        """(kind, text, position) of each token, 'end' being the last."""
        found: list[tuple[str, str, int]] = []
        at, end = 0, len(self._text.rstrip())
        while at < end:
            match = _TOKEN.match(self._text, at)
            if match is None:
                raise ExpressionError("Not XPath.", position=at)
            kind = match.lastgroup or ""
            found.append((kind, match[kind], match.start(kind)))
            at = match.end()
        return [*found, ("end", "", end)]

    def _binary(self, level: int) -> Run:
        if level == len(_LEVELS):
            return self._signed()
        left = self._binary(level + 1)
        while (sign := self._tokens[self._at][1]) in _LEVELS[level] and self._tokens[self._at][0] != "text":
            self._at += 1
            left = _combined(sign, left, self._binary(level + 1))
        return left

    def _signed(self) -> Run:
        if not self._skip("-"):
            return self._path()
        value = self._signed()
        return lambda variables: -as_number(value(variables))

    def _path(self) -> Run:
        value = self._primary()
        while self._skip("/"):
            kind, name, position = self._next()
            if kind != "name":
                raise ExpressionError("Not XPath: a name is expected here.", position=position)
            value = _entry(value, name.rpartition(":")[2])
        return value

    def _primary(self) -> Run:
        kind, text, position = self._next()
        match kind:
            case "text":
                return lambda variables: text[1:-1]
            case "number":
                return lambda variables: Decimal(text)
            case "name" if self._skip("("):
                return self._call(text.rpartition(":")[2], position)
            case "sign" if text == "(":
                value = self._binary(0)
                self._expect(")")
                return value
            case _:
                message = "Not XPath that is run here: a text, a number or a function such as getDataObject('x')"
                raise ExpressionError(f"{message} is expected.", position=position)

    def _call(self, name: str, position: int) -> Run:
        arguments: list[Run] = []
        first = self._at
        if not self._skip(")"):
            arguments.append(self._binary(0))
            while self._skip(","):
                arguments.append(self._binary(0))
            self._expect(")")
        if re.fullmatch(_DATA, name):
            return self._data(name, first, position)
        function, fewest, most = _FUNCTIONS.get(name, (None, 0, 0))
        if function is None:
            known = ", ".join(["getDataObject", *_FUNCTIONS])
            raise ExpressionError(
                f"The XPath function '{name}' is not run here. There are: {known}.", position=position
            )
        if not fewest <= len(arguments) <= most:
            raise ExpressionError(f"'{name}' is called with {len(arguments)} arguments.", position=position)
        return lambda variables: function(*(argument(variables) for argument in arguments))

    def _data(self, name: str, first: int, position: int) -> Run:
        """The last argument names the data; one before it would name the process, which is this one."""
        written = [token for token in self._tokens[first : self._at - 1] if token[1] != ","]
        if not 1 <= len(written) <= 2 or any(kind != "text" for kind, _, _ in written):
            raise ExpressionError(f"{name} takes the name of the data, as in {name}('x').", position=position)
        variable = written[-1][1][1:-1]
        return lambda variables: variables.get(variable)

    def _next(self) -> tuple[str, str, int]:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _skip(self, sign: str) -> bool:
        if self._tokens[self._at][:2] != ("sign", sign):
            return False
        self._at += 1
        return True

    def _expect(self, sign: str) -> None:
        if not self._skip(sign):
            raise ExpressionError(f"Not XPath: '{sign}' is expected here.", position=self._tokens[self._at][2])


def _combined(sign: str, left: Run, right: Run) -> Run:
    if sign == "or":
        return lambda variables: as_boolean(left(variables)) or as_boolean(right(variables))
    if sign == "and":
        return lambda variables: as_boolean(left(variables)) and as_boolean(right(variables))
    if sign in _COMPARISONS:
        return lambda variables: _compare(sign, left(variables), right(variables))
    return lambda variables: _calculate(sign, as_number(left(variables)), as_number(right(variables)))


def _entry(value: Run, name: str) -> Run:
    def entry(variables: Variables) -> Any:
        holder = value(variables)
        return holder.get(name) if isinstance(holder, Mapping) else None  # pyright: ignore[reportUnknownVariableType]

    return entry


def _compare(sign: str, left: Any, right: Any) -> bool:
    """XPath 1.0, 3.4: something holds for a collection when it holds for one of its items, never for no data."""
    for mine, other, swapped in ((left, right, False), (right, left, True)):
        if mine is None:
            return isinstance(other, bool) and _COMPARISONS[sign](*(other, False) if swapped else (False, other))
        if isinstance(mine, list | tuple):
            items: Any = mine
            return any(_compare(sign, *(other, item) if swapped else (item, other)) for item in items)
    pair = (left, right)
    is_equality = sign in ("=", "!=")
    if is_equality and any(isinstance(value, str) for value in pair) and not any(map(_is_number, pair)):
        return _COMPARISONS[sign](as_text(left), as_text(right))  # data has a text, also where it is typed
    if is_equality and any(isinstance(value, bool | Mapping) for value in pair):
        return _COMPARISONS[sign](as_boolean(left), as_boolean(right))
    numbers = (as_number(left), as_number(right))
    if any(isinstance(number, float) for number in numbers):
        return sign == "!="
    return _COMPARISONS[sign](*numbers)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _calculate(sign: str, left: Decimal | float, right: Decimal | float) -> Decimal | float:
    if isinstance(left, float) or isinstance(right, float):  # only where one is no number
        return _NAN
    match sign:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case _ if right == 0:
            return _NAN
        case "div":
            return left / right
        case _:
            return left % right


def as_boolean(value: Any) -> bool:
    """XPath 1.0, 4.3: a number but 0, a text but '', any data that is there."""
    return value == value and bool(value) if isinstance(value, int | float | Decimal) else value not in (None, "", [])


def as_number(value: Any) -> Decimal | float:
    """Not-a-number (a float) for what spells none."""
    if isinstance(value, bool | int | Decimal):
        return Decimal(value)
    if isinstance(value, float) and math.isfinite(value):
        return Decimal(str(value))
    if isinstance(value, str) and re.fullmatch(r"\s*-?(\d+(\.\d*)?|\.\d+)\s*", value):
        return Decimal(value.strip())
    return _NAN


def as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _concat(*parts: Any) -> str:
    joined = "".join(map(as_text, parts))
    Budget().grow(len(joined))
    return joined


def _count(value: Any) -> Decimal:
    items: Any = value
    return Decimal(len(items) if isinstance(items, list | tuple) else items is not None)


# function, fewest and most arguments
_FUNCTIONS: Final[Mapping[str, tuple[Callable[..., Any], int, int]]] = {
    "not": (lambda value: not as_boolean(value), 1, 1),
    "true": (lambda: True, 0, 0),
    "false": (lambda: False, 0, 0),
    "boolean": (as_boolean, 1, 1),
    "number": (as_number, 1, 1),
    "string": (as_text, 1, 1),
    "concat": (_concat, 2, 100),
    "contains": (lambda text, part: as_text(part) in as_text(text), 2, 2),
    "starts-with": (lambda text, part: as_text(text).startswith(as_text(part)), 2, 2),
    "string-length": (lambda text: Decimal(len(as_text(text))), 1, 1),
    "count": (_count, 1, 1),
}
