"""Long lists in pages: a cursor names the record that the page before ended with, so nothing shifts in between."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from engine.searching import Condition, Operator, Search
from webapp.areas.api.problems import Refusal
from webapp.areas.api.records import Listed, Paged

Record = TypeVar("Record")
Model = TypeVar("Model")


def search(query: Paged, *conditions: Condition | None, newest_first: bool = False) -> Search:
    """By id, which sorts by time; one more than asked for, to see whether there is a next page."""
    wanted = [each for each in conditions if each is not None]
    if (after := read_cursor(query.cursor)) is not None:
        wanted.append(Condition("id", after, Operator.LESS if newest_first else Operator.GREATER))
    return Search(tuple(wanted), (("id", newest_first),), query.limit + 1)


def given(field: str, value: Any) -> Condition | None:
    """None where nothing was asked for."""
    return None if value is None else Condition(field, value)


def page(
    records: Sequence[Record], query: Paged, told: Callable[[Record], Model], key: Callable[[Record], str]
) -> Listed[Model]:
    """*records*: up to one more than the limit."""
    shown = records[: query.limit]
    following = cursor(key(shown[-1])) if len(records) > query.limit else None
    return Listed[Any](items=[told(each) for each in shown], next=following)


def cursor(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def read_cursor(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        key = "\0"
    if "\0" in key:
        raise no_cursor()
    return key


def no_cursor() -> Refusal:
    message = "no cursor of an answer"
    return Refusal(422, f"/query/cursor: {message}.", [{"location": "/query/cursor", "message": message}])
