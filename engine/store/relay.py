"""Jobs that are announced to a fleet of workers elsewhere: which are ready, and which have been announced lately.

An announcement stands in the columns of the lease, of a job that nobody holds: *lease_owner* is RELAY, *lease_until*
is when it is announced again if nobody has taken it by then, *lease_token* how often it has been announced. However
often that is, it has one place among those that wait.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final, Protocol

import orjson
from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal, or_, select, text, tuple_, update

from engine.model import JobState
from engine.store import jobs
from engine.store.tables import JOB_IS_ANNOUNCED, JOB_IS_HELD, JOB_IS_READY, job
from engine.store.types import AnyRow
from engine.telemetry import activity_trace

RELAY: Final = "relay"
_NO_NAMES: Final = "[]"
"""Of the jobs of the engine's own."""


@dataclass(frozen=True, slots=True)
class ReadyJob:
    """*names*: all that it goes by; *attempt*: the one that comes, 1-based; *traceparent*: of the span that it belongs
    below, where traces are made; *times*: how often it has been announced, this time included."""

    id: str
    names: tuple[str, ...]
    attempt: int
    traceparent: str | None = None
    times: int = 1


class Limited(Protocol):
    """What the limits of handlers let go out now (engine.jobs.limits.Plan). *rooms*: of each limited handler, the job
    types and how many; *admits*: takes a place for one job."""

    @property
    def rooms(self) -> Sequence[Any]: ...
    @property
    def types(self) -> Collection[str]: ...
    def admits(self, job_type: str, names: str, /) -> bool: ...


WINDOW = 200
"""Jobs of a type that are looked at behind one whose queue is full."""
LOOKS_ON = timedelta(seconds=1)
"""Between such looks that find nothing."""


@dataclass(slots=True)
class LookingOn:
    """Where to look on in the jobs of each type whose first job waits for a full queue, and from when on."""

    positions: dict[str, tuple[Any, ...]] = field(default_factory=dict[str, tuple[Any, ...]])
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Announcing:
    """*limit*: of jobs at once; *ahead*: how many may wait to be taken in each queue; *pause*: until a job is announced
    again, by how often it has been announced; *repeats*: whether those are announced whose pause is over, and those
    behind a full queue, or left to others; *leaves*: as in engine.store.claims.Sharing; *queue_of*: the queue of a job
    that goes by these names."""

    limit: int
    ahead: int
    pause: Callable[[int], timedelta]
    repeats: bool
    leaves: Callable[[str, str, str], bool]
    queue_of: Callable[[Sequence[str]], str]
    looking_on: LookingOn = field(default_factory=LookingOn)


def has_ready(connection: Connection, now: datetime, *, repeats: bool) -> bool:
    """*repeats*: those count, too, that are to be announced again."""
    conditions = [_is_new(now), *([_is_to_repeat(now)] if repeats else [])]
    one = select(job.c.id).order_by(job.c.rank, job.c.due_at).limit(1)  # by the index, however many others there are
    return any(connection.execute(one.where(each)).first() for each in conditions)


