"""The application factory: one Flask app over one engine."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from flask import Flask

from webapp import context, errors, identity, live, present, prose, security, static_files, tracing
from webapp.areas import AREAS, ROOMS, api, engine_rest, hooks

if TYPE_CHECKING:
    from engine.engine import Engine

MAX_REQUEST_BYTES = 2 * 1024 * 1024


def create_app(engine: Engine, *, secret_key: str | bytes, is_https: bool = False, name: str = "Fermata") -> Flask:
    """A WSGI application that shows and serves *engine*.

    *secret_key* signs the session cookie: keep it, or everybody is logged out at a restart. *is_https* marks
    the cookie as one for encrypted connections only. *name* is shown beside the logo.
    """
    app = Flask("webapp")
    app.config.update(
        SECRET_KEY=secret_key,
        MAX_CONTENT_LENGTH=MAX_REQUEST_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_REQUEST_BYTES,
        SESSION_COOKIE_NAME="fermata_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=is_https,
        PERMANENT_SESSION_LIFETIME=timedelta(hours=12),
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=is_https,
        APPLICATION_NAME=name,
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    context.install(app, engine)
    live.install(app, engine)
    for part in (tracing, security, identity, static_files, present, prose, errors):
        part.install(app)
    app.context_processor(lambda: {"rooms": ROOMS})
    for area in AREAS:
        app.register_blueprint(area)
    engine_rest.install(app)
    hooks.install(app)
    api.install(app)
    return app
