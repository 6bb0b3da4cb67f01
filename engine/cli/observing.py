"""Options of the commands that go on for long, by which they can be watched; and `fermata health`."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli import logs, output
from engine.cli.options import AsJson, Database, opened

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.observability.health import Health

LogFormat = Annotated[
    logs.Format, typer.Option("--log-format", help="Lines for people, or JSON lines that tell of every change.")
]
MetricsPort = Annotated[
    int | None,
    typer.Option(
        "--metrics-port",
        metavar="PORT",
        min=0,
        max=65535,
        help="Serve /metrics, /health/live and /health/ready there; 0: any port.",
    ),
]
MetricsHost = Annotated[str, typer.Option("--metrics-host", metavar="ADDRESS", help="Address for --metrics-port.")]
SlowSeconds = Annotated[
    float, typer.Option("--slow-seconds", metavar="SECONDS", min=0.001, help="Log commits that take longer.")
]

SlowInstanceSeconds = Annotated[
    float | None,
    typer.Option("--slow-instance-seconds", metavar="SECONDS", min=0.001, help="Log instances that run for longer."),
]


@contextmanager
def observed(
    engine: Engine,
    *,
    metrics_port: int | None,
    metrics_host: str,
    slow_seconds: float,
    slow_instance_seconds: float | None = None,
) -> Generator[None]:
    """Slow commits, metrics and, where OTEL_* asks for them, traces. Exits with 1 where the port cannot be had."""
    from engine import telemetry
    from engine.observability.endpoint import Endpoint
    from engine.observability.metrics import metrics
    from engine.observability.slow import SlowLog
    from engine.observability.starting import traces_by_environment

    with ExitStack() as stack:
        stack.callback(telemetry.watch(SlowLog(slow_seconds, metrics().was_slow, slow_instance_seconds)))
        if (end := traces_by_environment()) is not None:
            stack.callback(end)
        if metrics_port is not None:
            try:
                endpoint = Endpoint(engine, metrics_host, metrics_port)
            except OSError as problem:
                reason = problem.strerror or problem
                output.error(
                    f"Cannot listen on {metrics_host}:{metrics_port}: {reason}. Choose another --metrics-port."
                )
                raise typer.Exit(1) from problem
            stack.callback(endpoint.close)
            output.say(f"Metrics and health are at {endpoint.address}.")
        yield


def health(
    url: Annotated[
        str | None, typer.Option("--url", help="Ask a running process, like http://127.0.0.1:8000; else the database.")
    ] = None,
    max_queue_age: Annotated[
        float, typer.Option("--max-queue-age", min=1, help="Seconds a due job may wait until workers count as missing.")
    ] = 60,
    database: Database = None,
    json: AsJson = False,
) -> None:
    """Say whether work can go on: exit code 0 if so, 1 if not."""
    found = _asked(url) if url is not None else _looked(database, timedelta(seconds=max_queue_age))
    if json:
        output.as_json(found.told())
    else:
        for name, said in found.checks.items():
            output.say(f"{name}: {said}")
    if not found.is_ready:
        raise typer.Exit(1)


def _looked(database: str | None, longest: timedelta) -> Health:
    from engine.observability.health import health_of

    with opened(database, migrate=False) as engine:
        return health_of(engine, longest)


def _asked(url: str) -> Health:
    import httpx2

    from engine.observability.health import Health

    try:
        answer = httpx2.get(f"{url.rstrip('/')}/health/ready", timeout=10)
        return Health({name: str(said) for name, said in answer.json()["checks"].items()})
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, KeyError, TypeError, AttributeError) as problem:
        return Health({"process": f"{url} did not answer as a process of ours does ({type(problem).__name__})."})
