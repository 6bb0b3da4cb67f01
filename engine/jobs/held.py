"""A job that this worker holds, with what its handler is told."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from engine.jobs.retry import attempts_in_all
from engine.live import Live
from engine.model import Job
from engine.store.instances import surroundings
from engine.store.jobs import Lease, TakenJob
from engine.store.types import Connection
from engine.store.values import ValueReader
from engine.telemetry import activity_trace


@dataclass(slots=True)
class HeldJob:
    """*row*: of the job table, as it was taken. *variables*: those its handler sees.
    *version*: of the instance as it is then."""

    row: TakenJob
    process_key: str = ""
    business_key: str | None = None
    definition_id: str = ""
    variables: Mapping[str, Any] | None = None
    parameters: Mapping[str, Any] | None = None
    version: int | None = None

    @property
    def lease(self) -> Lease:
        is_recorded = self.row.kind == "service"
        return Lease(self.row.id, self.row.lease_token, self.row.attempt if is_recorded else 0)

    @property
    def is_in_memory(self) -> bool:
        """Its row is not written yet: nobody else can take it away."""
        return self.version is None

    @property
    def names(self) -> Sequence[str]:
        return _names_in(self.row.names)

    @property
    def traceparent(self) -> str | None:
        """Of its activity's span: what is done for it, here or elsewhere, lies below that."""
        return activity_trace(self.row.trace, self.row.instance_id, self.row.activity_id)

    def attempts_left(self, handlers_own: int | None) -> int:
        """This attempt included."""
        if self.row.retries_left is not None:
            return self.row.retries_left
        return attempts_in_all(self.row.retries, self.row.retry_cycle, handlers_own)

    def as_job(self, handlers_own: int | None) -> Job:
        row = self.row
        return Job(
            id=row.id,
            type=row.type,
            instance_id=row.instance_id,
            activity_id=row.activity_id,
            element_id=row.element_id,
            process_key=self.process_key,
            business_key=self.business_key,
            variables=dict(self.variables or {}),
            headers=orjson.loads(row.headers) if row.headers != "{}" else {},
            parameters=dict(self.parameters or {}),
            attempt=row.attempt,
            retries_left=max(self.attempts_left(handlers_own) - 1, 0),
            traceparent=self.traceparent,
        )


def hold(connection: Connection, rows: Collection[TakenJob], lives: Mapping[str, Live] | None = None) -> list[HeldJob]:
    """Reads what the taken jobs need to run. *lives*: instances that are in memory as they are in the database."""
    lives = lives or {}
    cold = [row for row in rows if row.instance_id not in lives]
    scopes = {
        row.id: [(row.instance_id, scope) for scope in orjson.loads(row.scopes)]
        for row in cold
        if row.kind == "service"
    }
    ids = [row.instance_id for row in cold if row.instance_id]
    pairs = {pair for pairs in scopes.values() for pair in pairs}
    contexts, variables = surroundings(connection, ids, pairs) if ids else ({}, {})
    reader = ValueReader(connection)
    held: list[HeldJob] = []
    for row in rows:
        parameters = reader.mapping(row.parameters)
        if (live := lives.get(row.instance_id)) is not None:
            seen = live.seen_by(row.activity_id) if row.kind == "service" else {}
            context = live.row
            version = live.version
        else:
            seen = {}
            for pair in reversed(scopes.get(row.id, [])):  # innermost last: it wins
                seen |= variables.get(pair, {})
            context = contexts.get(row.instance_id)
            version = None if context is None else context.version
        if context is None:
            held.append(HeldJob(row, parameters=parameters))
        else:
            where = (context.process_key, context.business_key, context.definition_id)
            held.append(HeldJob(row, *where, seen, parameters, version))
    return held


@lru_cache(1024)
def _names_in(text: str) -> tuple[str, ...]:
    return tuple(orjson.loads(text))
