"""The blueprint of batches: for operators alone."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from flask_login import login_required

from webapp.areas.batches.asking import TITLES, segments
from webapp.context import the_person
from webapp.permissions import may_operate, require

area = Blueprint("batches", __name__, url_prefix="/batches")
LONGEST_REASON = 1000


@area.before_request
@login_required
def guard() -> None:
    require(may_operate(the_person()), "Only administrators and operators may see or start batches.")


@area.context_processor
def vocabulary() -> dict[str, Any]:
    return {"titles": TITLES, "segments": segments}


def given_reason() -> str:
    return request.form.get("reason", "").strip()[:LONGEST_REASON]
