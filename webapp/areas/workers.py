"""Workers: who runs jobs, on whichever machine, and what each is busy with."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from flask_login import login_required

from webapp.context import the_engine, the_person
from webapp.live import News, answer_live, hold, stamp_of
from webapp.permissions import may_operate, require

area = Blueprint("workers", __name__, url_prefix="/workers")
MOST_JOBS = 100


@area.get("/")
@login_required
def list_workers() -> str:
    shown = _shown()
    return render_template("workers/list.html", **shown, stamp=stamp_of(shown))


@area.get("/live")
@login_required
def live() -> ResponseReturnValue:
    hold(lambda: stamp_of(_shown()))
    shown = _shown()

    def news() -> News:
        return {"fragments": {"workers": render_template("workers/_workers.html", **shown)}}

    return answer_live(stamp_of(shown), news)


def _shown() -> dict[str, Any]:
    require(may_operate(the_person()), "Only administrators and operators may see the workers.")
    read = the_engine().read
    workers, held = read.workers(), read.held_jobs(MOST_JOBS + 1)
    return {"workers": workers, "held": held[:MOST_JOBS], "has_more": len(held) > MOST_JOBS}
