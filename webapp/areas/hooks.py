"""Webhooks: where other programs send what has happened; no login, but a signature (docs/handlers.md)."""

from __future__ import annotations

from flask import Blueprint, Flask, jsonify, request
from flask.typing import ResponseReturnValue

from engine.hooks import LARGEST
from webapp import errors
from webapp.areas.api.problems import answer
from webapp.context import the_engine

area = Blueprint("hooks", __name__, url_prefix="/hooks")


def install(app: Flask) -> None:
    app.extensions["csrf"].exempt(area)
    app.register_blueprint(area)
    errors.speak(f"{area.url_prefix}/", answer)


@area.post("/<name>")
def receive(name: str) -> ResponseReturnValue:
    request.max_content_length = LARGEST
    headers = {key.lower(): value for key, value in request.headers.items()}
    publication = the_engine().hooks.receive(name, headers, request.get_data())
    return jsonify(outcome=publication.outcome, id=publication.id)
