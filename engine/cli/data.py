"""Data stores on the command line: data list, data show, data set."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli import output
from engine.cli.options import AsJson, Database, User, actor, opened

app = typer.Typer(help="The data stores that processes share.", no_args_is_help=True)

Key = Annotated[str, typer.Argument(metavar="STORE", help="The id of the data store in the diagram, or its name.")]


@app.command("list")
def list_stores(database: Database = None, json: AsJson = False) -> None:
    """List the data stores that have a value."""
    with opened(database) as engine:
        found = engine.read.data_stores()
    if json:
        return output.as_json(found)
    rows = [(each.key, each.version, output.shown(each.value), each.changed_at, each.changed_by) for each in found]
    empty = "No data store has a value. Give one: fermata data set STORE VALUE"
    return output.table(("data store", "version", "value", "changed", "by"), rows, empty=empty)


@app.command()
def show(
    store: Key,
    history: Annotated[bool, typer.Option("--history", help="Every value it has had.")] = False,
    database: Database = None,
    json: AsJson = False,
) -> None:
    """Show one data store, its value as JSON; or who gave it which value."""
    with opened(database) as engine:
        found = engine.read.data_store(store)
        changes = engine.read.data_store_changes(store) if history else []
    if json:
        return output.as_json(changes if history else found)
    if not history:
        return output.as_json(found.value)
    rows = [(each.version, output.shown(each.value), each.at, each.actor, each.element_id) for each in changes]
    return output.table(("version", "value", "at", "by", "element"), rows)


@app.command("set")
def set_store(
    store: Key,
    value: Annotated[str | None, typer.Argument(metavar="VALUE", help="JSON if it parses, else text.")] = None,
    file: Annotated[Path | None, typer.Option("--file", metavar="FILE", help="A JSON file with the value.")] = None,
    version: Annotated[
        int | None, typer.Option("--if-version", metavar="N", help="Only if it still has this version (0: no value).")
    ] = None,
    database: Database = None,
    user: User = None,
    json: AsJson = False,
) -> None:
    """Give a data store a value. What waits for one goes on by 'fermata retry'."""
    wanted = _from_file(file) if file is not None else _value(value)
    with opened(database) as engine:
        found = engine.set_data_store(store, wanted, by=actor(user), version=version)
    if json:
        return output.as_json(found)
    return output.say(f"Data store {found.key} has version [bold]{found.version}[/bold].")


def _value(text: str | None) -> Any:
    if text is None:
        raise typer.BadParameter("there is neither a value nor a --file.", param_hint="VALUE")
    try:
        return json_text.loads(text)
    except ValueError:
        return text


def _from_file(file: Path) -> Any:
    try:
        return json_text.loads(file.read_text(encoding="utf-8"))
    except OSError as problem:
        raise typer.BadParameter(f"{file} cannot be read: {problem.strerror}.", param_hint="--file") from problem
    except ValueError as problem:
        raise typer.BadParameter(f"{file} is not JSON: {problem}.", param_hint="--file") from problem
