"""What the engine logs, as one line a change on the standard error: ids, never values of variables."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import orjson

from engine import telemetry
from engine.model import Job

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"


def quiet() -> None:
    """Commands that end soon say what happened themselves."""
    logging.getLogger("engine").addHandler(logging.NullHandler())
    logging.getLogger("engine").propagate = False


def to_stderr(level: int = logging.INFO, form: Format = Format.TEXT) -> None:
    """For what goes on for long: 'fermata up', 'fermata work --forever'. JSON lines tell of every change, whatever
    *level* is for text."""
    handler = logging.StreamHandler(sys.stderr)
    if form is Format.JSON:
        handler.setFormatter(JsonLine())
    else:
        handler.setFormatter(_Line("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO if form is Format.JSON else level)
    logging.getLogger("engine").propagate = True
    telemetry.watch(_JobIds())


class _Wordless(logging.Formatter):
    """Of an exception its type and its stack: what it says may hold values of variables (a database's does)."""

    def formatException(self, ei: Any) -> str:
        kind, _, stack = ei
        if os.environ.get("FERMATA_DEBUG"):
            return super().formatException(ei)
        return "".join([*traceback.format_tb(stack), kind.__name__ if kind else ""])


class _Line(_Wordless):
    """The message, then its fields as name=value."""

    def format(self, record: logging.LogRecord) -> str:
        fields = ids_around() | fields_of(record)
        return " ".join([super().format(record), *(f"{name}={value}" for name, value in fields.items())])


class JsonLine(_Wordless):
    """One object a line: time (RFC 3339, UTC), level, logger, message, the fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields = ids_around() | fields_of(record)
        line |= {name: value for name, value in fields.items() if name not in line and value is not None}
        if record.exc_info and record.exc_info[0] is not None:
            line |= {"exception": record.exc_info[0].__name__, "stack": self.formatException(record.exc_info)}
        return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


_around: ContextVar[dict[str, Any]] = ContextVar("fermata_job_ids")


def ids_around() -> dict[str, Any]:
    """Of the job whose handler logs."""
    return _around.get({})


class _JobIds(telemetry.Watcher):
    """Lets what a handler logs be found by its job."""

    @contextmanager
    def attempt_current(self, job: Job, noted: Any) -> Generator[None]:
        ids: dict[str, Any] = {"instance_id": job.instance_id, "activity_id": job.activity_id, "job_id": job.id}
        ids |= {"job_type": job.type, "attempt": job.attempt}
        if job.traceparent is not None:
            ids["trace_id"] = telemetry.trace_id_of(job.traceparent)
        token = _around.set(ids)
        try:
            yield
        finally:
            _around.reset(token)
