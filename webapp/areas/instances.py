"""Process instances: finding one, where it stands, everything that happened in it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import login_required

from engine.errors import InvalidInput, NotFound
from engine.executors.agent.transcript import describe
from engine.model import ActivityRecord, History, InstanceState
from webapp import timeline
from webapp.areas.batches.asking import WORDS
from webapp.context import the_engine, the_person
from webapp.live import News, answer_live, hold, stamp_of
from webapp.paging import PER_PAGE, Paging, last_rows, page_number, paging
from webapp.permissions import may_operate, require

area = Blueprint("instances", __name__)
VIEWS = {"history": "History", "changes": "Changes", "jobs": "Jobs", "incidents": "Incidents", "log": "Audit log"}
ROWS = 200  # of a view of one instance, on one page


@area.get("/instances/")
@login_required
def list_instances() -> str:
    wanted = {name: request.args.get(name, "").strip()[:200] for name in ("process", "state", "business_key", "text")}
    if wanted["state"] not in set(InstanceState):
        wanted["state"] = ""
    number = page_number()
    read = the_engine().read
    found = read.instances(
        key=wanted["process"] or None,
        state=InstanceState(wanted["state"]) if wanted["state"] else None,
        business_key=wanted["business_key"] or None,
        text=wanted["text"] or None,
        limit=PER_PAGE,
        offset=(number - 1) * PER_PAGE,
    )
    return render_template(
        "instances/list.html",
        instances=found.items,
        page=paging(number, found),
        wanted=wanted,
        states=list(InstanceState),
        definitions=read.definitions(),
        may_operate=may_operate(the_person()),
        operations=WORDS,
    )


@area.get("/instances/<instance_id>")
@login_required
def show(instance_id: str) -> str:
    stamp = _stamp(instance_id)
    return render_template("instances/show.html", **_shown(instance_id), stamp=stamp)


@area.get("/instances/<instance_id>/live")
@login_required
def live(instance_id: str) -> ResponseReturnValue:
    hold(lambda: _stamp(instance_id))

    def news() -> News:
        shown = _shown(instance_id)
        parts = ("heading", "panel", "variables")
        return {
            "fragments": {part: render_template(f"instances/_{part}.html", **shown) for part in parts},
            "marks": timeline.marks(shown["history"]),
            "is_final": shown["instance"].has_ended,
        }

    return answer_live(_stamp(instance_id), news)


@area.get("/instances/<instance_id>/marks")
@login_required
def marks(instance_id: str) -> ResponseReturnValue:
    return jsonify(timeline.marks(the_engine().read.history(instance_id)))


@area.get("/instances/<instance_id>/activities/<int:activity_id>")
@login_required
def activity(instance_id: str, activity_id: int) -> str:
    history = the_engine().read.history(instance_id)
    one = _activity(history, activity_id)
    [entry] = timeline.entries(history, [one])
    return render_template(
        "instances/activity.html",
        instance=history.instance,
        entry=entry,
        activity=one,
        seen=the_engine().read.variables_at(instance_id, activity_id),
        steps=[describe(step) for step in timeline.agent_steps_by_activity(history).get(activity_id, [])],
        changes=[change for change in history.variable_changes if change.activity_id == activity_id],
        log=[line for line in history.log if line.activity_id == activity_id],
    )


@area.get("/instances/<instance_id>/cancel")
@login_required
def cancel_form(instance_id: str) -> str:
    require(may_operate(the_person()), "Only administrators and operators may cancel an instance.")
    return render_template("instances/cancel.html", instance=the_engine().read.instance(instance_id))


@area.post("/instances/<instance_id>/cancel")
@login_required
def cancel(instance_id: str) -> ResponseReturnValue:
    require(may_operate(the_person()), "Only administrators and operators may cancel an instance.")
    reason = request.form.get("reason", "").strip()[:1000]
    if not reason:
        raise InvalidInput("Say why the instance is cancelled: the reason is kept in the audit log.")
    the_engine().cancel(instance_id, reason, by=the_person().name)
    flash("The instance is cancelled.", "success")
    return redirect(url_for("instances.show", instance_id=instance_id))


@area.post("/instances/<instance_id>/incidents/<incident_id>/retry")
@login_required
def retry(instance_id: str, incident_id: str) -> ResponseReturnValue:
    require(may_operate(the_person()), "Only administrators and operators may retry an incident.")
    the_engine().retry(incident_id, by=the_person().name)
    flash("It is being tried again.", "success")
    return redirect(url_for("instances.show", instance_id=instance_id))


def _stamp(instance_id: str) -> str:
    return stamp_of(the_engine().read.revision(instance_id))


def _shown(instance_id: str) -> dict[str, Any]:
    """Everything the page of an instance and its live fragments are made of."""
    read = the_engine().read
    history = read.history(instance_id)
    instance = history.instance
    wanted = request.args.get("view", "")
    view = wanted if wanted in VIEWS else "history"
    rows, page = _rows_of(view, history)
    return {
        "instance": instance,
        "history": history,
        "definition": read.definition(instance.definition_id),
        "views": VIEWS,
        "view": view,
        "rows": rows,
        "page": page,
        "jobs": read.jobs(instance_id=instance_id),
        "tasks": read.tasks(instance_id=instance_id, limit=20).items,
        "children": read.children(instance_id),
        "open_incidents": [one for one in history.incidents if one.resolved_at is None],
        "waiting_at": timeline.waiting_at(history),
        "names": {one.activity_id: one.name or one.element_id for one in history.activities},
        "elements": {node.id: node.name for node in read.process(instance.definition_id).elements.walk()},
        "variables": read.variables(instance_id),
        "may_operate": may_operate(the_person()),
    }


def _rows_of(view: str, history: History) -> tuple[list[Any], Paging | None]:
    """The rows of *view* that ?page= asks for; the newest are on the first page, in order of time."""
    if view == "history":
        cut, page = last_rows(page_number(), len(history.activities), ROWS)
        return list(timeline.entries(history, history.activities[cut])), page
    records: dict[str, tuple[Any, ...]] = {
        "changes": history.variable_changes,
        "jobs": history.job_attempts,
        "incidents": history.incidents,
        "log": history.log,
    }
    cut, page = last_rows(page_number(), len(records[view]), ROWS)
    return list(records[view][cut]), page


def _activity(history: History, activity_id: int) -> ActivityRecord:
    for one in history.activities:
        if one.activity_id == activity_id:
            return one
    raise NotFound(f"Instance {history.instance.id} has no activity {activity_id}.")
