"""Jobs as workers elsewhere see them: found by topic, taken under a lease of theirs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select, text, update

from engine.external.records import Topic, TopicRecord
from engine.model import JobState
from engine.store import jobs
from engine.store.claims import Sharing
from engine.store.jobs import Hold, TakenJob
from engine.store.searching import has_variable
from engine.store.tables import (
    external_topic,
    incident,
    job,
    process_definition,
    process_instance,
)
from engine.store.values import insert_missing

# As the partial indexes say it: SQLite finds them by their words, and PostgreSQL also where it plans only once.
_WAITS: Final = text("job.state = 'available' AND NOT job.is_suspended AND job.is_external")
_IS_READY: Final = text(
    "job.state = 'available' AND NOT job.is_suspended AND NOT job.is_external"
    " AND job.kind NOT IN ('timer', 'start_timer') AND job.kind = 'service'"
)
_HAS_FAILED: Final = text("job.state = 'failed'")
_IS_HELD: Final = text("job.state = 'running'")
_IN_ORDER: Final = (job.c.rank, job.c.due_at, job.c.created_at, job.c.instance_id, job.c.activity_id)
_FOUND: Final[Sequence[ColumnElement[Any]]] = (job.c.id, *_IN_ORDER)
_IS_OURS: Final = and_(job.c.kind == "service", or_(job.c.is_external, job.c.written_as == "topic"))


def claim(connection: Connection, topics: Sequence[Topic], limit: int, hold: Hold, sharing: Sharing) -> list[TakenJob]:
    """Takes up to *limit* due jobs of *topics*, by priority and due time over all of them: those that are left to
    workers elsewhere, and those that nobody has looked at yet. Each topic's lease lasts from now on for as long as it
    says, whatever *hold* says."""
    found: list[tuple[Row[Any], Topic]] = []
    for topic in topics:
        query = _wanted(topic, hold.at).order_by(*_IN_ORDER).limit(limit).with_for_update(skip_locked=True, of=job)
        found += [(row, topic) for row in connection.execute(query)]
        query = _unseen(topic, hold.at, limit).with_for_update(skip_locked=True, of=job)
        found += [(row, topic) for row in _left(connection, query, topic.name, sharing)]
    found.sort(key=lambda each: tuple(each[0][1 : len(_FOUND)]))
    chosen: dict[str, list[str]] = {}
    for row, topic in found[:limit]:
        chosen.setdefault(topic.name, []).append(row.id)
    jobs.leave(connection, [row.id for row, _ in found[:limit] if len(row) > len(_FOUND)])
    order = {row.id: place for place, (row, _) in enumerate(found)}
    taken: list[TakenJob] = []
    for topic in topics:
        grip = Hold(hold.owner, hold.token, hold.at, hold.at + topic.lock_duration)
        taken += jobs.take(connection, chosen.pop(topic.name, []), grip)
    return sorted(taken, key=lambda row: order[row.id])


def is_waiting(connection: Connection, topics: Iterable[Topic], now: datetime, limit: int, sharing: Sharing) -> bool:
    """Whether `claim` would find something, unless others hold it just now."""
    return any(
        connection.execute(_wanted(topic, now).limit(1)).first() is not None
        or _left(connection, _unseen(topic, now, limit), topic.name, sharing)
        for topic in topics
    )


def next_due(connection: Connection, types: Collection[str]) -> datetime | None:
    """When the earliest job of *types* is due, or the earliest lease of anybody runs out."""
    due = select(func.min(job.c.due_at)).where(_WAITS, job.c.type.in_(sorted(types)))
    expiry = select(func.min(job.c.lease_until)).where(_IS_HELD)
    moments = [connection.execute(query).scalar() for query in (due, expiry)]
    return min((moment for moment in moments if moment is not None), default=None)


def unseen(connection: Connection, job_type: str, limit: int, sharing: Sharing) -> list[str]:
    """Jobs for workers elsewhere that nobody has left to them yet."""
    query = _IN_TURN.where(_IS_READY, _is_of_type(job_type)).limit(limit)
    return [row.id for row in _left(connection, query, job_type, sharing)]


def unbound(connection: Connection, job_type: str, limit: int) -> list[str]:
    """Jobs of a type that stopped because nobody was there to do them."""
    query = (
        select(job.c.id)
        .join(incident, incident.c.job_id == job.c.id)
        .where(_HAS_FAILED, job.c.type == job_type)
        .where(incident.c.kind == "unbound", incident.c.resolved_at.is_(None))
    )
    return list(connection.execute(query.order_by(job.c.created_at, job.c.id).limit(limit)).scalars())


def rows(connection: Connection, ids: Collection[str]) -> dict[str, Row[Any]]:
    """What is told of jobs, held or not, by id."""
    return {row.id: row for row in connection.execute(_TOLD.where(job.c.id.in_(sorted(ids))))}


def find(connection: Connection, job_id: str) -> Row[Any] | None:
    return connection.execute(_TOLD.where(job.c.id == job_id, _IS_OURS)).first()


def listed(
    connection: Connection,
    *,
    topic: str | None,
    worker_id: str | None,
    instance_id: str | None,
    process_key: str | None,
    state: str | None,
    after: str | None,
    limit: int,
) -> list[Row[Any]]:
    """By id. *after*: the id that the page before ended with."""
    query = _TOLD.where(_IS_OURS)
    for column, wanted in (
        (job.c.type, topic),
        (job.c.lease_owner, worker_id),
        (job.c.instance_id, instance_id),
        (process_instance.c.process_key, process_key),
        (job.c.state, state),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if after is not None:
        query = query.where(job.c.id > after)
    return list(connection.execute(query.order_by(job.c.id).limit(limit)))


def prolong(connection: Connection, lease: jobs.Lease, until: datetime) -> bool:
    """False when the lease is lost."""
    change = update(job).where(job.c.id == lease.job_id, job.c.lease_token == lease.token)
    return connection.execute(change.where(job.c.state == JobState.RUNNING).values(lease_until=until)).rowcount == 1


def set_retries(connection: Connection, job_id: str, retries: int) -> None:
    """Of a job that is held: what counts when its attempt fails."""
    connection.execute(update(job).where(job.c.id == job_id).values(retries_left=retries))


def note_topic(connection: Connection, name: str, worker_id: str, now: datetime) -> None:
    row = {"name": name, "first_asked_at": now, "asked_at": now, "asked_by": worker_id}
    insert_missing(connection, external_topic, [row])
    change = update(external_topic).where(external_topic.c.name == name)
    connection.execute(change.values(asked_at=now, asked_by=worker_id))


def is_asked(connection: Connection, name: str) -> bool:
    query = select(external_topic.c.name).where(external_topic.c.name == name)
    return connection.execute(query).first() is not None


def topics(connection: Connection) -> list[TopicRecord]:
    query = select(external_topic).order_by(external_topic.c.name)
    return [TopicRecord(row.name, row.first_asked_at, row.asked_at, row.asked_by) for row in connection.execute(query)]


_TOLD: Final = (
    select(
        job,
        process_instance.c.process_key,
        process_instance.c.business_key,
        process_instance.c.definition_id.label("process_definition_id"),
        process_definition.c.version,
        process_definition.c.version_tag,
    )
    .join(process_instance, process_instance.c.id == job.c.instance_id)
    .join(process_definition, process_definition.c.id == process_instance.c.definition_id)
)


# So that no index but that by types gives this order: planners would rather read past all the others.
_IN_TURN: Final = select(*_FOUND, job.c.names, job.c.written_as).order_by(job.c.type, *_IN_ORDER)


def _is_of_type(name: str) -> ColumnElement[bool]:
    """Not by "=": then the type would fall out of the order."""
    return and_(job.c.type >= name, job.c.type <= name)


def _wanted(topic: Topic, now: datetime) -> Select[*tuple[Any, ...]]:
    query = select(*_FOUND).where(_WAITS, job.c.due_at <= now, job.c.type == topic.name)
    return _narrowed(query, topic)


def _unseen(topic: Topic, now: datetime, limit: int) -> Select[*tuple[Any, ...]]:
    """Those of the topic that workers here could still take."""
    query = _IN_TURN.where(_IS_READY, job.c.due_at <= now, _is_of_type(topic.name))
    return _narrowed(query, topic).limit(limit)


def _left(connection: Connection, query: Select[*tuple[Any, ...]], job_type: str, sharing: Sharing) -> list[Row[Any]]:
    """Without those that are done here under another of their names."""
    if job_type in sharing.types:
        return []
    return [row for row in connection.execute(query) if sharing.leaves(job_type, row.names, row.written_as)]


def _narrowed(query: Select[*tuple[Any, ...]], topic: Topic) -> Select[*tuple[Any, ...]]:
    narrows = topic.business_key is not None or topic.process_keys or topic.definition_ids
    if narrows or topic.process_variables or topic.version_tag is not None:
        query = query.join(process_instance, process_instance.c.id == job.c.instance_id)
    if topic.business_key is not None:
        query = query.where(process_instance.c.business_key == topic.business_key)
    if topic.process_keys:
        query = query.where(process_instance.c.process_key.in_(topic.process_keys))
    if topic.definition_ids:
        query = query.where(process_instance.c.definition_id.in_(topic.definition_ids))
    if topic.version_tag is not None:
        query = query.join(process_definition, process_definition.c.id == process_instance.c.definition_id)
        query = query.where(process_definition.c.version_tag == topic.version_tag)
    for name, value in topic.process_variables.items():
        query = query.where(has_variable(name, value))
    return query
