"""Takes due jobs under a lease: those that wait in the table, and those that a transaction is just making."""

from __future__ import annotations

from datetime import datetime
from secrets import token_hex
from typing import Any

from engine.clock import Clock
from engine.executors.registry import Registry
from engine.jobs.held import HeldJob, hold
from engine.model import JobState
from engine.session import Session
from engine.store import jobs, tables
from engine.store.jobs import LEASE
from engine.store.types import Connection


class Taker:
    """*owner*: the worker that holds what is taken."""

    def __init__(self, owner: str, registry: Registry, clock: Clock) -> None:
        self._owner = owner
        self._registry = registry
        self._clock = clock
        self._others_wait = False

    def take(self, connection: Connection, limit: int) -> list[HeldJob]:
        return hold(connection, self._claim(connection, self._grip(), limit))

    def take_one(self, connection: Connection, job_id: str) -> HeldJob | None:
        """Whenever it is due; None when it is not available."""
        row = jobs.claim_one(connection, job_id, self._grip())
        return None if row is None else hold(connection, [row])[0]

    def take_in(self, session: Session, limit: int) -> list[HeldJob]:
        """As `take`, in a transaction that is about to be written. Jobs that it makes are preferred, since their
        instances are in memory; but where others wait too, these get half of the places."""
        grip = self._grip()
        born = self._take_born(session, grip, limit // 2 if self._others_wait else limit)
        session.unit.flush()
        others = self._claim(session.connection, grip, limit - len(born))
        return hold(session.connection, [*others, *born], session.live_instances())

    def _grip(self) -> jobs.Hold:
        now = self._clock.now()
        return jobs.Hold(self._owner, token_hex(8), at=now, until=now + LEASE)

    def _claim(self, connection: Connection, grip: jobs.Hold, limit: int) -> list[jobs.TakenJob]:
        sharing = jobs.Sharing(self._registry.leaves, self._registry.own_types)
        taken = jobs.claim(connection, grip, limit, sharing) if limit > 0 else []
        self._others_wait = len(taken) >= limit
        return taken

    def _take_born(self, session: Session, grip: jobs.Hold, limit: int) -> list[jobs.TakenJob]:
        born: list[jobs.TakenJob] = []
        for row in session.unit.pending(tables.job).values():
            if len(born) >= limit:
                break
            if self._may_take(row, grip.at):
                row.update(grip.on(row))
                born.append(jobs.TakenJob.of(row))
        for taken in born:
            if taken.kind == "service":
                session.unit.append(tables.job_attempt, jobs.attempt_row(taken, grip.at, self._owner))
        return born

    def _may_take(self, row: dict[str, Any], at: datetime) -> bool:
        """Whether a job that is just being made is due and ours; one of low priority waits for its turn."""
        if row["kind"] == "service" and self._registry.leaves(row["type"], row["names"], row["written_as"]):
            row["is_external"] = True
            return False
        return (
            row["state"] == JobState.AVAILABLE
            and not row["is_suspended"]
            and row["due_at"] <= at
            and row["rank"] <= 0
            and row["kind"] in ("service", "continuation")
        )
