"""Marks functions as handlers where no engine is at hand: an application's handlers.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from engine.model import Job

Handler = Callable[[Job], Any]
Backoff = Callable[[int], timedelta]
Function = TypeVar("Function", bound=Callable[..., Any])

MARK = "__fermata_handlers__"


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
) -> Callable[[Function], Function]:
    """Marks a module-level function as the handler of job type *name*; `declared_in` finds it.

    May stand over one function several times, once for each name.
    """
    check_retries(retries)

    def mark(function: Function) -> Function:
        options: dict[str, Any] = {
            "retries": retries,
            "backoff": backoff,
            "timeout": timeout,
            "save_point": save_point,
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


def check_retries(retries: int) -> None:
    """Raises ValueError when it is no number of attempts."""
    if retries < 1:
        raise ValueError(f"retries={retries}: it counts all attempts, so at least 1.")
