"""Letting instances go on by another version, from the command line: migrate plan, migrate run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli import output
from engine.cli.options import AsJson, Database, User, actor, find_instance, opened, read_pairs
from engine.cli.steering import Reason
from engine.errors import Conflict, InvalidInput, NotFound
from engine.migration import Migration, Problem

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.migration import MigrationPlan

app = typer.Typer(help="Let instances go on by another version of their process.", no_args_is_help=True)

Key = Annotated[str, typer.Argument(metavar="PROCESS", help="The key of the process.")]
Source = Annotated[int | None, typer.Option("--from", metavar="VERSION", help="Default: the newest other one.")]
Target = Annotated[int | None, typer.Option("--to", metavar="VERSION", help="Default: the newest.")]
Mapped = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="OLD=NEW", help="An element that is called otherwise; OLD=- maps it to nothing."),
]


@app.command()
def plan(
    key: Key,
    source: Source = None,
    target: Target = None,
    mapped: Mapped = None,
    database: Database = None,
    json: AsJson = False,
) -> None:
    """Show which element becomes which, and what is wrong with that."""
    with opened(database) as engine:
        found = _plan(engine, key, source, target, mapped)
    if json:
        output.as_json(found)
    else:
        output.say(f"{key}: version {found.source_version} to version {found.target_version}")
        rows = [*found.mapping.items(), *((each, "-") for each in found.unmapped)]
        output.table(("element", "becomes"), rows)
        for problem in found.problems:
            output.error(str(problem))
    if found.problems:
        raise typer.Exit(1)


@app.command()
def run(
    key: Key,
    references: Annotated[list[str] | None, typer.Argument(metavar="[INSTANCE]...")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every live instance of the version, in the background as a batch.")
    ] = False,
    source: Source = None,
    target: Target = None,
    mapped: Mapped = None,
    re_arm: Annotated[
        bool, typer.Option("--re-arm", help="Timers, messages and signals begin anew, as in the other version.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would happen to each instance.")] = False,
    reason: Reason = "",
    user: User = None,
    database: Database = None,
    json: AsJson = False,
) -> None:
    """Migrate instances; or tell what that would do."""
    if every == bool(references):
        raise typer.BadParameter("name instances, or give --all.", param_hint="INSTANCE")
    with opened(database) as engine:
        found = _plan(engine, key, source, target, mapped)
        if every and not dry_run:
            from engine.batch import MigrateAll
            from engine.searching import Condition

            where = [Condition("definition_id", found.source)]
            batch = engine.batch(MigrateAll(found, re_arm), where=where, reason=reason, by=actor(user))
            return output.as_json(batch) if json else output.say(f"Batch {batch.id}: {batch.summary}")
        ids = _live(engine, found) if every else [find_instance(engine, each).id for each in references or ()]
        results: list[Migration] = []
        for each in ids:
            results.append(_migrated(engine, each, found, re_arm, dry_run, reason, actor(user)))
            if not json:  # at once: what is done stays done, whatever becomes of those after it
                _tell(results[-1])
    if json:
        output.as_json(results)
    if left := [each.instance_id for each in results if each.problems]:
        raise Conflict(f"{len(left)} of {len(results)} instances cannot be migrated by this plan: {', '.join(left)}.")
    return None


def _migrated(
    engine: Engine, instance_id: str, found: MigrationPlan, re_arms: bool, is_dry_run: bool, reason: str, by: str
) -> Migration:
    """One that is refused does not keep the others from it."""
    try:
        return engine.migrate(instance_id, found, re_arms=re_arms, is_dry_run=is_dry_run, reason=reason, by=by)
    except (Conflict, InvalidInput, NotFound) as problem:
        return Migration(instance_id, problems=(Problem("", str(problem)),), is_dry_run=is_dry_run)


def _tell(result: Migration) -> None:
    moves = ", ".join(old if old == new else f"{old} -> {new}" for _, old, new in result.moves)
    said = "; ".join(str(problem) for problem in result.problems) or moves
    output.say(f"{result.instance_id}  {'cannot: ' if result.problems else ''}{said}")
    for what, elements in (("no longer waits for", result.given_up), ("waits from now on for", result.new)):
        if elements:
            output.say(f"  {what} {', '.join(elements)}")


def _plan(engine: Engine, key: str, source: int | None, target: int | None, mapped: list[str] | None) -> MigrationPlan:
    pairs = {old: None if new == "-" else new for old, new in read_pairs(mapped, "--map").items()}
    return engine.migration_plan(key, source=source, target=target, mapping=pairs)


def _live(engine: Engine, found: MigrationPlan) -> list[str]:
    """All instances of the version that run or are suspended."""
    from engine.searching import Condition, Operator, Search

    is_live = Condition("ended_at", False, Operator.EXISTS)
    return [each.id for each in engine.find.instances(Search((Condition("definition_id", found.source), is_live)))]
