"""Starting a batch for instances of a list: first what it would be for is shown."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from engine.batch import Preview
from engine.errors import EngineError, InvalidInput, NotFound
from engine.migration import MigrationPlan
from engine.model import ProcessInstance
from webapp.areas.batches.asking import (
    FILTER,
    LEFT_OUT,
    WORDS,
    Choice,
    choice_from,
    mapping_from,
    operation_from,
    preview_of,
    versions_from,
)
from webapp.areas.batches.room import area, given_reason
from webapp.context import now, the_engine, the_person
from webapp.forms import FormState


@area.get("/new")
def new() -> ResponseReturnValue:
    try:
        kind = _kind(request.args)
        return _new_page(kind, choice_from(request.args, now()), FormState())
    except (InvalidInput, NotFound) as error:
        flash(str(error), "error")
        return redirect(_list(request.args))


@area.post("/new")
def start() -> ResponseReturnValue:
    kind, choice, state = _kind(request.form), choice_from(request.form, now()), FormState(request.form)
    try:
        if "more_rows" in request.form or "check" in request.form:
            return _new_page(kind, choice, state)
        operation = operation_from(kind, request.form, _plan(kind, choice, request.form))
        if not (reason := given_reason()):
            raise InvalidInput("", {"reason": "say why: it is kept in the audit log of each instance"})
        where = choice.conditions(kind)
        if the_engine().batches.preview(operation, where, shown=0).total > _seen():
            raise InvalidInput("There are more by now than you have seen. Look at them, then start.")
        batch = the_engine().batch(operation, where=where, by=the_person().name, reason=reason)
    except InvalidInput as error:
        return _new_page(kind, choice, state.refused(error)), 422
    flash("The batch has started.", "success")
    return redirect(url_for("batches.show", batch_id=batch.id))


def _kind(sent: MultiDict[str, str]) -> str:
    kind = sent.get("kind", "")
    if kind not in WORDS:
        raise InvalidInput("Choose what is to be done with the instances.")
    return kind


def _list(sent: MultiDict[str, str]) -> str:
    """The address of the list from which it came."""
    return f"{url_for('instances.list_instances')}?{urlencode({name: sent.get(name, '') for name in FILTER})}"


def _seen() -> int:
    """How many the page told of that is sent."""
    text = request.form.get("seen", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0


def _plan(kind: str, choice: Choice, sent: MultiDict[str, str]) -> MigrationPlan | None:
    """None for what is no migration. Raises InvalidInput, NotFound."""
    if kind != "migrate":
        return None
    versions = versions_from(sent)
    key = choice.process
    if choice.ids:
        first = the_engine().read.instance(choice.ids[0])
        key = first.process_key
        if not sent.get("source") and first.version != the_engine().read.definition(key).version:
            versions["source"] = first.version
    if not key:
        raise InvalidInput("Find the instances of one process first: versions are those of a process.")
    return the_engine().migration_plan(key, mapping=mapping_from(sent), **versions)


def _new_page(kind: str, choice: Choice, state: FormState) -> str:
    """Raises InvalidInput, NotFound where nothing can be shown of a migration that was not asked for yet."""
    plan = preview = None
    try:
        plan = _plan(kind, choice, state.typed)
        preview = the_engine().batches.preview(preview_of(kind, plan), choice.conditions(kind))
    except InvalidInput as error:
        if not state.typed:
            raise
        state = state if state.problems else state.refused(error)
    total = preview.total if preview else 0
    return render_template(
        "batches/new.html",
        kind=kind,
        words=WORDS[kind],
        choice=choice,
        state=state,
        plan=plan,
        preview=preview,
        total=total,
        left_out=_left_out(kind, choice, total) if preview else 0,
        left_out_words=LEFT_OUT.get(kind),
        problems=_foreseen(plan, preview) if preview else {},
        versions=_versions(plan.process_key) if plan else [],
    )


def _left_out(kind: str, choice: Choice, total: int) -> int:
    """How many instances are found or ticked, but not taken."""
    if kind == "retry":
        return 0
    return max(0, the_engine().find.count("instances", *choice.conditions(kind)) - total)


def _foreseen(plan: MigrationPlan | None, preview: Preview) -> dict[str, str]:
    """Of the instances that are shown, why those cannot go on by the other version that cannot."""
    if plan is None or plan.problems:
        return {}
    found: dict[str, str] = {}
    for one in preview.first:
        if not isinstance(one, ProcessInstance):
            continue
        try:
            dry = the_engine().migrate(one.id, plan, is_dry_run=True)
        except EngineError as error:
            found[one.id] = str(error)
        else:
            found |= {one.id: " ".join(str(each) for each in dry.problems)} if dry.problems else {}
    return found


def _versions(key: str) -> list[int]:
    return sorted(
        (one.version for one in the_engine().read.definitions(latest_only=False) if one.key == key), reverse=True
    )
