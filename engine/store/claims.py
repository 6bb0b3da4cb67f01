"""Which due jobs a worker here takes, and when there is one: timers by due time, the rest by priority and due time.

Jobs of handlers with limits are asked for by their types. All others are found in one order over all types; where that
begins with nothing but what the limits keep back, they are asked for type by type, too, so that nobody reads past it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, and_, bindparam, case, func, or_, select, text

from engine.store.asking import Question, ask
from engine.store.jobs import Hold, TakenJob, leave, take
from engine.store.tables import JOB_IS_LEFT, JOB_IS_OURS, JOB_IS_READY, JOB_IS_TIMER, job
from engine.store.types import AnyRow

CROWD: Final = 128
"""Jobs at the head of the queue that are looked at, before all are asked for type by type."""
MOST_TYPES: Final = 1000
LEFT_AT_ONCE: Final = 100
MOST_LEFT: Final = 500
"""Jobs that one transaction leaves to workers elsewhere: a type may come to be theirs when very many wait."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """What a worker here does of the work that workers elsewhere could do. *leaves*: whether a job is left to them,
    by its type, names and `written_as`; *types*: those done here, also where a worker in another process left them.
    *except_types*: those that are taken for themselves (`claim_types`); *has_services*: whether jobs of handlers are
    taken at all."""

    leaves: Callable[[str, str, str], bool]
    types: Collection[str] = ()
    except_types: Collection[str] = ()
    has_services: bool = True


class Claimed(NamedTuple):
    """*is_cut*: so many were left to workers elsewhere that the look ended there; there may be more behind."""

    taken: list[TakenJob]
    is_cut: bool = False


class Due(NamedTuple):
    """A job that may be taken."""

    id: str
    kind: str
    type: str
    names: str
    written_as: str


def claim(connection: Connection, hold: Hold, limit: int, sharing: Sharing) -> Claimed:
    """Takes up to *limit* due jobs: timers by due time, then the rest by priority and due time."""
    wanted: dict[str, Any] = {"now": hold.at, "limit": limit}
    looks = [Question(_DUE_TIMERS, wanted)]
    if not sharing.has_services:
        looks.append(Question(_DUE_OWN, wanted))
    elif not sharing.except_types:
        looks.append(Question(_DUE_JOBS, wanted))
    timers, *others = ask(connection, *looks)
    taken = take(connection, [job_id for (job_id,) in timers], hold)
    rows = [Due(*each) for each in others[0]] if others else None
    moved = 0
    while (room := limit - len(taken)) > 0:
        count = max(room, LEFT_AT_ONCE) if moved else room
        if rows is None:
            rows = _due_jobs(connection, hold.at, count, sharing.except_types)
        left = {row.id for row in rows if row.kind == "service" and sharing.leaves(row.type, row.names, row.written_as)}
        leave(connection, left)
        moved += len(left)
        taken += take(connection, [row.id for row in rows if row.id not in left][:room], hold)
        if not left or len(rows) < count:
            break
        if moved >= MOST_LEFT:
            return Claimed(taken, is_cut=True)
        rows = None
    if sharing.has_services and len(taken) < limit and (types := set(sharing.types) - set(sharing.except_types)):
        wanted |= {"limit": limit - len(taken), "types": sorted(types)}
        taken += take(connection, list(connection.execute(_DUE_LEFT, wanted).scalars()), hold)
    return Claimed(taken)


def claim_types(connection: Connection, hold: Hold, limit: int, types: Collection[str]) -> list[TakenJob]:
    """Takes up to *limit* due jobs of handlers, of *types* alone, by priority and due time."""
    found = _of_types(connection, hold.at, limit, types, only_services=True)
    return take(connection, [row.id for row in found], hold)


def next_due(
    connection: Connection,
    now: datetime,
    types: Collection[str] = (),
    *,
    except_types: Collection[str] = (),
    only_types: Collection[str] | None = None,
    has_services: bool = True,
) -> datetime | None:
    """When the earliest job that waits for a worker here is due; of several that are due, when one of them was.
    *types*: done here even if left to others; *except_types*: there is no room for these; *only_types*: there is room
    for these alone."""
    if not has_services:
        ours = connection.execute(_FIRST.where(text(JOB_IS_OURS), job.c.kind != "service")).scalars().all()
    elif only_types is not None:
        ours = _first_of_types(connection, now, only_types)
        types = set(types) & set(only_types)
    elif except_types:
        ours = _first_but(connection, now, except_types)
        types = set(types) - set(except_types)
    else:
        ours = connection.execute(_FIRST_OF_ALL).scalars().all()
    moments = list(ours)
    if types and has_services:
        left = _FIRST.where(text(JOB_IS_LEFT), job.c.type.in_(bindparam("types", expanding=True)))
        moments += connection.execute(left, {"types": sorted(types)}).scalars()
    return min(moments, default=None)


def _due_jobs(
    connection: Connection, now: datetime, limit: int, except_types: Collection[str]
) -> Sequence[Due | AnyRow]:
    """Locked, in order."""
    wanted: dict[str, Any] = {"now": now, "limit": limit}
    if not except_types:
        return [Due(*each) for each in ask(connection, Question(_DUE_JOBS, wanted))[0]]
    excepted = {"types": sorted(except_types)}
    head = connection.execute(_CROWD, {"now": now} | excepted).one()
    if head.all < CROWD or head.others >= limit:
        return connection.execute(_DUE_UNLIMITED, wanted | excepted).all()
    others = [each for each in _waiting_types(connection) if each not in except_types]
    return _of_types(connection, now, limit, others)


def _of_types(
    connection: Connection, now: datetime, limit: int, types: Iterable[str], *, only_services: bool = False
) -> list[AnyRow]:
    """Locked, in order over all *types*."""
    query = _DUE_OF_TYPE.where(_IS_SERVICE) if only_services else _DUE_OF_TYPE
    found: list[AnyRow] = []
    for job_type in sorted(types):
        found += connection.execute(query, {"now": now, "limit": limit, "type": job_type})
    found.sort(key=lambda row: (row.rank, row.due_at, row.created_at, row.instance_id or "", row.activity_id))
    return found[:limit]


def _first_but(connection: Connection, now: datetime, except_types: Collection[str]) -> list[datetime]:
    head = connection.execute(_CROWD_BY_TIME, {"types": sorted(except_types)}).one()
    if head.first is not None:
        return [head.first]
    if head.all < CROWD:
        return []
    timers = connection.execute(_FIRST.where(text(JOB_IS_TIMER))).scalars().all()
    others = [each for each in _waiting_types(connection) if each not in except_types]
    return [*timers, *_first_of_types(connection, now, others)]


def _first_of_types(connection: Connection, now: datetime, types: Iterable[str]) -> list[datetime]:
    for job_type in sorted(types):
        if (due_at := connection.execute(_ANY_DUE_OF_TYPE, {"now": now, "type": job_type}).scalar()) is not None:
            return [due_at]
    later = (connection.execute(_FIRST_OF_TYPE, {"type": job_type}).scalar() for job_type in sorted(types))
    return [due_at for due_at in later if due_at is not None]


def _waiting_types(connection: Connection) -> Sequence[str]:
    return connection.execute(_TYPES).scalars().all()


_IS_DUE: Final = job.c.due_at <= bindparam("now")
_IS_READY: Final = and_(text(JOB_IS_READY), _IS_DUE)
_IS_SERVICE: Final = job.c.kind == "service"
_IS_UNLIMITED: Final = or_(~_IS_SERVICE, job.c.type.not_in(bindparam("types", expanding=True)))
_IN_ORDER: Final = (job.c.due_at, job.c.created_at, job.c.instance_id, job.c.activity_id)
_TOLD: Final = (job.c.id, job.c.kind, job.c.type, job.c.names, job.c.written_as)
_FIRST: Final = select(job.c.due_at).order_by(job.c.due_at).limit(1)
_FIRST_OF_ALL: Final = _FIRST.where(text(JOB_IS_OURS))
_DUE_TIMERS: Final = (
    select(job.c.id)
    .where(text(JOB_IS_TIMER), _IS_DUE)
    .order_by(*_IN_ORDER)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_DUE_JOBS: Final = (
    select(*_TOLD)
    .where(_IS_READY)
    .order_by(job.c.rank, *_IN_ORDER)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_DUE_UNLIMITED: Final = _DUE_JOBS.where(_IS_UNLIMITED)
_DUE_OWN: Final = (
    select(*_TOLD)
    .where(_IS_READY, ~_IS_SERVICE)
    .order_by(job.c.rank, *_IN_ORDER)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
# Said so that no index but that by types gives this order: planners would rather read past all the others.
_IS_OF_TYPE: Final = and_(job.c.type >= bindparam("type"), job.c.type <= bindparam("type"))
_DUE_OF_TYPE: Final = (
    select(*_TOLD, job.c.rank, *_IN_ORDER)
    .where(_IS_READY, _IS_OF_TYPE)
    .order_by(job.c.type, job.c.rank, *_IN_ORDER)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_DUE_LEFT: Final = (
    select(job.c.id)
    .where(text(JOB_IS_LEFT), _IS_DUE, job.c.type.in_(bindparam("types", expanding=True)))
    .order_by(job.c.rank, *_IN_ORDER)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_HEAD: Final = select(case((_IS_UNLIMITED, 1), else_=0).label("is_other")).where(_IS_READY)
_HEAD_IN_ORDER: Final = _HEAD.order_by(job.c.rank, job.c.due_at).limit(CROWD).subquery()
_CROWD: Final = select(
    func.count().label("all"), func.coalesce(func.sum(_HEAD_IN_ORDER.c.is_other), 0).label("others")
).select_from(_HEAD_IN_ORDER)
_EARLIEST: Final = (
    select(case((_IS_UNLIMITED, job.c.due_at)).label("due_at"))
    .where(text(JOB_IS_OURS))
    .order_by(job.c.due_at)
    .limit(CROWD)
    .subquery()
)
_CROWD_BY_TIME: Final = select(func.count().label("all"), func.min(_EARLIEST.c.due_at).label("first")).select_from(
    _EARLIEST
)
_ANY_DUE_OF_TYPE: Final = (
    select(job.c.due_at)
    .where(_IS_READY, _IS_OF_TYPE, _IS_SERVICE)
    .order_by(job.c.type, job.c.rank, job.c.due_at)
    .limit(1)
)
_FIRST_OF_TYPE: Final = select(func.min(job.c.due_at)).where(text(JOB_IS_READY), _IS_OF_TYPE, _IS_SERVICE)
# From one type to the next, however many jobs there are of each.
_TYPES: Final = text(
    f"WITH RECURSIVE found(type) AS (SELECT min(type) FROM job WHERE {JOB_IS_READY} UNION ALL SELECT"
    f" (SELECT min(type) FROM job WHERE {JOB_IS_READY} AND type > found.type) FROM found WHERE found.type IS NOT NULL)"
    f" SELECT type FROM found WHERE type IS NOT NULL LIMIT {MOST_TYPES}"
)
