"""Process instances on the command line: start, list, show, history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli import output
from engine.cli.options import (
    AsJson,
    Database,
    InstanceReference,
    User,
    Variables,
    VariablesFile,
    actor,
    find_instance,
    opened,
    read_variables,
)

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.model import History, ProcessInstance


def start(
    process: Annotated[str, typer.Argument(metavar="PROCESS", help="The key of the process: its id in the diagram.")],
    variables: Variables = None,
    variables_file: VariablesFile = None,
    business_key: Annotated[str | None, typer.Option("--business-key", help="The name its users know it by.")] = None,
    version: Annotated[int | None, typer.Option("--version", help="Default: the newest.")] = None,
    version_tag: Annotated[
        str | None, typer.Option("--version-tag", metavar="TAG", help="The newest version that has this tag.")
    ] = None,
    database: Database = None,
    user: User = None,
    json: AsJson = False,
) -> None:
    """Start an instance; a worker ('fermata up' or 'fermata work') carries it on."""
    values = read_variables(variables, variables_file)
    with opened(database) as engine:
        instance = engine.start(
            process,
            variables=values,
            business_key=business_key,
            by=actor(user),
            version=version,
            version_tag=version_tag,
        )
    if json:
        output.as_json(instance)
    else:
        output.say(f"Started {instance.process_key} version {instance.version}: [bold]{instance.id}[/bold]")


def list_instances(
    process: Annotated[str | None, typer.Option("--process", metavar="KEY", help="Of this process only.")] = None,
    state: Annotated[str | None, typer.Option("--state", help="running, completed, suspended, failed, ...")] = None,
    business_key: Annotated[str | None, typer.Option("--business-key")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1)] = 50,
    offset: Annotated[int, typer.Option("--offset", min=0)] = 0,
    database: Database = None,
    json: AsJson = False,
) -> None:
    """List process instances, newest first."""
    with opened(database) as engine:
        page = engine.read.instances(
            key=process, state=_state(state), business_key=business_key, limit=limit, offset=offset
        )
    if json:
        return output.as_json(page.items)
    rows = [
        (
            each.id,
            each.process_key,
            each.version,
            each.business_key,
            each.state,
            each.incident_count or "",
            each.started_at,
        )
        for each in page.items
    ]
    output.table(
        ("instance", "process", "version", "business key", "state", "incidents", "started"),
        rows,
        empty="No instance matches. Start one with 'fermata start PROCESS'.",
    )
    return output.rest_of(page, offset)


def _state(text: str | None) -> Any:
    from engine.model import InstanceState

    if text is None:
        return None
    try:
        return InstanceState(text)
    except ValueError as problem:
        allowed = ", ".join(InstanceState)
        raise typer.BadParameter(f"'{text}' is no state. Allowed: {allowed}.", param_hint="--state") from problem


def show(reference: InstanceReference, database: Database = None, json: AsJson = False) -> None:
    """Show one instance: where it waits, its variables, what is wrong."""
    with opened(database) as engine:
        found = _everything(engine, find_instance(engine, reference))
    if json:
        return output.as_json(found)
    return _print_instance(found)


def _everything(engine: Engine, instance: ProcessInstance) -> dict[str, Any]:
    read = engine.read
    return {
        "instance": instance,
        "active": read.active(instance.id),
        "variables": read.variables(instance.id),
        "tasks": read.tasks(scope="all", instance_id=instance.id).items,
        "jobs": read.jobs(instance_id=instance.id),
        "incidents": read.incidents(instance_id=instance.id, open_only=True),
        "children": read.children(instance.id),
    }


def _print_instance(found: dict[str, Any]) -> None:
    instance: ProcessInstance = found["instance"]
    title = f"[bold]{instance.process_name or instance.process_key}[/bold] version {instance.version}"
    ended = f", ended {output.moment(instance.ended_at)}" if instance.ended_at else ""
    output.say(f"{title}  {instance.id}")
    output.say(f"{instance.state}, started {output.moment(instance.started_at)} by {instance.started_by}{ended}")
    if instance.business_key:
        output.say(f"business key {instance.business_key}")
    if instance.end_reason:
        output.say(f"reason: {instance.end_reason}")
    if found["active"]:
        rows = [(each.element_id, each.name, each.kind, each.entered_at) for each in found["active"]]
        output.table(("waits at", "name", "kind", "since"), rows)
    if found["tasks"]:
        rows = [(each.id, each.name, each.assignee or ", ".join(each.candidate_groups)) for each in found["tasks"]]
        output.table(("task", "name", "for"), rows)
    open_jobs = [job for job in found["jobs"] if job.state in ("available", "queued", "running", "failed")]
    if open_jobs:
        rows = [(job.element_id, job.kind, job.type, job.state, job.due_at, job.error) for job in open_jobs]
        output.table(("job at", "kind", "type", "state", "due", "error"), rows)
    if found["incidents"]:
        rows = [(each.id, each.element_id, each.message, each.location) for each in found["incidents"]]
        output.table(("incident", "at", "message", "where"), rows)
        output.say(f"Once the cause is gone: fermata retry {instance.id}")
    if found["variables"]:
        rows = [(name, output.shown(value)) for name, value in sorted(found["variables"].items())]
        output.table(("variable", "value"), rows)


def history(
    reference: InstanceReference,
    variables: Annotated[bool, typer.Option("--variables", help="Every variable change, too.")] = False,
    database: Database = None,
    json: AsJson = False,
) -> None:
    """Show all that happened in one instance, in order."""
    with opened(database) as engine:
        found = engine.read.history(find_instance(engine, reference).id)
    if json:
        return output.as_json(found)
    output.table(("entered", "element", "name", "kind", "ended", "outcome", "by"), _activities(found))
    if found.job_attempts:
        rows = [
            (each.started_at, each.job_id, each.attempt, each.outcome or "under way", each.worker, each.error)
            for each in found.job_attempts
        ]
        output.table(("attempt at", "job", "attempt", "outcome", "worker", "error"), rows)
    if found.agent_steps:
        rows = [
            (
                each.at,
                each.kind,
                each.name,
                each.input_tokens + each.output_tokens,
                each.cost,
                "offline" * each.is_offline,
            )
            for each in found.agent_steps
        ]
        output.table(("agent step", "kind", "name", "tokens", "cost", ""), rows)
    output.table(("at", "what", "element", "by"), [(e.at, e.action, e.element_id, e.actor) for e in found.log])
    if variables:
        changes = [
            (
                each.at,
                each.name,
                _before(each),
                output.shown(each.after) if each.exists_after else "(removed)",
                each.actor,
            )
            for each in found.variable_changes
        ]
        output.table(("changed", "variable", "before", "after", "by"), changes, empty="No variable was changed.")
    return None


def _before(change: Any) -> str:
    return output.shown(change.before) if change.existed_before else ""


def _activities(found: History) -> list[tuple[Any, ...]]:
    return [
        (each.entered_at, each.element_id, each.name, each.kind, each.ended_at, each.outcome or "waits", each.actor)
        for each in found.activities
    ]
