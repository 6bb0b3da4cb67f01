"""Messages and signals from the command line."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli import output
from engine.cli.options import AsJson, Database, User, Variables, VariablesFile, actor, opened, read_variables

if TYPE_CHECKING:
    from engine.model import Correlation

_OUTCOMES = {
    "stored": "Nobody waits for it yet; it waits until {}.",
    "dropped": "Nobody waits for it; it is lost. Give it time with --ttl.",
    "duplicate": "A message with this id was sent before; nothing is done.",
}


def message(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The message's name in the diagram.")],
    key: Annotated[str | None, typer.Option("--key", help="The correlation key to match.")] = None,
    properties: Annotated[
        list[str] | None,
        typer.Option("--property", metavar="ID=VALUE", help="A correlation property of the key to match. Repeatable."),
    ] = None,
    business_key: Annotated[str | None, typer.Option("--business-key", help="The instance's business key.")] = None,
    matching: Annotated[
        list[str] | None,
        typer.Option("--where", metavar="NAME=VALUE", help="A variable that the instance must have. Repeatable."),
    ] = None,
    instance_id: Annotated[str | None, typer.Option("--instance", help="The id of the only instance meant.")] = None,
    to_all: Annotated[bool, typer.Option("--all", help="To everything that waits for it, not to one.")] = False,
    ttl: Annotated[
        str | None, typer.Option("--ttl", metavar="DURATION", help="How long it waits for a receiver: PT10M, P1D.")
    ] = None,
    message_id: Annotated[
        str | None, typer.Option("--id", help="With --ttl: sent again with the same id, it does nothing.")
    ] = None,
    variables: Variables = None,
    variables_file: VariablesFile = None,
    user: User = None,
    database: Database = None,
    json: AsJson = False,
) -> None:
    """Send a message to the instance that waits for it, or start one where a start event waits."""
    values = read_variables(variables, variables_file)
    given: Any = read_variables(properties, None) or key
    if ttl is None and message_id is None:
        with opened(database) as engine:
            correlation = engine.correlate(
                name,
                correlation_key=given,
                business_key=business_key,
                correlation_keys=read_variables(matching, None),
                variables=values,
                by=actor(user),
                instance_id=instance_id,
                all=to_all,
            )
        return output.as_json(correlation) if json else _say(correlation)
    if business_key or matching or instance_id or to_all:
        problem = "a message that may wait goes by --key or --property only."
        raise typer.BadParameter(problem, param_hint="--ttl")
    with opened(database) as engine:
        lives = _duration(ttl, engine.clock.now())
        publication = engine.publish(
            name, correlation_key=given, variables=values, ttl=lives, message_id=message_id, by=actor(user)
        )
        until = engine.clock.now() + lives
    if json:
        return output.as_json(publication)
    if publication.outcome in _OUTCOMES:
        return output.say(_OUTCOMES[publication.outcome].format(until.isoformat(timespec="seconds")))
    return _say(publication.correlation)


def messages(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Only messages of this name.")] = None,
    key: Annotated[str | None, typer.Option("--key", help="Only those with this correlation key.")] = None,
    database: Database = None,
    json: AsJson = False,
) -> None:
    """List messages whose time to live has not passed: those that wait, and those that were delivered."""
    with opened(database) as engine:
        found = engine.read.messages(name, correlation_key=key)
    if json:
        return output.as_json(found)
    columns = ("message", "name", "key", "state", "published", "expires", "receiver")
    rows = [
        (each.id, each.name, each.correlation_key, each.state, each.published_at, each.expires_at, each.receiver_id)
        for each in found
    ]
    return output.table(columns, rows, empty="No message waits.")


def _duration(text: str | None, now: datetime) -> timedelta:
    from engine.timing import TimerError, read_duration

    if text is None:
        return timedelta()
    try:
        return read_duration(text).after(now) - now
    except TimerError as problem:
        raise typer.BadParameter(str(problem), param_hint="--ttl") from problem


def _say(correlation: Correlation) -> None:
    for instance_id in correlation.matched:
        output.say(f"Received by {instance_id}")
    for instance_id in correlation.started:
        output.say(f"Started {instance_id}")
    for process_key in correlation.kept:
        output.say(f"Kept for {process_key}, which starts when its other triggers have come")


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
