"""`fermata cleanup`: what has been kept long enough goes, and what went is on record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli import output
from engine.cli.options import AsJson, Database, User, actor, opened

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.model import Cleanup


def cleanup(
    is_dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would go; change nothing.")] = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Remove at most so many instances.")] = None,
    shows_record: Annotated[bool, typer.Option("--record", help="Show what was removed up to now, and when.")] = False,
    user: User = None,
    database: Database = None,
    json: AsJson = False,
) -> None:
    """Remove ended instances whose time to live has passed, with all their history.

    Workers that run for long do the same by themselves, every few minutes.
    """
    with opened(database) as engine:
        if shows_record:
            return _show_record(engine, json=json)
        done = _removed(engine, is_dry_run=is_dry_run, limit=limit, by=actor(user))
    return output.as_json(done) if json else _say(done)


def _removed(engine: Engine, *, is_dry_run: bool, limit: int | None, by: str) -> Cleanup:
    due = engine.cleanup(is_dry_run=True)
    if is_dry_run:
        return due
    if not due.instances:
        return engine.cleanup(limit, by=by)
    with output.progress("Removing", min(due.instances, limit or due.instances)) as advance:

        def step(count: int) -> None:
            for _ in range(count):
                advance()

        return engine.cleanup(limit, by=by, progress=step)


def _say(done: Cleanup) -> None:
    if not done.instances and not done.data_changes and not done.partitions:
        return output.say("Nothing has been kept long enough to go.")
    if done.data_changes:
        went = f"{done.data_changes} earlier value{'' if done.data_changes == 1 else 's'} of data stores"
        output.say(f"{went} would go." if done.is_dry_run else f"Removed {went}.")
    if done.partitions:
        output.say(f"Dropped history in {done.partitions} partition{'' if done.partitions == 1 else 's'} of time.")
    if not done.instances:
        return None
    output.table(("definition", "instances"), sorted(done.definitions.items()))
    went = f"{done.instances} ended instance{'' if done.instances == 1 else 's'}"
    if done.is_dry_run:
        return output.say(f"{went} would go, with the instances that they called. Nothing was changed.")
    more = " More may go: run it again." if done.has_more else ""
    return output.say(f"Removed {went}, {done.called_instances} that they called, {done.values} large values.{more}")


def _show_record(engine: Engine, *, json: bool) -> None:
    found = engine.read.cleanups()
    if json:
        return output.as_json(found)
    rows = [
        (
            each.started_at,
            each.definition_id,
            each.instances,
            each.called_instances,
            each.first_ended_at,
            each.last_ended_at,
            each.actor,
        )
        for each in found
    ]
    columns = ("removed", "definition", "instances", "called", "ended from", "to", "by")
    return output.table(columns, rows, empty="Nothing was removed yet.")
