"""How a built-in function is declared: its name, and its parameters with their types.

    @builtin("substring", "string: string, start position: number, length: number?")
    def substring(text: str, start: Decimal, length: Decimal | None = None) -> str | None: ...

An argument of another type makes the call null, after FEEL's own coercions (a list of one is its item
where no list is asked for, and the other way round). 'number?' may be left out or null; 'any' may be null;
'list*' takes one list or any number of items,
'any*' only items. A name declared twice is overloaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from decimal import Decimal, DecimalException
from typing import TYPE_CHECKING, Any, TypeVar

from bpmn.expressions.feel.far import Far
from bpmn.expressions.feel.values import Function, Range
from bpmn.expressions.values import YearMonthDuration

if TYPE_CHECKING:
    from bpmn.expressions.feel.scope import Globals

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (Decimal,),
    "boolean": (bool,),
    "list": (list,),
    "context": (dict,),
    "date": (date, Far),
    "time": (time,),
    "duration": (timedelta, YearMonthDuration),
    "range": (Range,),
    "function": (Function,),
}
_MISFIT = object()
_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    type: str
    is_optional: bool = False
    takes_rest: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    parameters: tuple[Parameter, ...]
    function: Callable[..., Any]
    wants_run: bool

    @property
    def required(self) -> int:
        return sum(not parameter.is_optional for parameter in self.parameters)

    @property
    def takes_rest(self) -> bool:
        return self.parameters[-1].takes_rest if self.parameters else False

    def fits(self, count: int) -> bool:
        if self.takes_rest:
            return count >= len(self.parameters)
        return self.required <= count <= len(self.parameters)


@dataclass(slots=True)
class Builtin:
    name: str
    signatures: list[Signature] = field(default_factory=list[Signature])

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(parameter.name for parameter in self.signatures[0].parameters)

    def call(self, arguments: list[Any], run: Globals) -> Any:
        count = len(arguments)
        for signature in self.signatures:
            if signature.fits(count):
                result = _invoke(signature, arguments, run)
                if result is not _MISFIT:
                    return result
        return None

    def call_named(self, names: Sequence[str], arguments: list[Any], run: Globals) -> Any:
        given = dict(zip(names, arguments, strict=True))
        for signature in self.signatures:
            known = [parameter.name for parameter in signature.parameters]
            if given.keys() <= set(known) and len(given) >= signature.required:
                result = _invoke(signature, [given.get(name) for name in known], run)
                if result is not _MISFIT:
                    return result
        return None


BUILTINS: dict[str, Builtin] = {}


def builtin(name: str, parameters: str = "", *, wants_run: bool = False) -> Callable[[_F], _F]:
    """Register a function under *name*. *wants_run*: its first argument is the run (budget, now)."""

    def register(function: _F) -> _F:
        signature = Signature(tuple(_parameters(parameters)), function, wants_run)
        BUILTINS.setdefault(name, Builtin(name)).signatures.append(signature)
        return function

    return register


def _parameters(text: str) -> Iterator[Parameter]:
    for part in text.split(",") if text else ():
        name, _, kind = (piece.strip() for piece in part.partition(":"))
        yield Parameter(name, kind.rstrip("?*"), kind.endswith("?"), kind.endswith("*"))


def _invoke(signature: Signature, arguments: list[Any], run: Globals) -> Any:
    parameters = signature.parameters
    if signature.takes_rest:
        fixed = len(parameters) - 1
        rest = arguments[fixed:]
        is_one_list = parameters[-1].type == "list" and len(rest) == 1 and type(rest[0]) is list
        arguments = [*arguments[:fixed], rest[0] if is_one_list else rest]
    fitted: list[Any] = [run] if signature.wants_run else []
    for parameter, argument in zip(parameters, arguments, strict=False):
        value = _fit(argument, parameter.type)
        if value is None and parameter.type != "any" and not (parameter.is_optional and argument is None):
            return _MISFIT
        fitted.append(value)
    try:
        return signature.function(*fitted)
    except (DecimalException, OverflowError):
        return None


def _fit(value: Any, kind: str) -> Any:
    """*value* as the type asked for, None where it is not one."""
    if kind == "any":
        return value
    wanted = _TYPES[kind]
    if isinstance(value, wanted):
        return value
    if kind == "list":
        return None if value is None else [value]
    if type(value) is list and len(value) == 1 and isinstance(value[0], wanted):  # pyright: ignore[reportUnknownArgumentType]
        return value[0]  # pyright: ignore[reportUnknownVariableType]
    return None
