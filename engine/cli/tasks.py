"""User tasks on the command line: tasks, claim, unclaim, complete."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli import output
from engine.cli.options import (
    AsJson,
    Database,
    TaskReference,
    User,
    Variables,
    VariablesFile,
    actor,
    find_task,
    opened,
    read_pairs,
    read_variables,
)

Groups = Annotated[list[str] | None, typer.Option("--group", help="Tasks that this group may take. Repeatable.")]
Fields = Annotated[
    list[str] | None,
    typer.Option(
        "--field", metavar="NAME=TEXT", help="A form field as typed; the form converts and checks it. Repeatable."
    ),
]


def list_tasks(
    user: Annotated[str | None, typer.Option("--user", metavar="NAME", help="Assigned to this person.")] = None,
    groups: Groups = None,
    limit: Annotated[int, typer.Option("--limit", min=1)] = 50,
    offset: Annotated[int, typer.Option("--offset", min=0)] = 0,
    database: Database = None,
    json: AsJson = False,
) -> None:
    """List open user tasks: all of them, a person's, or those that groups may take."""
    scope = "groups" if groups else "mine" if user else "all"
    with opened(database) as engine:
        page = engine.read.tasks(user=user, groups=tuple(groups or ()), scope=scope, limit=limit, offset=offset)
    if json:
        return output.as_json(page.items)
    rows = [
        (
            each.id,
            each.name or each.element_id,
            each.process_key,
            each.business_key,
            each.assignee,
            ", ".join((*each.candidate_users, *each.candidate_groups)),
            each.due_at,
            each.created_at,
        )
        for each in page.items
    ]
    columns = ("task", "name", "process", "business key", "assignee", "candidates", "due", "since")
    output.table(columns, rows, empty="No task is open.")
    return output.rest_of(page, offset)


def claim(
    reference: TaskReference,
    user: Annotated[str, typer.Option("--user", metavar="NAME", help="Who takes the task.")],
    database: Database = None,
) -> None:
    """Take a task for a person, so that nobody else works on it."""
    with opened(database) as engine:
        task = find_task(engine, reference)
        engine.claim(task.id, user)
    output.say(f"{user} has claimed {task.name or task.element_id} ({task.id})")


def unclaim(
    reference: TaskReference,
    user: Annotated[str, typer.Option("--user", metavar="NAME", help="Who gives the task back.")],
    database: Database = None,
) -> None:
    """Give a task back to its candidates."""
    with opened(database) as engine:
        task = find_task(engine, reference)
        engine.unclaim(task.id, user)
    output.say(f"{user} has given back {task.name or task.element_id} ({task.id})")


def complete(
    reference: TaskReference,
    variables: Variables = None,
    variables_file: VariablesFile = None,
    fields: Fields = None,
    user: User = None,
    database: Database = None,
) -> None:
    """Complete a user task with the variables or form fields given."""
    values = read_variables(variables, variables_file)
    form = read_pairs(fields, "--field") if fields else None
    with opened(database) as engine:
        task = find_task(engine, reference)
        engine.complete(task.id, values, by=actor(user), form=form)
    output.say(f"Completed {task.name or task.element_id} ({task.id})")
