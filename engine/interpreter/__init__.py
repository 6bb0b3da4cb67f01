"""Runs a process instance: `advance(instance, command)` gives the events. The only user of SpiffWorkflow."""

from engine.interpreter.errors import ActivityFailed
from engine.interpreter.instance import Instance, advance, foresee, migrate
from engine.interpreter.mapping import check_mapping, generated_mapping, unmapped
from engine.interpreter.program import DecisionOutcome, Program, Services
from engine.interpreter.snapshot import Changes

__all__ = [
    "ActivityFailed",
    "Changes",
    "DecisionOutcome",
    "Instance",
    "Program",
    "Services",
    "advance",
    "check_mapping",
    "foresee",
    "generated_mapping",
    "migrate",
    "unmapped",
]
