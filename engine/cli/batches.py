"""Operations on many instances from the command line: batch start, list, show, pause, resume, cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli import output
from engine.cli.options import AsJson, Database, User, Variables, VariablesFile, actor, opened, read_variables
from engine.cli.steering import After, Before, Cancel, Elements, Move, On, Reason, instructions

if TYPE_CHECKING:
    from engine.batch import Operation
    from engine.searching import Condition

app = typer.Typer(help="Operations on many instances, in the background.", no_args_is_help=True)

BatchId = Annotated[str, typer.Argument(metavar="BATCH", help="The id of the batch.")]
Moves = tuple[Elements, Elements, Elements, Elements, Elements]
_PLAIN = ("cancel", "suspend", "activate", "retry", "delete")
_KINDS = f"{', '.join(_PLAIN)}, set-variables or modify"


@app.command()
def start(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"What to do: {_KINDS}.")],
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Instances; for retry, incidents.")] = None,
    process: Annotated[str | None, typer.Option("--process", metavar="KEY", help="All of this process.")] = None,
    version: Annotated[int | None, typer.Option("--version", help="Of this version of it.")] = None,
    state: Annotated[str | None, typer.Option("--state", help="In this state.")] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="ELEMENT", help="With an activity under way there.")] = None,
    cancel: Cancel = None,
    before: Before = None,
    after: After = None,
    on: On = None,
    move: Move = None,
    retries: Annotated[int | None, typer.Option("--retries", min=1, help="Attempts to give, with retry.")] = None,
    variables: Variables = None,
    variables_file: VariablesFile = None,
    reason: Reason = "",
    user: User = None,
    database: Database = None,
    json: AsJson = False,
) -> None:
    """Do something to many instances: those named, or all that fit. The workers do it."""
    values = read_variables(variables, variables_file)
    operation = _operation(kind, values, retries, (cancel, before, after, on, move))
    where = _conditions(kind, process, version, state, at)
    with opened(database) as engine:
        batch = engine.batch(operation, ids or None, where=where, reason=reason, by=actor(user))
    return output.as_json(batch) if json else output.say(f"Batch {batch.id}: {batch.total} to {kind}")


@app.command("list")
def list_batches(
    limit: Annotated[int, typer.Option("--limit", min=1)] = 20, database: Database = None, json: AsJson = False
) -> None:
    """List batches, the newest first."""
    with opened(database) as engine:
        found = engine.batches.list(limit)
    if json:
        return output.as_json(found)
    rows = [(each.id, each.kind, each.state, each.summary, each.created_at, each.actor) for each in found]
    return output.table(
        ("batch", "kind", "state", "what came of it", "started", "by"), rows, empty="No batch was made."
    )


@app.command()
def show(
    batch_id: BatchId,
    state: Annotated[str | None, typer.Option("--state", help="Only items in this state, like failed.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1)] = 100,
    database: Database = None,
    json: AsJson = False,
) -> None:
    """Show how far a batch has come, who paused or cancelled it, and what came of each item."""
    with opened(database) as engine:
        batch, items = engine.batches.get(batch_id), engine.batches.items(batch_id, state, limit)
        changes = engine.batches.changes(batch_id)
    if json:
        return output.as_json({"batch": batch, "changes": changes, "items": items})
    output.say(f"{batch.kind} of {batch.total} ({batch.selection}), {batch.state}: {batch.summary}")
    if batch.reason:
        output.say(f"Reason: {batch.reason} ({batch.actor})")
    if changes:
        rows = [(each.state, each.at, each.actor, each.reason) for each in changes]
        output.table(("became", "at", "by", "reason"), rows)
    rows = [(each.number, each.incident_id or each.instance_id, each.state, each.message) for each in items]
    return output.table(("item", "of", "state", "message"), rows)


@app.command()
def pause(batch_id: BatchId, reason: Reason = "", user: User = None, database: Database = None) -> None:
    """Stop a batch between two items."""
    with opened(database) as engine:
        engine.batches.pause(batch_id, by=actor(user), reason=reason)
    output.say(f"Paused {batch_id}")


@app.command()
def resume(batch_id: BatchId, reason: Reason = "", user: User = None, database: Database = None) -> None:
    """Let a paused batch go on."""
    with opened(database) as engine:
        engine.batches.resume(batch_id, by=actor(user), reason=reason)
    output.say(f"Resumed {batch_id}")


@app.command()
def cancel(batch_id: BatchId, reason: Reason = "", user: User = None, database: Database = None) -> None:
    """End a batch: what is done stays done, the rest is left out."""
    with opened(database) as engine:
        engine.batches.cancel(batch_id, by=actor(user), reason=reason)
    output.say(f"Cancelled {batch_id}")


def _operation(kind: str, values: dict[str, Any], retries: int | None, moves: Moves) -> Operation:
    from engine import batch as b

    if kind == "set-variables":
        return b.SetVariablesOfAll(values)
    if kind == "modify":
        return b.ModifyAll(instructions(*moves, values))
    if kind not in _PLAIN:
        raise typer.BadParameter(f"'{kind}' is none of {_KINDS}.", param_hint="KIND")
    return b.RetryAll(retries) if kind == "retry" else b.operation_from(kind, {})


def _conditions(
    kind: str, process: str | None, version: int | None, state: str | None, at: str | None
) -> list[Condition]:
    from engine.searching import Condition

    is_retry = kind == "retry"
    if is_retry and version is not None:
        raise typer.BadParameter("incidents are chosen by --process, --state and --at.", param_hint="--version")
    fields = {
        "process_key": process,
        "version": version,
        "instance_state" if is_retry else "state": state,
        "element_id" if is_retry else "active_at": at,
    }
    return [Condition(name, value) for name, value in fields.items() if value is not None]
