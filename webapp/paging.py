"""Cutting long lists into pages by ?page=."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import request

from engine.model import Page

PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class Paging:
    """What the `pages` macro shows: items *first* to *last* of *total* (or of more), and the way to the neighbours."""

    first: int
    last: int
    total: int
    has_more_than_total: bool
    previous_url: str | None
    next_url: str | None


def page_number() -> int:
    """The ?page= of the request, 1 when it is missing or nonsense."""
    return max(1, min(request.args.get("page", 1, type=int), 1_000_000))


def paging(number: int, found: Page[Any], per_page: int = PER_PAGE) -> Paging:
    start, shown = (number - 1) * per_page, len(found)
    return Paging(
        first=start + 1 if shown else 0,
        last=start + shown,
        total=found.total,
        has_more_than_total=found.has_more_than_total,
        previous_url=_url(number - 1) if number > 1 else None,
        next_url=_url(number + 1) if found.has_more_than_total or start + shown < found.total else None,
    )


def last_rows(number: int, total: int, per_page: int) -> tuple[slice, Paging | None]:
    """Page 1 has the last rows of a record that grows, page 2 those before; rows keep their order."""
    end = max(0, total - (number - 1) * per_page)
    start = max(0, end - per_page)
    if total <= per_page:
        return slice(start, end), None
    earlier = _url(number + 1) if start > 0 else None
    later = _url(number - 1) if number > 1 else None
    return slice(start, end), Paging(start + 1, end, total, False, previous_url=earlier, next_url=later)


def _url(number: int) -> str:
    arguments = {name: value for name, value in request.args.items() if name != "page" and value}
    return f"{request.path}?{urlencode({**arguments, 'page': number})}"
