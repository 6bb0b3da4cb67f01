"""The pages of batches: the list of them, one of them, and steering it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from engine.batch import (
    Batch,
    BatchItem,
    BatchState,
    ItemState,
    MigrateAll,
    ModifyAll,
    Operation,
    RetryAll,
    SetVariablesOfAll,
)
from engine.errors import InvalidInput
from engine.model import Page, ProcessInstance
from engine.modification import described
from engine.searching import Condition, Operator, Search
from webapp.areas.batches.asking import TITLES
from webapp.areas.batches.room import area, given_reason
from webapp.context import the_engine, the_person
from webapp.forms import FormState
from webapp.live import News, answer_live, hold, stamp_of
from webapp.paging import PER_PAGE, page_number, paging

STEERED = {"pause": BatchState.RUNNING, "resume": BatchState.PAUSED, "cancel": None}
"""What can be done to a batch, and in which state alone (None: any but the last)."""


# those that there are


@area.get("/")
def list_batches() -> str:
    stamp = _stamp_of_list()  # first: what changes in between is news
    return render_template("batches/list.html", **_listed(), stamp=stamp)


@area.get("/live")
def live_list() -> ResponseReturnValue:
    hold(_stamp_of_list)

    def news() -> News:
        return {"fragments": {"batches": render_template("batches/_list.html", **_listed())}}

    return answer_live(_stamp_of_list(), news)


def _wanted() -> dict[str, Any]:
    """What is listed, as `Batches.page` is asked for it."""
    state, kind = request.args.get("state", ""), request.args.get("kind", "")
    return {
        "limit": PER_PAGE,
        "offset": (page_number() - 1) * PER_PAGE,
        "state": BatchState(state) if state in set(BatchState) else None,
        "kind": kind if kind in TITLES else None,
    }


def _stamp_of_list() -> str:
    return stamp_of(the_engine().batches.page_revision(**_wanted()))


def _listed() -> dict[str, Any]:
    wanted = _wanted()
    found = the_engine().batches.page(**wanted)
    return {
        "batches": found.items,
        "page": paging(page_number(), found),
        "wanted": {name: wanted[name] or "" for name in ("kind", "state")},
        "states": list(BatchState),
        "address": url_for("batches.list_batches"),
    }


# one of them


@area.get("/<batch_id>")
def show(batch_id: str) -> str:
    stamp = _stamp(batch_id)
    return render_template("batches/show.html", **_shown(batch_id), stamp=stamp)


@area.get("/<batch_id>/live")
def live(batch_id: str) -> ResponseReturnValue:
    hold(lambda: _stamp(batch_id))

    def news() -> News:
        shown = _shown(batch_id)
        parts = ("heading", "progress", "items")
        return {
            "fragments": {part: render_template(f"batches/_{part}.html", **shown) for part in parts},
            "is_final": shown["is_final"],
        }

    return answer_live(_stamp(batch_id), news)


@area.get("/<batch_id>/<any(pause, resume, cancel):verb>")
def steer_form(batch_id: str, verb: str) -> str:
    return _steer_page(the_engine().batches.get(batch_id), verb, FormState())


@area.post("/<batch_id>/<any(pause, resume, cancel):verb>")
def steer(batch_id: str, verb: str) -> ResponseReturnValue:
    batches, reason = the_engine().batches, given_reason()
    if verb == "cancel" and not reason:
        refused = InvalidInput("", {"reason": "say why the batch is cancelled"})
        return _steer_page(batches.get(batch_id), verb, FormState(request.form).refused(refused)), 422
    does = {"pause": batches.pause, "resume": batches.resume, "cancel": batches.cancel}
    does[verb](batch_id, by=the_person().name, reason=reason)
    said = {"pause": "The batch is paused.", "resume": "The batch goes on.", "cancel": "The batch is cancelled."}
    flash(said[verb], "success")
    return redirect(url_for("batches.show", batch_id=batch_id))


def _steer_page(batch: Batch, verb: str, state: FormState) -> str:
    return render_template("batches/steer.html", batch=batch, verb=verb, state=state)


def _stamp(batch_id: str) -> str:
    return stamp_of(the_engine().batches.revision(batch_id))


def _shown(batch_id: str) -> dict[str, Any]:
    batches = the_engine().batches
    batch = batches.get(batch_id)
    state = ItemState(wanted) if (wanted := request.args.get("state", "")) in set(ItemState) else None
    number, counts = page_number(), _counts(batch)
    items = batches.items(batch_id, state, PER_PAGE, (number - 1) * PER_PAGE)
    has_ended = batch.ended_at is not None
    return {
        "batch": batch,
        "told": _told(batches.operation(batch_id)),
        "changes": batches.changes(batch_id),
        "is_final": has_ended and not (batch.retried and batch.retried.under_way),
        "may": [verb for verb, only in STEERED.items() if not has_ended and only in (None, batch.state)],
        "lacks_workers": not has_ended and not any(each.is_alive for each in the_engine().read.workers()),
        "items": items,
        "instances": _instances_of(items),
        "item_state": state or "",
        "counts": counts,
        "page": paging(number, Page(tuple(items), counts[state or ""])),
        "address": url_for("batches.show", batch_id=batch_id),
    }


def _told(operation: Operation) -> dict[str, Any]:
    """What was given to it beside the instances."""
    match operation:
        case RetryAll(retries=int() as retries):
            return {"retries": retries}
        case SetVariablesOfAll(variables=variables):
            return dict(variables)
        case ModifyAll(instructions=instructions):
            return {str(number): described(each) for number, each in enumerate(instructions, 1)}
        case MigrateAll(plan=plan, re_arms=re_arms):
            versions = {"process": plan.process_key, "from version": plan.source_version}
            mapping = {old: new for old, new in plan.mapping.items() if old != new}
            more = {"mapping": mapping, "not mapped": list(plan.unmapped), "re-arms": re_arms}
            return versions | {"to version": plan.target_version} | {name: each for name, each in more.items() if each}
        case _:
            return {}


def _counts(batch: Batch) -> dict[str, int]:
    """By state of the items; '' for all of them."""
    return {"": batch.total} | {str(state): getattr(batch, state) for state in ItemState}


def _instances_of(items: Sequence[BatchItem]) -> dict[str, ProcessInstance]:
    """By their ids; without those that were removed."""
    ids = [each.instance_id for each in items if each.instance_id]
    is_one = Condition("id", ids, Operator.ONE_OF)
    return {each.id: each for each in the_engine().find.instances(Search((is_one,)))}
