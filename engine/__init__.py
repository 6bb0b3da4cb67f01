"""Runs BPMN processes: `from engine import Engine, Job, BpmnError`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.engine import Engine as Engine
    from engine.errors import BpmnError as BpmnError
    from engine.errors import PermanentFailure as PermanentFailure
    from engine.errors import RetryLater as RetryLater
    from engine.handlers import handler as handler
    from engine.model import Job as Job
    from engine.model import Resource as Resource

_HOMES = {
    "Engine": "engine.engine",
    "Job": "engine.model",
    "Resource": "engine.model",
    "BpmnError": "engine.errors",
    "PermanentFailure": "engine.errors",
    "RetryLater": "engine.errors",
    "handler": "engine.handlers",
}

__all__ = ["BpmnError", "Engine", "Job", "PermanentFailure", "Resource", "RetryLater", "handler"]


def __getattr__(name: str) -> Any:
    """Imports on first use: a handlers.py that needs `Job` does not pay for the database (PEP 562)."""
    if home := _HOMES.get(name):
        return getattr(import_module(home), name)
    raise AttributeError(f"module 'engine' has no attribute '{name}'")
