"""The first page: what waits for this person, what runs, what is stuck."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import login_required

from engine.model import InstanceState
from webapp.context import the_engine, the_person
from webapp.live import News, answer_live, hold, stamp_of
from webapp.permissions import may_operate, may_start, require

area = Blueprint("home", __name__)
SHOWN = 8


@area.get("/")
@login_required
def show() -> str:
    overview = _overview()
    return render_template("home/show.html", **overview, stamp=stamp_of(overview))


@area.get("/home/live")
@login_required
def live() -> ResponseReturnValue:
    hold(lambda: stamp_of(_overview()))
    overview = _overview()

    def news() -> News:
        return {"fragments": {"overview": render_template("home/_overview.html", **overview)}}

    return answer_live(stamp_of(overview), news)


@area.post("/incidents/<incident_id>/retry")
@login_required
def retry(incident_id: str) -> ResponseReturnValue:
    require(may_operate(the_person()), "Only administrators and operators may retry an incident.")
    the_engine().retry(incident_id, by=the_person().name)
    flash("It is being tried again.", "success")
    return redirect(url_for("home.show", _anchor="incidents"))


def _overview() -> dict[str, object]:
    read, person = the_engine().read, the_person()
    definitions = [one for one in read.definitions() if may_start(person, one)]
    return {
        "mine": read.tasks(user=person.name, scope="mine", limit=SHOWN),
        "offered": read.tasks(user=person.name, groups=person.groups, scope="groups", limit=SHOWN),
        "running": read.instances(state=InstanceState.RUNNING, limit=SHOWN),
        "incidents": read.open_incidents(limit=SHOWN),
        "startable": definitions,
        "may_operate": may_operate(person),
        "shown": SHOWN,
    }
