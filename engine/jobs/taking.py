"""Takes due jobs under a lease: those that wait in the table, and those that a transaction is just making."""

from __future__ import annotations

from datetime import datetime
from secrets import token_hex
from typing import Any

from engine.clock import Clock
from engine.executors.registry import Registry
from engine.jobs.held import HeldJob, hold
from engine.jobs.limits import Limits, Plan, Room
from engine.model import JobState
from engine.session import Session
from engine.store import claims, jobs, own_claims, relay, tables
from engine.store.jobs import LEASE
from engine.store.types import Connection


class Taker:
    """*owner*: the worker that holds what is taken."""

    def __init__(self, owner: str, registry: Registry, limits: Limits, clock: Clock) -> None:
        self._owner = owner
        self._registry = registry
        self._limits = limits
        self._clock = clock
        self._others_wait = False
        self.is_cut = False  # the last look ended before it had seen all (engine.store.claims.Claimed)
        self._turn = 0

    def next_due(self, connection: Connection, *, has_threads: bool) -> datetime | None:
        """When the earliest job is due that may be taken then; a job whose rate forbids it counts from when it may."""
        now = self._clock.now()
        rooms, is_relayed = self._limits.plan(now).rooms, self._registry.is_relayed
        if is_relayed or not rooms:
            return claims.next_due(connection, now, self._registry.own_types, has_services=not is_relayed)
        full = [name for room in rooms if room.count == 0 for name in room.types]
        found: list[datetime | None] = []
        if has_threads:
            found.append(claims.next_due(connection, now, self._registry.own_types, except_types=full))
        elif types := [name for room in rooms if room.count and not room.is_threaded for name in room.types]:
            found.append(claims.next_due(connection, now, types, only_types=types))
        for room in rooms:
            if room.opens_at is not None and (has_threads or not room.is_threaded):
                due_at = claims.next_due(connection, now, room.types, only_types=room.types)
                found.append(due_at and max(due_at, room.opens_at))
        return min((each for each in found if each is not None), default=None)

    def take(self, connection: Connection, limit: int) -> list[HeldJob]:
        """*limit*: of those that need our threads."""
        grip = self._grip()
        return hold(connection, self._claim(connection, grip, limit, self._limits.plan(grip.at)))

    def take_one(self, connection: Connection, job_id: str) -> HeldJob | None:
        """Whenever it is due; None when it is not available."""
        row = jobs.claim_one(connection, job_id, self._grip())
        return None if row is None else hold(connection, [row])[0]

    def take_announced(self, connection: Connection, job_id: str) -> HeldJob | None:
        """As `take_one`, only if it is announced to a fleet."""
        row = relay.claim_announced(connection, job_id, self._grip())
        return None if row is None else hold(connection, [row])[0]

    def take_own(self, connection: Connection, limit: int) -> list[HeldJob]:
        """As `take`, of the engine's own jobs."""
        return hold(connection, own_claims.claim_own(connection, self._grip(), limit))

    def take_in(self, session: Session, limit: int) -> list[HeldJob]:
        """As `take`, in a transaction that is about to be written. Jobs that it makes are preferred, since their
        instances are in memory; but where others wait too, these get a sixteenth of the places, and one at least."""
        grip = self._grip()
        plan = self._limits.plan(grip.at)
        born = self._take_born(session, grip, limit * 15 // 16 if self._others_wait else limit, plan)
        session.unit.flush()
        threaded = sum(plan.is_threaded(row.type) for row in born)
        others = self._claim(session.connection, grip, limit - threaded, plan)
        return hold(session.connection, [*others, *born], session.live_instances())

    def _grip(self) -> jobs.Hold:
        now = self._clock.now()
        return jobs.Hold(self._owner, token_hex(8), at=now, until=now + LEASE)

    def _claim(self, connection: Connection, grip: jobs.Hold, limit: int, plan: Plan) -> list[jobs.TakenJob]:
        """Of handlers with limits each for itself, so that none waits behind them; who goes first takes turns."""
        if not plan.rooms:
            return self._claim_unlimited(connection, grip, limit, plan)
        self._turn += 1
        sources: list[Room | None] = [None, *plan.rooms]
        start = self._turn % len(sources)
        taken: list[jobs.TakenJob] = []
        for room in (*sources[start:], *sources[:start]):
            if room is None:
                found = self._claim_unlimited(connection, grip, limit, plan)
            elif self._registry.is_relayed or (count := min(room.count, limit) if room.is_threaded else room.count) < 1:
                continue
            else:
                found = claims.claim_types(connection, grip, count, room.types)
                room.count -= len(found)
            taken += found
            limit -= sum(plan.is_threaded(row.type) for row in found)
        return taken

    def _claim_unlimited(self, connection: Connection, grip: jobs.Hold, limit: int, plan: Plan) -> list[jobs.TakenJob]:
        self.is_cut = False
        if limit < 1:
            return []
        registry = self._registry
        sharing = claims.Sharing(registry.leaves, registry.own_types, plan.types, has_services=not registry.is_relayed)
        taken, self.is_cut = claims.claim(connection, grip, limit, sharing)
        self._others_wait = len(taken) >= limit
        if not plan.rooms:
            return taken
        refused = [row for row in taken if row.kind == "service" and not plan.admits(row.type, row.names)]
        jobs.give_back(connection, [jobs.Lease(row.id, row.lease_token, row.attempt) for row in refused])
        return [row for row in taken if row not in refused]

    def _take_born(self, session: Session, grip: jobs.Hold, limit: int, plan: Plan) -> list[jobs.TakenJob]:
        born: list[jobs.TakenJob] = []
        for row in session.unit.pending(tables.job).values():
            if limit < 1 and not plan.rooms:
                break
            is_threaded = plan.is_threaded(row["type"])
            if (limit < 1 and is_threaded) or not self._may_take(row, grip.at):
                continue
            if plan.rooms and row["kind"] == "service" and not plan.admits(row["type"], row["names"]):
                continue
            row.update(grip.on(row))
            born.append(jobs.TakenJob.of(row))
            limit -= is_threaded
        for taken in born:
            if taken.kind == "service":
                session.unit.append(tables.job_attempt, jobs.attempt_row(taken, grip.at, self._owner))
        return born

    def _may_take(self, row: dict[str, Any], at: datetime) -> bool:
        """Whether a job that is just being made is due and ours; one of low priority waits for its turn."""
        if row["kind"] == "service":
            if self._registry.leaves(row["type"], row["names"], row["written_as"]):
                row["is_external"] = True
                return False
            if self._registry.is_relayed:
                return False
        return (
            row["state"] == JobState.AVAILABLE
            and not row["is_suspended"]
            and row["due_at"] <= at
            and row["rank"] <= 0
            and row["kind"] in ("service", "continuation")
        )
