"""Marks functions as handlers where no engine is at hand: an application's handlers.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from engine.model import Job

Handler = Callable[[Job], Any]
Backoff = Callable[[int], timedelta]
Function = TypeVar("Function", bound=Handler)

_MARK = "__fermata_handlers__"


@dataclass(frozen=True, slots=True)
class Marked:
    """What `@handler` said about a function. *retries*: attempts in all; *timeout*: of one attempt."""

    type: str
    retries: int = 3
    backoff: Backoff | None = None
    timeout: timedelta | None = None


def handler(
    type: str, *, retries: int = 3, backoff: Backoff | None = None, timeout: timedelta | None = None
) -> Callable[[Function], Function]:
    """Declares a function to do jobs of *type*; `handlers_in` finds it. May be given several times."""
    check_retries(retries)

    def mark(function: Function) -> Function:
        marks: tuple[Marked, ...] = getattr(function, _MARK, ())
        setattr(function, _MARK, (*marks, Marked(type, retries, backoff, timeout)))
        return function

    return mark


def handlers_in(namespace: Mapping[str, Any]) -> list[tuple[Marked, Handler]]:
    """The marked functions among the values of *namespace* (`vars(module)`), in order of definition."""
    found: dict[int, tuple[Handler, tuple[Marked, ...]]] = {}
    for value in namespace.values():
        marks: tuple[Marked, ...] = getattr(value, _MARK, ()) if callable(value) else ()
        if marks:
            found.setdefault(id(value), (value, marks))
    return [(mark, function) for function, marks in found.values() for mark in reversed(marks)]


def check_retries(retries: int) -> None:
    if retries < 1:
        raise ValueError(f"retries={retries}: it counts all attempts, so at least 1.")
