"""Messages and signals from the command line."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli import output
from engine.cli.options import AsJson, Database, User, Variables, VariablesFile, actor, opened, read_variables


def message(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The message's name in the diagram.")],
    key: Annotated[str | None, typer.Option("--key", help="The correlation key to match.")] = None,
    business_key: Annotated[str | None, typer.Option("--business-key", help="The instance's business key.")] = None,
    to_all: Annotated[bool, typer.Option("--all", help="To everything that waits for it, not to one.")] = False,
    variables: Variables = None,
    variables_file: VariablesFile = None,
    user: User = None,
    database: Database = None,
    json: AsJson = False,
) -> None:
    """Send a message to the instance that waits for it, or start one where a start event waits."""
    values = read_variables(variables, variables_file)
    with opened(database) as engine:
        correlation = engine.correlate(
            name, correlation_key=key, business_key=business_key, variables=values, by=actor(user), all=to_all
        )
    if json:
        return output.as_json(correlation)
    for instance_id in correlation.matched:
        output.say(f"Received by {instance_id}")
    for instance_id in correlation.started:
        output.say(f"Started {instance_id}")
    return None


def signal(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The signal's name in the diagram.")],
    variables: Variables = None,
    variables_file: VariablesFile = None,
    user: User = None,
    database: Database = None,
    json: AsJson = False,
) -> None:
    """Send a signal to everything that waits for it."""
    values = read_variables(variables, variables_file)
    with opened(database) as engine:
        received = engine.signal(name, variables=values, by=actor(user))
    if json:
        return output.as_json({"received": received})
    return output.say(f"Received by {received}." if received else "Nothing waits for this signal; it has no effect.")
