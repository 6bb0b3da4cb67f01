"""Pages that keep themselves up to date: what assets/page.mjs polls, and what it is answered."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue


def stamp_of(shown: Any) -> str:
    """Changes when what a page shows changes. *shown*: the records behind it; times of day do not belong in it."""
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def answer_live(
    seen: str | None,
    stamp: str,
    fragments: Callable[[], Mapping[str, str]],
    marks: Mapping[str, Any] | None = None,
    is_final: bool = False,
) -> ResponseReturnValue:
    """204 when the browser has *seen* this already, else the new fragments, by their data-live names."""
    if seen == stamp:
        return "", 204
    return jsonify(stamp=stamp, fragments=dict(fragments()), marks=marks, is_final=is_final)
