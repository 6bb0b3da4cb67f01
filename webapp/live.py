"""Pages that keep themselves up to date: what assets/page.mjs polls, and what it is answered."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, cast

from flask import Flask, current_app, jsonify, request
from flask.typing import ResponseReturnValue

from engine.engine import Engine
from engine.external.waiting import Bell

SEATS = 4  # pages whose request is held until there is news; each holds a thread of the server
LONGEST = 8.0  # seconds for which one is held
LOOK = 2.0  # seconds until it looks by itself: not every process can tell us what it did
GATHER = 0.25  # seconds in which more news may come: one look serves them all

News = Mapping[str, Any]  # fragments: HTML by data-live name; and for diagrams marks, for ended things is_final


def stamp_of(shown: Any) -> str:
    """Changes when what a page shows changes. *shown*: the records behind it; times of day do not belong in it."""
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def install(app: Flask, engine: Engine) -> None:
    bell = app.extensions["fermata_news"] = Bell(SEATS)
    engine.on_news(bell.ring)


def release(app: Flask) -> None:
    """Requests that are held are answered, and none is held from now on."""
    if (bell := app.extensions.get("fermata_news")) is not None:
        bell.close()


def hold(stamp: Callable[[], str]) -> None:
    """Returns when the browser no longer shows what is there, or it has waited as long as it asked for (`wait`, in
    seconds). At once where it asks for nothing, or too many wait already."""
    seconds = 0.0
    with suppress(ValueError):
        seconds = min(float(request.args.get("wait", 0)), LONGEST)
    bell = cast("Bell", current_app.extensions["fermata_news"])
    if not seconds > 0:
        return
    until = time.monotonic() + seconds
    with bell.seat() as is_seated:
        while is_seated and not bell.is_closed:
            rung = bell.rung
            left = until - time.monotonic()
            if left <= 0 or stamp() != request.args.get("seen"):
                return
            bell.wait(rung, min(left, LOOK))
            if bell.rung != rung:
                time.sleep(GATHER)


def answer_live(stamp: str, news: Callable[[], News]) -> ResponseReturnValue:
    """204 when the browser shows what *stamp* stands for already, else *news*."""
    if request.args.get("seen") == stamp:
        return "", 204
    return jsonify({"stamp": stamp, "marks": None, "is_final": False, **news()})
