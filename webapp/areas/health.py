"""What machines ask: /metrics, /health/live, /health/ready."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from engine.observability.endpoint import has_token
from engine.observability.exposition import Exposition
from engine.observability.health import health_of
from webapp.context import the_engine

area = Blueprint("health", __name__)


@area.get("/health/live")
def live() -> ResponseReturnValue:
    return jsonify(status="ok")


@area.get("/health/ready")
def ready() -> ResponseReturnValue:
    health = health_of(the_engine())
    return jsonify(health.told()), 200 if health.is_ready else 503


@area.get("/metrics")
def metrics() -> ResponseReturnValue:
    """For who has the token of FERMATA_METRICS_TOKEN, and for administrators: it names processes and job types."""
    is_admin = current_user.is_authenticated and current_user.person.is_admin
    if not is_admin and not has_token(request.headers.get("Authorization", "")):
        return Response(
            "Set FERMATA_METRICS_TOKEN and send it: Authorization: Bearer ...\n", 401, mimetype="text/plain"
        )
    body, content_type = _exposition().render(request.headers.get("Accept", ""))
    return Response(body, content_type=content_type)


def _exposition() -> Exposition:
    exposition = current_app.extensions.get("fermata_metrics")
    if exposition is None:
        exposition = current_app.extensions.setdefault("fermata_metrics", Exposition(the_engine()))
    return exposition
