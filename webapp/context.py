"""What a view works with: the engine, the person who asks, and the moment it is."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, cast

from flask import Flask, current_app
from flask_login import current_user

from engine.errors import DatabaseAway

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.model import Person


def install(app: Flask, engine: Engine) -> None:
    app.extensions["fermata"] = engine
    app.add_template_global(now)

    @app.context_processor
    def offer_the_person() -> dict[str, object]:
        with suppress(DatabaseAway):  # its own page can be shown without
            return {"person": current_user.person if current_user.is_authenticated else None}
        return {"person": None}


def the_engine() -> Engine:
    return cast("Engine", current_app.extensions["fermata"])


def the_person() -> Person:
    """Who is logged in. Only for views behind the login."""
    return current_user.person


def now() -> datetime:
    """The engine's present moment, so that pages agree with due times."""
    return the_engine().clock.now()
