"""Task and manual task: nothing for an engine to do (13.3.3); the token goes on."""

from __future__ import annotations

from engine.interpreter.elements.activity import ActivitySpec


class TaskSpec(ActivitySpec):
    pass
