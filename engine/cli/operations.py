"""Keeping things going from the command line: work, incidents, retry, cancel, suspend, activate."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli import logs, output
from engine.cli.observing import LogFormat, MetricsHost, MetricsPort, SlowInstanceSeconds, SlowSeconds, observed
from engine.cli.options import AsJson, Database, InstanceReference, User, actor, find_instance, opened
from engine.errors import NotFound

if TYPE_CHECKING:
    from engine.application import Application
    from engine.engine import Engine
    from engine.model import Incident

Applications = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[APPLICATION]...", help="Folders whose handlers and agents to load. Default: this folder."),
]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the history.")]


def work(
    folders: Applications = None,
    workers: Annotated[int, typer.Option("--workers", metavar="COUNT", min=1, help="Threads, with --forever.")] = 4,
    forever: Annotated[bool, typer.Option("--forever", help="Go on until Ctrl-C; else until nothing is due.")] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="COUNT", min=1, help="Run at most so many jobs.")
    ] = None,
    database: Database = None,
    json: AsJson = False,
    log_format: LogFormat = logs.Format.TEXT,
    metrics_port: MetricsPort = None,
    metrics_host: MetricsHost = "127.0.0.1",
    slow_seconds: SlowSeconds = 1.0,
    slow_instance_seconds: SlowInstanceSeconds = None,
) -> None:
    """Run due jobs and timers with the handlers of the application folders."""
    from engine.cli.server import stopped_by_signals

    applications = load_applications(folders)
    if not applications:
        raise typer.BadParameter(
            "this folder is no process application, and without handlers jobs would become incidents. "
            "Name the folders whose handlers shall run.",
            param_hint="APPLICATION",
        )
    with opened(database) as engine:
        for application in applications:
            application.register(engine)
        if forever:
            logs.to_stderr(form=log_format)
            with (
                stopped_by_signals() as stop,
                observed(
                    engine,
                    metrics_port=metrics_port,
                    metrics_host=metrics_host,
                    slow_seconds=slow_seconds,
                    slow_instance_seconds=slow_instance_seconds,
                ),
            ):
                engine.start_workers(workers)
                output.say(f"{workers} workers run jobs. Ctrl-C stops them.")
                _wait(stop)
            return None
        count = engine.work(until_idle=True, limit=limit)
    return output.as_json({"jobs": count}) if json else output.say(f"Ran {count} job{'' if count == 1 else 's'}.")


def load_applications(folders: list[Path] | None) -> list[Application]:
    """The named folders; else the current one where it is an application. Raises ApplicationError."""
    from engine.application import load_application
    from engine.settings import FILE_NAME

    here = Path()
    is_application = (here / FILE_NAME).is_file() or (here / "handlers.py").is_file()
    return [load_application(folder) for folder in folders or ([here] if is_application else [])]


def _wait(stop: threading.Event) -> None:
    """Waits in slices: a wait without end would keep Python from handling signals on some systems."""
    while not stop.wait(1):
        pass


def workers(database: Database = None, json: AsJson = False) -> None:
    """List the workers on all machines: since when they run, when they were heard of, and which jobs they hold."""
    with opened(database) as engine:
        found = engine.read.workers()
    if json:
        return output.as_json(found)
    rows = [
        (
            each.name,
            "unknown" if each.is_alive is None else "running" if each.is_alive else "silent",
            each.host,
            each.process_id,
            each.threads,
            each.engine_version,
            each.started_at,
            each.heard_at,
            ", ".join(f"{count} {type}" for type, count in each.holds.items()),
        )
        for each in found
    ]
    columns = ("worker", "state", "host", "process", "threads", "version", "since", "heard", "holds")
    return output.table(
        columns, rows, empty="No worker runs. Start some with 'fermata up' or 'fermata work --forever'."
    )


def incidents(
    limit: Annotated[int, typer.Option("--limit", min=1)] = 50,
    offset: Annotated[int, typer.Option("--offset", min=0)] = 0,
    database: Database = None,
    json: AsJson = False,
) -> None:
    """List open incidents, the oldest first: work that waits for you."""
    with opened(database) as engine:
        page = engine.read.open_incidents(newest_first=False, limit=limit, offset=offset)
    if json:
        return output.as_json(page.items)
    rows = [(each.id, each.element_id, each.message, each.location, each.created_at) for each in page]
    output.table(("incident", "at", "message", "where", "since"), rows, empty="No incident is open.")
    return output.rest_of(page, offset)


def retry(
    reference: Annotated[
        str | None,
        typer.Argument(metavar="INCIDENT", help="An incident's id, or an instance for all of its incidents."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every open incident.")] = False,
    retries: Annotated[
        int | None, typer.Option("--retries", min=1, help="Attempts to give. Default: as at first.")
    ] = None,
    user: User = None,
    database: Database = None,
) -> None:
    """Resolve incidents by trying again, once the cause is gone."""
    if (reference is None) != every:
        raise typer.BadParameter("name an incident or an instance, or give --all.", param_hint="INCIDENT")
    with opened(database) as engine:
        chosen = _chosen_incidents(engine, reference)
        for incident in chosen:
            engine.retry(incident.id, by=actor(user), retries=retries)
            output.say(f"Retrying {incident.element_id} ({incident.id})")
    if not chosen:
        output.say("No incident is open.")


def _chosen_incidents(engine: Engine, reference: str | None) -> list[Incident]:
    found = list(engine.read.incidents(open_only=True))
    if reference is None:
        return found
    exact = [incident for incident in found if incident.id == reference]
    if exact:
        return exact
    try:
        instance = find_instance(engine, reference)
    except NotFound as problem:
        raise NotFound(
            f"'{reference}' is no open incident and no instance. 'fermata incidents' shows them."
        ) from problem
    return [incident for incident in found if incident.instance_id == instance.id]


def cancel(reference: InstanceReference, reason: Reason = "", user: User = None, database: Database = None) -> None:
    """End an instance with everything it waits for."""
    with opened(database) as engine:
        instance = find_instance(engine, reference)
        engine.cancel(instance.id, reason, by=actor(user))
    output.say(f"Cancelled {instance.id}")


def suspend(reference: InstanceReference, reason: Reason = "", user: User = None, database: Database = None) -> None:
    """Stop an instance where it stands, until it is activated."""
    with opened(database) as engine:
        instance = find_instance(engine, reference)
        engine.suspend(instance.id, by=actor(user), reason=reason)
    output.say(f"Suspended {instance.id}")


def activate(reference: InstanceReference, reason: Reason = "", user: User = None, database: Database = None) -> None:
    """Let a suspended instance go on."""
    with opened(database) as engine:
        instance = find_instance(engine, reference)
        engine.activate(instance.id, by=actor(user), reason=reason)
    output.say(f"Activated {instance.id}")
