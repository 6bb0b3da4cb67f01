"""Moving the tokens of an instance, and starting an ended one again, from the command line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli import output
from engine.cli.options import (
    Database,
    InstanceReference,
    User,
    Variables,
    VariablesFile,
    actor,
    find_instance,
    opened,
    read_pairs,
    read_variables,
)

if TYPE_CHECKING:
    from engine.modification import Instruction

Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the history.")]
Elements = list[str] | None
Cancel = Annotated[
    Elements,
    typer.Option("--cancel", metavar="ELEMENT", help="Cancel all tokens at an element, or one activity by its number."),
]
Before = Annotated[Elements, typer.Option("--before", metavar="ELEMENT", help="Begin before an element.")]
After = Annotated[Elements, typer.Option("--after", metavar="ELEMENT", help="Begin on the flow after an element.")]
On = Annotated[Elements, typer.Option("--on", metavar="FLOW", help="Begin on a sequence flow.")]
Move = Annotated[Elements, typer.Option("--move", metavar="FROM=TO", help="Move every token at FROM before TO.")]


def instructions(
    cancel: Elements,
    before: Elements,
    after: Elements,
    on: Elements,
    move: Elements,
    variables: dict[str, Any],
    within: int | None = None,
) -> tuple[Instruction, ...]:
    """In this order. *variables*: set with the first token that begins. Raises typer.BadParameter where none does."""
    from engine import modification as m

    moves = read_pairs(move, "--move")
    gone = [m.CancelActivity(int(each)) if each.isdigit() else m.CancelElement(each) for each in cancel or ()]
    begun = [
        *(m.StartBefore(each, within=within) for each in before or ()),
        *(m.StartAfter(each, within=within) for each in after or ()),
        *(m.StartOn(each, within=within) for each in on or ()),
    ]
    if variables and not begun:
        raise typer.BadParameter("variables are set with a token that begins: give --before, --after or --on.")
    if variables:
        begun[0] = replace(begun[0], variables=variables)
    return (*gone, *(m.Move(old, new) for old, new in moves.items()), *begun)


def modify(
    reference: InstanceReference,
    cancel: Cancel = None,
    before: Before = None,
    after: After = None,
    on: On = None,
    move: Move = None,
    within: Annotated[
        int | None, typer.Option("--within", metavar="ACTIVITY", help="The open scope to begin in, by its number.")
    ] = None,
    variables: Variables = None,
    variables_file: VariablesFile = None,
    reason: Reason = "",
    user: User = None,
    database: Database = None,
) -> None:
    """Move the tokens of an instance: all that is cancelled goes, then the rest begins."""
    values = read_variables(variables, variables_file)
    asked = instructions(cancel, before, after, on, move, values, within)
    with opened(database) as engine:
        instance = find_instance(engine, reference)
        engine.modify(instance.id, *asked, reason=reason, by=actor(user))
        places = ", ".join(dict.fromkeys(each.element_id for each in engine.read.active(instance.id))) or "nowhere"
    output.say(f"Modified {instance.id}: it stands at {places}")


def restart(
    reference: InstanceReference,
    at: Annotated[Elements, typer.Option("--at", metavar="ELEMENT", help="Begin there. Default: where it was.")] = None,
    initial: Annotated[
        bool, typer.Option("--initial-variables", help="With the variables it began with; else its last ones.")
    ] = False,
    variables: Variables = None,
    variables_file: Annotated[Path | None, typer.Option("--vars", metavar="FILE", help="A JSON file.")] = None,
    reason: Reason = "",
    user: User = None,
    database: Database = None,
) -> None:
    """Start an ended instance again, as a new one of the same version."""
    values = read_variables(variables, variables_file)
    with opened(database) as engine:
        ended = find_instance(engine, reference)
        again = engine.restart(
            ended.id, at or (), initial_variables=initial, variables=values, reason=reason, by=actor(user)
        )
    output.say(f"Restarted {ended.id} as {again.id}")
