"""Who may use the REST API: tokens add, tokens list, tokens revoke."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from engine.cli import output
from engine.cli.options import AsJson, Database, actor, opened
from engine.scopes import Scope

app = typer.Typer(help="Tokens by which programs use the REST API.", no_args_is_help=True)


@app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the program is called, also in the history.")],
    scopes: Annotated[
        list[Scope] | None, typer.Option("--scope", help="What it may be used for. Repeatable. Default: everything.")
    ] = None,
    person: Annotated[
        str | None,
        typer.Option("--person", metavar="NAME", help="Acts as this person, with their powers."),
    ] = None,
    days: Annotated[int | None, typer.Option("--days", min=1, help="How long it is valid. Default: for ever.")] = None,
    database: Database = None,
) -> None:
    """Make a token. It is printed once, alone on the standard output, and cannot be shown again."""
    with opened(database) as engine:
        lasts = timedelta(days=days) if days is not None else None
        _, secret = engine.tokens.add(name, scopes or tuple(Scope), person=person, lasts=lasts, by=actor())
    output.say(f"Added {name}. Send it as 'Authorization: Bearer ...'. It is shown this once:")
    typer.echo(secret)


@app.command("list")
def list_tokens(database: Database = None, json: AsJson = False) -> None:
    """List the tokens, without what they are."""
    with opened(database) as engine:
        found, now = engine.tokens.list(), engine.clock.now()
    if json:
        return output.as_json(found)
    rows = [
        (
            each.name,
            each.person or "",
            ", ".join(each.scopes),
            f"{each.last_used_at:%Y-%m-%d %H:%M}" if each.last_used_at else "never",
            "revoked" if each.revoked_at else "" if each.is_valid_at(now) else "expired",
        )
        for each in found
    ]
    return output.table(
        ("name", "person", "scopes", "last used", ""), rows, empty="None. Make one: fermata tokens add NAME"
    )


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A token's name or id.")], database: Database = None
) -> None:
    """Make a token worthless, at once."""
    with opened(database) as engine:
        engine.tokens.revoke(name)
    output.say(f"Revoked {name}.")
