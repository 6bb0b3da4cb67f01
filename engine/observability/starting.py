"""What a process watches because its environment says so."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from engine.errors import InvalidInput

log = logging.getLogger("engine.telemetry")


def traces_by_environment() -> Callable[[], None] | None:
    """Traces where OTEL_* says where they go; gives what sends the last ones and ends it. Where OpenTelemetry is not
    installed, this is logged.

    Raises InvalidInput where OTEL_* asks for what is not there.
    """
    if not any(name.startswith(("OTEL_EXPORTER_OTLP", "OTEL_TRACES_EXPORTER")) for name in os.environ):
        return None
    try:
        from engine.observability import exporting
    except ValueError as problem:  # OpenTelemetry reads OTEL_PROPAGATORS as it is imported
        raise InvalidInput(f"OTEL_PROPAGATORS: {problem}") from problem
    except ModuleNotFoundError:
        log.warning("OTEL_* asks for traces, and OpenTelemetry is not installed: install fermata[otel]")
        return None
    return exporting.enable() if exporting.is_wanted() else None


def watch_worker() -> Callable[[], None]:
    """In a worker process of another system (Celery): traces, and counts where a folder is shared to put them into.
    Gives what ends it."""
    from engine.observability.metrics import is_shared, metrics

    if is_shared():
        metrics()
    return traces_by_environment() or (lambda: None)
