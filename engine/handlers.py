"""Marks functions as handlers where no engine is at hand: an application's handlers.py."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from engine.model import Job

Handler = Callable[[Job], Any]
Backoff = Callable[[int], timedelta]
Function = TypeVar("Function", bound=Callable[..., Any])

MARK = "__fermata_handlers__"
MOST_RETRIES = 2**31 - 1

_RATE = re.compile(r"(?P<count>[1-9]\d{0,5})\s*/\s*(?P<number>[1-9]\d{0,5})?\s*(?P<unit>s|min|h)")
_UNITS: Mapping[str, timedelta] = {"s": timedelta(seconds=1), "min": timedelta(minutes=1), "h": timedelta(hours=1)}


@dataclass(frozen=True, slots=True)
class Rate:
    """No more than *count* within any *period*."""

    count: int
    period: timedelta


@dataclass(frozen=True, slots=True)
class HandlerDeclaration:
    """One `@handler` over a function: the options are those of `Engine.handler`."""

    name: str
    function: Handler
    options: Mapping[str, Any]
    file: str


def handler(
    name: str,
    *,
    retries: int = 3,
    backoff: Backoff | None = None,
    timeout: timedelta | None = None,
    save_point: bool | None = None,
    process: bool = False,
    max_concurrent: int | None = None,
    rate: str | None = None,
    exclusive: bool = False,
) -> Callable[[Function], Function]:
    """Marks a module-level function as the handler of job type *name*; `declared_in` finds it.

    The options are those of `Engine.handler`. May stand over one function several times, once for each name.
    """
    check_options(retries, backoff, timeout, max_concurrent, rate)

    def mark(function: Function) -> Function:
        options: dict[str, Any] = {
            "retries": retries,
            "backoff": backoff,
            "timeout": timeout,
            "save_point": save_point,
            "process": process or None,
            "max_concurrent": max_concurrent,
            "rate": rate,
            "exclusive": exclusive or None,
        }
        options = {key: value for key, value in options.items() if value is not None}
        file = function.__code__.co_filename if hasattr(function, "__code__") else ""
        setattr(function, MARK, (*getattr(function, MARK, ()), HandlerDeclaration(name, function, options, file)))
        return function

    return mark


def declared_in(namespace: Mapping[str, Any]) -> list[HandlerDeclaration]:
    """The declarations on the functions among the values of *namespace* (`vars(module)`), in its order."""
    functions = {id(value): value for value in namespace.values() if callable(value)}
    return [declaration for function in functions.values() for declaration in getattr(function, MARK, ())]


def check_options(retries: object, backoff: object, timeout: object, max_concurrent: object, rate: object) -> None:
    """Raises ValueError when one of them is not what a handler can have; all but *retries* may be None."""
    check_retries(retries)
    if backoff is not None and not callable(backoff):
        raise ValueError(
            f"backoff={backoff!r}: it is a function that gives the delay after failed attempt n, like "
            "lambda n: timedelta(minutes=n)."
        )
    if timeout is not None and not (isinstance(timeout, timedelta) and timeout > timedelta()):
        raise ValueError(f"timeout={timeout!r}: it is a timedelta above zero, like timedelta(seconds=30).")
    if max_concurrent is not None and not is_whole(max_concurrent, 1):
        raise ValueError(
            f"max_concurrent={max_concurrent!r}: at least one job must be able to run, and a whole number."
        )
    if rate is not None:
        read_rate(rate)


def check_retries(retries: object) -> None:
    """Raises ValueError when it is no number of attempts."""
    if not is_whole(retries, 1):
        raise ValueError(f"retries={retries!r}: it counts all attempts, so a whole number and at least 1.")


def is_whole(value: object, least: int) -> bool:
    """Whether it is a number of things from *least* on that can be kept."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= MOST_RETRIES


def read_rate(text: object) -> Rate:
    """'10/s', '100/min', '5/30s', '1000/h'. Raises ValueError."""
    match = _RATE.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f'rate=\'{text}\': write how many may begin in which time, like "10/s" or "100/5min".')
    return Rate(int(match["count"]), _UNITS[match["unit"]] * int(match["number"] or 1))
