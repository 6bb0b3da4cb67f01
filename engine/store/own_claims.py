"""The due jobs that are no handler's: the engine's own timers, continuations, deferred commands, deliveries, batches.

They are looked for apart while all threads are in handlers, beside whatever many jobs of handlers wait: each kind has
an index that finds it. A call that an operator tries again is not among them; it goes by the name of its process.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, bindparam, select, text

from engine.store.asking import Question, ask
from engine.store.jobs import Hold, TakenJob, take
from engine.store.tables import JOB_IS_READY, JOB_IS_TIMER, job

Ids = Select[tuple[str]]

_KINDS: Final = ("continuation", "deferred", "batch")
"""Of jobs whose type is their kind."""


def next_own_due(connection: Connection, now: datetime) -> datetime | None:
    """When the earliest is due; *now* where one has become due already. A job that was put back counts once it is."""
    first, *ready = ask(connection, Question(_FIRST_TIMER, {}), *_questions(_READY, now, 1))
    if any(ready):
        return now
    return first[0][0] if first else None


def claim_own(connection: Connection, hold: Hold, limit: int) -> list[TakenJob]:
    """Takes up to *limit*, timers first."""
    timers = Question(_DUE_TIMERS, {"now": hold.at, "limit": limit})
    found = ask(connection, timers, *_questions(_READY_LOCKED, hold.at, limit))
    ids = [job_id for rows in found for (job_id,) in rows]
    return take(connection, ids[:limit], hold)


def _questions(queries: tuple[Ids, Ids], now: datetime, limit: int) -> list[Question]:
    of_kind, deliveries = queries
    wanted: dict[str, Any] = {"now": now, "limit": limit}
    return [*(Question(of_kind, wanted | {"kind": kind}) for kind in _KINDS), Question(deliveries, wanted)]


_IS_DUE: Final = job.c.due_at <= bindparam("now")
_FIRST_TIMER: Final = select(job.c.due_at).where(text(JOB_IS_TIMER)).order_by(job.c.due_at).limit(1)
_DUE: Final = select(job.c.id).where(_IS_DUE).limit(bindparam("limit"))
_DUE_TIMERS: Final = _DUE.where(text(JOB_IS_TIMER)).order_by(job.c.due_at).with_for_update(skip_locked=True)
# A range of one, as engine.store.claims has it for the same index.
_IS_OF_KIND: Final = and_(
    job.c.type >= bindparam("kind"), job.c.type <= bindparam("kind"), job.c.kind == bindparam("kind")
)
_DUE_OF_KIND: Final = _DUE.where(text(JOB_IS_READY), _IS_OF_KIND).order_by(job.c.type, job.c.rank, job.c.due_at)
_DUE_DELIVERIES: Final = _DUE.where(text(JOB_IS_READY), job.c.definition_id.is_not(None), job.c.kind == "delivery")
_READY: Final = (_DUE_OF_KIND, _DUE_DELIVERIES)
_READY_LOCKED: Final = (
    _DUE_OF_KIND.with_for_update(skip_locked=True),
    _DUE_DELIVERIES.with_for_update(skip_locked=True),
)
