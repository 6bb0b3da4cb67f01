"""All examples, in the order of the page."""

from __future__ import annotations

from typing import Final

from tests.elements.catalogue import around, calls, catching, flows, loops, subprocesses, tasks, throwing
from tests.elements.example import Example

EXAMPLES: Final[tuple[Example, ...]] = (
    *tasks.EXAMPLES,
    *subprocesses.EXAMPLES,
    *calls.EXAMPLES,
    *flows.EXAMPLES,
    *catching.EXAMPLES,
    *throwing.EXAMPLES,
    *loops.EXAMPLES,
    *around.EXAMPLES,
)
