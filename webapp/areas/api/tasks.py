"""User tasks. A token of a person shows and does what that person may; a program's own token all of them."""

from __future__ import annotations

from typing import Any

from flask import Response

from engine.errors import InvalidInput, NotAllowed
from engine.model import UserTask
from engine.searching import Condition, Operator
from engine.tokens import Scope
from webapp.areas.api.lists import given, page, search
from webapp.areas.api.operation import Answer, Call, operation
from webapp.areas.api.records import Listed
from webapp.areas.api.values import to_json, variables_from_json
from webapp.areas.api.work_records import (
    AssignTask,
    ClaimTask,
    CompleteTask,
    Form,
    FormField,
    Task,
    TaskError,
    TaskFilter,
)
from webapp.context import the_engine

_TAG = "User tasks"


@operation("GET", "/user-tasks", tag=_TAG, scope=Scope.TASKS, query=TaskFilter, answers={200: Listed[Task]})
def list_tasks(call: Call) -> Listed[Task]:
    """List user tasks, the oldest first: open ones, or with `open=false` closed ones."""
    query: TaskFilter = call.query
    names = ("instance_id", "process_key", "element_id", "assignee", "candidate_user", "candidate_group")
    is_closed = Condition("closed_at", not query.open, Operator.EXISTS)
    wanted = (*(given(name, getattr(query, name)) for name in names), is_closed, *call.rights.visible_tasks())
    found = [each.item for each in the_engine().find.tasks(search(query, *wanted))]
    return page(found, query, Task.model_validate, lambda each: each.id)


@operation("GET", "/user-tasks/{id}", tag=_TAG, scope=Scope.TASKS, answers={200: Task})
def get_task(call: Call, id: str) -> Task:
    """Show a user task, open or closed."""
    return Task.model_validate(_visible(call, id))


@operation("GET", "/user-tasks/{id}/form", tag=_TAG, scope=Scope.TASKS, answers={200: Form, 204: None})
def get_task_form(call: Call, id: str) -> Form | Answer | Response:
    """Get a task's form, filled with the variables that the task sees; 204 where it has none."""
    _visible(call, id)
    form = the_engine().read.task_form(id)
    if form is None:
        return Answer(204)
    fields = [
        FormField(
            id=each.id,
            label=each.label,
            type=each.type,
            is_required=each.is_required,
            is_readonly=each.is_readonly,
            description=each.description,
            choices=[{"value": choice.value, "label": choice.label} for choice in each.choices],
            default=to_json(each.default),
        )
        for each in form.fields
    ]
    schema: dict[str, Any] | None = dict(form.schema) if form.schema is not None else None
    return Form(id=form.id, title=form.title, fields=fields, form_schema=schema, variables=dict(form.variables))


@operation("POST", "/user-tasks/{id}/claim", tag=_TAG, scope=Scope.TASKS, body=ClaimTask, answers={204: None})
def claim_task(call: Call, id: str) -> None:
    """Claim a task for a person."""
    task, user = _visible(call, id), _user(call, call.body.user)
    call.rights.require_claim(task, user)
    the_engine().claim(id, user)


@operation("POST", "/user-tasks/{id}/unclaim", tag=_TAG, scope=Scope.TASKS, body=ClaimTask, answers={204: None})
def unclaim_task(call: Call, id: str) -> None:
    """Give a task back to its candidates."""
    task = _visible(call, id)
    user = _user(call, call.body.user)
    call.rights.require_claim(task, user)
    the_engine().unclaim(id, user)


@operation("POST", "/user-tasks/{id}/assign", tag=_TAG, scope=Scope.TASKS, body=AssignTask, answers={204: None})
def assign_task(call: Call, id: str) -> None:
    """Hand a task to somebody, whoever had it; with null nobody has it any more."""
    call.rights.require_assign(_visible(call, id))
    the_engine().assign(id, call.body.user, by=call.by)


@operation("POST", "/user-tasks/{id}/complete", tag=_TAG, scope=Scope.TASKS, body=CompleteTask, answers={204: None})
def complete_task(call: Call, id: str) -> None:
    """Complete a task, with variables, or with what was typed into its form."""
    call.rights.require_work_on(_visible(call, id))
    body: CompleteTask = call.body
    the_engine().complete(id, variables_from_json(body.variables), by=call.by, form=body.form)


@operation("POST", "/user-tasks/{id}/error", tag=_TAG, scope=Scope.TASKS, body=TaskError, answers={204: None})
def throw_task_error(call: Call, id: str) -> None:
    """End a task with a BPMN error, which a boundary event or event subprocess catches."""
    call.rights.require_work_on(_visible(call, id))
    body: TaskError = call.body
    the_engine().task_error(id, body.code, body.message, variables_from_json(body.variables), by=call.by)


def _visible(call: Call, id: str) -> UserTask:
    task = the_engine().read.task(id)
    if not call.rights.may_see(task):
        raise NotAllowed("This task waits for somebody else.")
    return task


def _user(call: Call, named: str | None) -> str:
    if named is not None:
        return named
    if call.rights.person is None:
        raise InvalidInput("This token acts for no person. Name the user.", {"/user": "missing"})
    return call.rights.person.name
