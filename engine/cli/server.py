"""`fermata up`: everything in one process, for development and small installations."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from enum import StrEnum
from importlib.metadata import entry_points
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli import logs, output
from engine.cli.observing import LogFormat, MetricsHost, MetricsPort, SlowInstanceSeconds, SlowSeconds, observed
from engine.cli.operations import load_applications
from engine.cli.options import Database, folder_of
from engine.settings import database_url, longest_time_to_live, shortest_partition

if TYPE_CHECKING:
    from engine.application import Application
    from engine.engine import Engine

SERVERS = "fermata.servers"  # the entry point group in which a web application registers itself

Applications = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[APPLICATION]...", help="Application folders to deploy. Default: this folder, if it is one."
    ),
]


Proxy = Annotated[
    str | None,
    typer.Option(
        "--proxy",
        metavar="ADDRESS",
        help="From where an HTTPS proxy asks, or '*': its X-Forwarded-For and X-Forwarded-Proto count.",
    ),
]


class Executor(StrEnum):
    THREADS = "threads"
    CELERY = "celery"


def up(
    folders: Applications = None,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="0 takes any free port.")
    ] = 8000,
    workers: Annotated[int, typer.Option("--workers", metavar="COUNT", min=1, help="Threads that run jobs.")] = 4,
    database: Database = None,
    log_format: LogFormat = logs.Format.TEXT,
    metrics_port: MetricsPort = None,
    metrics_host: MetricsHost = "127.0.0.1",
    slow_seconds: SlowSeconds = 1.0,
    slow_instance_seconds: SlowInstanceSeconds = None,
    proxy: Proxy = None,
    executor: Annotated[
        Executor, typer.Option("--executor", help="Who does service tasks: threads of this process, or a Celery fleet.")
    ] = Executor.THREADS,
) -> None:
    """Deploy applications, start workers and the web server; Ctrl-C stops everything.

    What was running when it was stopped last goes on. People from \\[people] in fermata.toml are made
    when nobody can log in yet, on a local address only, and not behind a proxy.
    """
    from engine.engine import Engine

    behind = _proxy_address(proxy)
    applications = load_applications(folders)
    fleet = _fleet(applications) if executor is Executor.CELERY else None
    url = database_url(database)
    var = folder_of(url)
    time_to_live = longest_time_to_live([application.settings for application in applications])
    partition = shortest_partition([application.settings for application in applications])
    logs.to_stderr(logging.WARNING, log_format)
    with (
        stopped_by_signals() as stop,
        Engine(url, history_time_to_live=time_to_live, history_partition=partition) as engine,
        observed(
            engine,
            metrics_port=metrics_port,
            metrics_host=metrics_host,
            slow_seconds=slow_seconds,
            slow_instance_seconds=slow_instance_seconds,
        ),
    ):
        _install(engine, applications)
        _people(engine, applications, is_local=behind is None and _is_loopback(host))
        if stop.is_set():
            return
        with fleet(engine) if fleet else nullcontext():
            engine.start_workers(workers)
            _serve(engine, host, port, stop, var, behind)
        output.say("Stopping: running jobs finish first.")
    output.say("Stopped. Start again and every running instance goes on.")


def _fleet(applications: Sequence[Application]) -> Callable[[Engine], AbstractContextManager[None]]:
    """Raises InvalidInput where the applications' settings name none."""
    from engine.executors.celery import merged, relayed

    settings = merged([application.settings for application in applications])
    return lambda engine: relayed(engine, settings)


def _install(engine: Engine, applications: Sequence[Application]) -> None:
    with output.progress("Deploying", len(applications)) as advance:
        for application in applications:
            deployment = application.install(engine)
            if deployment is not None:
                output.findings(deployment.warnings)
                keys = ", ".join(f"{each.key} v{each.version}" for each in deployment.definitions)
                news = "deployed" if deployment.is_new else "unchanged"
                output.say(f"{application.name}: {keys or 'no executable process'} [dim]({news})[/dim]")
            advance()


def _people(engine: Engine, applications: Sequence[Application], *, is_local: bool) -> None:
    """Makes the demo people on the very first start, and says who can log in."""
    people = {person.name: person for application in applications for person in application.people}
    known = engine.people.list()
    if not known and people and not is_local:
        output.warn("The people in fermata.toml have public passwords and are not made where others reach them.")
    elif not known:
        for person in people.values():
            engine.people.add(
                person.name, person.password, person.display_name, person.groups, is_admin=person.is_admin
            )
        known = engine.people.list()
    if not known:
        output.warn("Nobody can log in yet. Add somebody with 'fermata people add NAME'.")
        return
    rows = [
        (
            each.name,
            people[each.name].password if each.name in people and is_local else "",
            each.display_name,
            ", ".join(each.groups),
        )
        for each in known
    ]
    output.table(("log in as", "first password", "name", "groups"), rows)


def _proxy_address(text: str | None) -> str | None:
    """Raises typer.BadParameter for a name: the server compares addresses."""
    if text is None or text == "*":
        return text
    try:
        return str(ip_address(text))
    except ValueError as problem:
        message = f"'{text}' is no address. Write the one from which the proxy asks, like 127.0.0.1, or '*' for any."
        raise typer.BadParameter(message, param_hint="--proxy") from problem


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _serve(engine: Engine, host: str, port: int, stop: threading.Event, var: Path, proxy: str | None) -> None:
    """Blocks until *stop* is set. Exits with 1 where the address cannot be had."""
    serve = _server()
    if serve is None:
        output.warn("No web application is installed: workers only.")
        while not stop.wait(1):
            pass
        return

    def announce(address: str) -> None:
        output.say(f"Fermata is up at [bold]{address}[/bold]. Ctrl-C stops it.")

    try:
        serve(engine, host=host, port=port, stop=stop, on_ready=announce, var=var, proxy=proxy)
    except OSError as problem:
        reason = problem.strerror or problem
        output.error(f"Cannot listen on {host}:{port}: {reason}. Stop what runs there or choose another --port.")
        raise typer.Exit(1) from problem


def _server() -> Callable[..., Any] | None:
    """The web application's serve function: serve(engine, *, host, port, stop, on_ready, var, proxy)."""
    found = sorted(entry_points(group=SERVERS), key=lambda entry: (entry.name != "web", entry.name))
    return found[0].load() if found else None


@contextmanager
def stopped_by_signals() -> Generator[threading.Event]:
    """An event that SIGINT and SIGTERM set; a second SIGINT ends the process the hard way."""
    stop = threading.Event()

    def ask(number: int, frame: Any) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
