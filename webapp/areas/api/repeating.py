"""Requests with an Idempotency-Key: done once, answered as often as they are sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from flask import request

from webapp.areas.api.operation import Answer, Call
from webapp.context import the_engine

Result = TypeVar("Result")


def once(
    call: Call,
    act: Callable[[], Result],
    receipt: Callable[[Any], Mapping[str, Any]],
    answer: Callable[[Mapping[str, Any]], Answer],
    first: Callable[[Result], Answer] | None = None,
) -> Answer:
    """*receipt*: made in the transaction of what it gave; *answer*: of a repetition, made of the receipt; *first*: of
    what *act* returned, where its receipt does not hold all of it."""
    first = first or (lambda result: answer(receipt(result)))
    if call.repeat_key is None:
        return first(act())
    done: list[Result] = []
    content = f"{request.method} {request.path}\n".encode() + request.get_data()
    found = the_engine().requests.once(call.token_id, call.repeat_key, content, lambda: done.append(act()), receipt)
    if found is None and done:
        return first(done[0])
    repeated = answer(found.body if found is not None else {})
    return Answer(repeated.status, repeated.body, {**repeated.headers, "Idempotency-Replayed": "true"})
