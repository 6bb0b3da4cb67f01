"""An agent's steps, each saved in a transaction of its own before the next is taken."""

from __future__ import annotations

from collections.abc import Sequence

from engine.errors import Conflict
from engine.model import AgentStep
from engine.store import history, jobs
from engine.store.jobs import Lease
from engine.store.transaction import Store


class StoreJournal:
    """The saved steps of one job, over all its attempts. *lease*: without it nothing is saved."""

    def __init__(self, store: Store, job_id: str, instance_id: str, lease: Lease | None = None) -> None:
        self._store = store
        self._job_id = job_id
        self._instance_id = instance_id
        self._lease = lease

    def get(self, sequence: int) -> AgentStep | None:
        return next((step for step in self.steps() if step.sequence == sequence), None)

    def steps(self) -> Sequence[AgentStep]:
        with self._store.reading() as connection:
            return history.agent_steps(connection, job_id=self._job_id)

    def save(self, step: AgentStep) -> None:
        """Returns when *step* is durable; saving the same step again changes nothing.

        Raises Conflict when another step has its sequence, or when this worker has lost the job.
        """
        with self._store.writing() as connection:
            if self._lease is not None:
                jobs.lock_job(connection, self._lease)
            known = history.agent_steps(connection, job_id=self._job_id, sequence=step.sequence)
            if not known:
                history.insert_agent_step(connection, self._instance_id, step)
            elif known[0] != step:
                raise Conflict(f"Step {step.sequence} of job '{self._job_id}' is saved already, with other content.")
