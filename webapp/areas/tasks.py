"""User tasks: what waits for a person, and doing it."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import login_required

from bpmn.model import Process, UserTaskBinding
from engine.errors import InvalidInput
from engine.model import UserTask
from webapp.context import the_engine, the_person
from webapp.forms import FormState, read_variable_rows, typed_form
from webapp.live import News, answer_live, hold, stamp_of
from webapp.paging import PER_PAGE, page_number, paging
from webapp.permissions import may_claim, may_complete, may_see, may_take_over, require

area = Blueprint("tasks", __name__, url_prefix="/tasks")


@area.get("/")
@login_required
def list_tasks() -> str:
    shown = _listed()
    return render_template("tasks/list.html", **shown, stamp=stamp_of(shown["tasks"]))


@area.get("/live")
@login_required
def live() -> ResponseReturnValue:
    hold(lambda: stamp_of(_listed()["tasks"]))
    shown = _listed()

    def news() -> News:
        return {"fragments": {"tasks": render_template("tasks/_list.html", **shown)}}

    return answer_live(stamp_of(shown["tasks"]), news)


@area.get("/<task_id>")
@login_required
def show(task_id: str) -> str:
    return _page(_visible(task_id), FormState())


@area.post("/<task_id>/claim")
@login_required
def claim(task_id: str) -> ResponseReturnValue:
    _visible(task_id)
    the_engine().claim(task_id, the_person().name)
    return redirect(url_for("tasks.show", task_id=task_id))


@area.post("/<task_id>/unclaim")
@login_required
def unclaim(task_id: str) -> ResponseReturnValue:
    task = _visible(task_id)
    the_engine().unclaim(task_id, the_person().name)
    flash(f"'{task.name}' is open for its candidates again.", "success")
    return redirect(url_for("tasks.list_tasks", scope="groups"))


@area.post("/<task_id>/take-over")
@login_required
def take_over(task_id: str) -> ResponseReturnValue:
    require(may_take_over(the_person(), _visible(task_id)), "Only administrators take over what others have claimed.")
    the_engine().assign(task_id, the_person().name, by=the_person().name)
    return redirect(url_for("tasks.show", task_id=task_id))


@area.post("/<task_id>/complete")
@login_required
def complete(task_id: str) -> ResponseReturnValue:
    task = _visible(task_id)
    require(
        may_complete(the_person(), task) or task.closed_at is not None, f"Claim '{task.name}' before completing it."
    )
    state = FormState(request.form)
    if "more_rows" in request.form:
        return _page(task, state)
    form = the_engine().read.task_form(task_id)
    try:
        if form is None:
            the_engine().complete(task_id, read_variable_rows(request.form), by=the_person().name)
        else:
            the_engine().complete(task_id, by=the_person().name, form=typed_form(request.form, form))
    except InvalidInput as error:
        return _page(task, state.refused(error)), 422
    flash(f"'{task.name or task.element_id}' is completed.", "success")
    return redirect(url_for("tasks.list_tasks"))


def _listed() -> dict[str, object]:
    person = the_person()
    scopes = ("mine", "groups", "all") if person.is_admin else ("mine", "groups")
    wanted = request.args.get("scope", "mine")
    scope = wanted if wanted in scopes else "mine"
    number = page_number()
    found = the_engine().read.tasks(
        user=person.name, groups=person.groups, scope=scope, limit=PER_PAGE, offset=(number - 1) * PER_PAGE
    )
    return {
        "tasks": found.items,
        "page": paging(number, found),
        "scope": scope,
        "scopes": scopes,
    }


def _visible(task_id: str) -> UserTask:
    task = the_engine().read.task(task_id)
    require(may_see(the_person(), task), "This task waits for somebody else.")
    return task


def _page(task: UserTask, state: FormState) -> str:
    read, person = the_engine().read, the_person()
    instance = read.instance(task.instance_id)
    return render_template(
        "tasks/show.html",
        task=task,
        instance=instance,
        instructions=_instructions(read.process(instance.definition_id), task.element_id),
        form=read.task_form(task.id),
        state=state,
        variables=read.visible_variables(task.instance_id, task.activity_id) if task.closed_at is None else {},
        may_claim=may_claim(person, task),
        may_complete=may_complete(person, task),
        may_take_over=may_take_over(person, task),
    )


def _instructions(process: Process, element_id: str) -> str:
    """What the diagram tells whoever does the task."""
    node = process.node(element_id)
    own = node.binding.instructions if isinstance(node.binding, UserTaskBinding) else None
    return own or node.documentation
