"""Pages that keep themselves up to date: what assets/page.mjs polls, and what it is answered."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from flask import jsonify, request
from flask.typing import ResponseReturnValue

News = Mapping[str, Any]  # fragments: HTML by data-live name; and for diagrams marks, for ended things is_final


def stamp_of(shown: Any) -> str:
    """Changes when what a page shows changes. *shown*: the records behind it; times of day do not belong in it."""
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def answer_live(stamp: str, news: Callable[[], News]) -> ResponseReturnValue:
    """204 when the browser shows what *stamp* stands for already, else *news*."""
    if request.args.get("seen") == stamp:
        return "", 204
    return jsonify({"stamp": stamp, "marks": None, "is_final": False, **news()})