def lock(connection: Connection) -> None:
    """Who counts what is announced waits here for who is about to announce more."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:a, :b)"), {"a": 0x6665726D, "b": 1})


def announced(connection: Connection) -> dict[str, int]:
    """How many jobs are announced and not taken, by type."""
    query = select(job.c.type, func.count()).where(_IS_AWAITED).group_by(job.c.type)
    return {row[0]: row[1] for row in connection.execute(query)}


def withdraw_suspended(connection: Connection) -> None:
    """Their places go to others, so that a message that still waits must not bring them back."""
    query = select(job.c.id).where(text(JOB_IS_ANNOUNCED), job.c.is_suspended).with_for_update(skip_locked=True)
    withdraw(connection, connection.execute(query).scalars().all())


def running(connection: Connection) -> dict[str, int]:
    """How many jobs of handlers are held, by type."""
    query = select(job.c.type, func.count()).where(text(JOB_IS_HELD), job.c.kind == "service")
    return {row[0]: row[1] for row in connection.execute(query.group_by(job.c.type))}


def announce(connection: Connection, now: datetime, how: Announcing, limited: Limited) -> list[ReadyJob] | None:
    """Due jobs of handlers that are not announced, by priority and due time, none of a full queue; and those whose
    pause is over. None where all that were found are left to others: more may stand behind them."""
    again = _to_repeat(connection, now, how.limit) if how.repeats else []
    queues = _Queues(connection, how)
    limit = how.limit - len(again)
    new = _candidates(connection, now, limit, limited, queues) if limit > 0 else []
    if how.repeats and limit > len(new) and queues.passed_over:
        new += _behind_full_ones(connection, now, how.looking_on, limit - len(new), queues)
    left = {row.id for row in (*again, *new) if how.leaves(row.type, row.names, row.written_as)}
    jobs.leave(connection, left)
    going = [row for row in again if row.id not in left]
    going += [
        row for row in new if row.id not in left and queues.has_room(row.names) and limited.admits(row.type, row.names)
    ]
    ready = [_ready_job(row) for row in sorted(going, key=_in_order)]
    for times, of_times in groupby(sorted(ready, key=_times), key=_times):
        values = {"lease_owner": RELAY, "lease_token": str(times), "lease_until": now + how.pause(times)}
        _mark(connection, [each.id for each in of_times], values)
    return ready if ready or not left else None


class _Queues:
    """How many places are left in each queue."""

    def __init__(self, connection: Connection, how: Announcing) -> None:
        self._how = how
        self._waiting: Counter[str] = Counter()
        self.passed_over: list[str] = []  # types whose first job waits for a full one
        for names, count in connection.execute(_AWAITED_BY_NAMES).all():
            self._waiting[self._queue_of(names)] += count

    def are_all_free(self, limit: int) -> bool:
        """Whether each has *limit* places."""
        return limit + max(self._waiting.values(), default=0) <= self._how.ahead

    def places(self, names: str) -> int:
        """In the queue of a job that goes by *names*."""
        return self._how.ahead - self._waiting[self._queue_of(names)]

    def has_room(self, names: str) -> bool:
        """Takes a place, where there is one."""
        if self.places(names) <= 0:
            return False
        self._waiting[self._queue_of(names)] += 1
        return True

    def _queue_of(self, names: str) -> str:
        return self._how.queue_of(orjson.loads(names))


def _ready_job(row: AnyRow) -> ReadyJob:
    traceparent = activity_trace(row.trace, row.instance_id, row.activity_id)
    times = int(row.lease_token or 1) + 1 if row.lease_owner == RELAY else 1
    return ReadyJob(row.id, tuple(orjson.loads(row.names)), row.attempt + 1, traceparent, times)


def _times(ready: ReadyJob) -> int:
    return ready.times


def _in_order(row: AnyRow) -> tuple[int, datetime]:
    return row.rank, row.due_at


def _to_repeat(connection: Connection, now: datetime, limit: int) -> list[AnyRow]:
    """Locked."""
    query = select(*_TOLD).where(_is_to_repeat(now)).order_by(job.c.lease_until).limit(limit)
    return list(connection.execute(query.with_for_update(skip_locked=True)))


def _candidates(connection: Connection, now: datetime, limit: int, limited: Limited, queues: _Queues) -> list[AnyRow]:
    """Locked. Of types with limits, and of those whose queue is nearly full, no more than there is room for, so that
    none waits behind them."""
    new = select(*_TOLD).where(_is_new(now)).with_for_update(skip_locked=True)
    query = new.order_by(job.c.rank, job.c.due_at, job.c.created_at)
    if not queues.are_all_free(limit):
        return _by_type(connection, new, limit, limited, queues)
    others = query.where(job.c.type.not_in(sorted(limited.types))) if limited.types else query
    rows: list[AnyRow] = list(connection.execute(others.limit(limit)))
    if not limited.types:
        return rows
    for room in limited.rooms:
        if room.count > 0:
            of_room = query.where(job.c.type.in_(sorted(room.types))).limit(min(room.count, limit))
            rows += connection.execute(of_room)
    rows.sort(key=_in_order)
    return rows[:limit]


def _by_type(connection: Connection, new: Select[Any], limit: int, limited: Limited, queues: _Queues) -> list[AnyRow]:
    """Type by type, so that nobody reads past all that wait for a full queue. The first job of a type says whether
    its queue is full."""
    rows: list[AnyRow] = []
    counts = {each: room.count for room in limited.rooms for each in room.types}
    for job_type, names in connection.execute(_READY_TYPES).all():
        if names == _NO_NAMES:
            continue
        count = min(limit, queues.places(names), counts.get(job_type, limit))
        if queues.places(names) <= 0:
            queues.passed_over.append(job_type)
        if count > 0:
            of_type = new.where(_is_of_type(job_type)).order_by(*_IN_TYPE[:4])
            rows += connection.execute(of_type.limit(count))
    rows.sort(key=_in_order)
    return rows[:limit]


def _behind_full_ones(
    connection: Connection, now: datetime, looking: LookingOn, limit: int, queues: _Queues
) -> list[AnyRow]:
    """Locked: of the types that were passed over, jobs that go to other queues by their other names. Each look goes on
    where the last one ended, so that all are seen in time and none costs more than a window."""
    if looking.not_before is not None and now < looking.not_before <= now + LOOKS_ON:
        return []
    found: list[str] = []
    for job_type in queues.passed_over:
        if len(found) < limit:
            found += _look_on(connection, now, looking, job_type, limit - len(found), queues)
    looking.not_before = None if found else now + LOOKS_ON
    if not found:
        return []
    query = select(*_TOLD).where(job.c.id.in_(found), _is_new(now)).order_by(job.c.rank, job.c.due_at)
    return list(connection.execute(query.with_for_update(skip_locked=True)))


def _look_on(
    connection: Connection, now: datetime, looking: LookingOn, job_type: str, limit: int, queues: _Queues
) -> list[str]:
    query = select(job.c.id, job.c.names, *_IN_TYPE[1:]).where(_is_new(now), _is_of_type(job_type))
    if (last := looking.positions.pop(job_type, None)) is not None:
        seen = [literal(value, column.type) for value, column in zip(last, _IN_TYPE[1:], strict=True)]
        query = query.where(tuple_(*_IN_TYPE[1:]) > tuple_(*seen))
    rows = connection.execute(query.order_by(*_IN_TYPE).limit(WINDOW)).all()
    found: list[str] = []
    for row in rows:
        if queues.places(row.names) > 0:
            found.append(row.id)
        if len(found) == limit or (row is rows[-1] and len(rows) == WINDOW):
            looking.positions[job_type] = tuple(row[2:])
            break
    return found


def withdraw(connection: Connection, job_ids: Collection[str]) -> None:
    """As if they had not been announced, where nobody has taken them."""
    _mark(connection, job_ids, {"lease_owner": None, "lease_token": None, "lease_until": None})


def claim_announced(connection: Connection, job_id: str, hold: jobs.Hold) -> jobs.TakenJob | None:
    """Takes one job if it is announced, whatever the clock of who takes it says; None where it is not, whoever took it
    or ended it."""
    query = select(job.c.id).where(job.c.id == job_id, _IS_AWAITED).with_for_update(skip_locked=True)
    return next(iter(jobs.take(connection, list(connection.execute(query).scalars()), hold)), None)


def _mark(connection: Connection, job_ids: Collection[str], values: dict[str, Any]) -> None:
    if job_ids:
        change = update(job).where(job.c.id.in_(sorted(job_ids)), job.c.state == JobState.AVAILABLE)
        connection.execute(change.values(values))


_TOLD: Final = [
    job.c[name]
    for name in ("id", "type", "names", "written_as", "attempt", "rank", "due_at", "lease_owner", "lease_token")
] + [job.c[name] for name in ("trace", "instance_id", "activity_id")]
_IN_TYPE: Final = [job.c[name] for name in ("type", "rank", "due_at", "created_at", "instance_id", "activity_id")]
"""The order of the index by types."""
_IS_AWAITED: Final = and_(text(JOB_IS_ANNOUNCED), ~job.c.is_suspended, ~job.c.is_external)


_AWAITED_BY_NAMES: Final = select(job.c.names, func.count()).where(_IS_AWAITED).group_by(job.c.names)
_READY_TYPES: Final = text(f"""
    WITH RECURSIVE found (type) AS (
        SELECT (SELECT min(type) FROM job WHERE {JOB_IS_READY})
        UNION ALL
        SELECT (SELECT min(type) FROM job WHERE {JOB_IS_READY} AND type > found.type) FROM found
        WHERE found.type IS NOT NULL
    )
    SELECT found.type, (
        SELECT names FROM job WHERE {JOB_IS_READY} AND job.type >= found.type
        ORDER BY job.type, rank, due_at, created_at, instance_id, activity_id LIMIT 1
    ) AS names
    FROM found WHERE found.type IS NOT NULL
""")
"""Those of ready jobs, found by skipping from one to the next, with the names of the job that goes first."""


def _is_of_type(job_type: str) -> ColumnElement[bool]:
    """Said so that no index but that by types gives the order."""
    return and_(job.c.type >= job_type, job.c.type <= job_type)


def _is_to_repeat(now: datetime) -> ColumnElement[bool]:
    return and_(_IS_AWAITED, job.c.lease_until < now)


def _is_new(now: datetime) -> ColumnElement[bool]:
    is_unannounced = or_(job.c.lease_owner.is_(None), job.c.lease_owner != RELAY)
    return and_(text(JOB_IS_READY), job.c.kind == "service", job.c.due_at <= now, is_unannounced)
