"""Where an agent's steps are saved before the next one is taken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from engine.errors import Conflict
from engine.model import AgentStep


class Journal(Protocol):
    """The saved steps of one job, over all its attempts."""

    def steps(self) -> Sequence[AgentStep]:
        """All steps saved so far, in order of their sequence (1, 2, 3, ... without gaps)."""
        ...

    def save(self, step: AgentStep) -> None:
        """Returns when *step* is durable; saving the same step again changes nothing.

        Raises Conflict when another step is saved under its sequence already, or when this worker has lost
        the job: the agent then stops before it spends anything more. `request` and `response` are plain
        JSON values.
        """
        ...


class MemoryJournal:
    """A journal that lasts as long as the process: for tests and for trying an agent out."""

    def __init__(self, steps: Iterable[AgentStep] = ()) -> None:
        self._steps = {step.sequence: step for step in steps}

    def steps(self) -> Sequence[AgentStep]:
        return [self._steps[sequence] for sequence in sorted(self._steps)]

    def save(self, step: AgentStep) -> None:
        if self._steps.setdefault(step.sequence, step) != step:
            raise Conflict(f"Step {step.sequence} of job {step.job_id} is saved already, with other content.")
