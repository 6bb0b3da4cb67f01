"""The people who can log in: people add, password, remove, list."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from engine.cli import output
from engine.cli.options import AsJson, Database, opened

Name = Annotated[str, typer.Argument(metavar="NAME", help="What the person types to log in.")]

app = typer.Typer(help="The people who can log in.", no_args_is_help=True)


@app.command()
def add(
    name: Name,
    display_name: Annotated[str | None, typer.Option("--display-name", help="How pages call the person.")] = None,
    groups: Annotated[list[str] | None, typer.Option("--group", help="A group of the person. Repeatable.")] = None,
    admin: Annotated[bool, typer.Option("--admin", help="May see and change everything.")] = False,
    database: Database = None,
) -> None:
    """Add a person; the password is asked for, or read from the standard input."""
    password = _password()
    with opened(database) as engine:
        engine.people.add(name, password, display_name or name, tuple(groups or ()), is_admin=admin)
    output.say(f"Added {name}.")


@app.command("password")
def change_password(name: Name, database: Database = None) -> None:
    """Give a person another password; it is asked for, or read from the standard input."""
    password = _password()
    with opened(database) as engine:
        engine.people.set_password(name, password)
    output.say(f"Changed the password of {name}.")


@app.command()
def remove(name: Name, database: Database = None) -> None:
    """Remove a person, who is logged out; the history keeps the name."""
    with opened(database) as engine:
        engine.people.remove(name)
    output.say(f"Removed {name}.")


def _password() -> str:
    """Never an argument: arguments show in process lists and shell histories."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    password = sys.stdin.readline().rstrip("\n")
    if not password:
        raise typer.BadParameter("the standard input gave no password.", param_hint="password")
    return password


@app.command("list")
def list_people(database: Database = None, json: AsJson = False) -> None:
    """List who can log in."""
    with opened(database) as engine:
        found = engine.people.list()
    if json:
        return output.as_json(found)
    rows = [(each.name, each.display_name, ", ".join(each.groups), "admin" if each.is_admin else "") for each in found]
    return output.table(
        ("name", "display name", "groups", ""), rows, empty="Nobody. Add somebody: fermata people add NAME"
    )
