"""Fetching jobs and settling them, for workers elsewhere: the same leases, retries and records as for our own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any, TypeVar

import orjson

from engine.clock import Clock
from engine.errors import Conflict, InvalidInput, NotFound
from engine.executors.registry import Registry
from engine.external.records import ExternalTask, Topic, TopicRecord
from engine.external.waiting import Bell
from engine.handlers import is_whole
from engine.incidents import Incidents
from engine.jobs.held import HeldJob, hold
from engine.jobs.outcome import Completed, Failed, Outcome, Retry, Thrown
from engine.jobs.settling import Settling
from engine.model import JobState
from engine.road import Road
from engine.session import Session
from engine.store import external, jobs
from engine.store.claims import Sharing
from engine.store.codec import check_key, normalise
from engine.store.jobs import Hold, Lease, TakenJob
from engine.store.transaction import Store
from engine.store.types import AnyRow, Connection

Result = TypeVar("Result")

LONGEST_WAIT = 60.0
"""Seconds after which a request that waits for jobs is answered with none."""
LONGEST_LOCK = timedelta(days=30)
MOST_TASKS = 1000
MOST_TOPICS = 200
SEATS = 8
"""Requests that may wait at once; half of the web server's threads."""
POLL = 1.0
"""Seconds between looks at the database for what other processes left there."""
GATHER = 0.005
"""Seconds in which more commits may come: one look serves them all."""
_NOTE_EVERY = 60.0  # seconds: who asks for a topic is not written down at each request
_LEAVE_EVERY = 1.0
_LOOKS = 10  # at what waits, and others have locked: they look at it, too, or have just taken it
_CHUNK = 200


class ExternalTasks:
    """*recover*: takes back the jobs of workers whose lease ran out."""

    def __init__(
        self,
        store: Store,
        road: Road,
        registry: Registry,
        clock: Clock,
        settling: Settling,
        incidents: Incidents,
        recover: Callable[[], None],
    ) -> None:
        self._store = store
        self._road = road
        self._registry = registry
        self._clock = clock
        self._settling = settling
        self._incidents = incidents
        self._recover = recover
        self._noted: dict[str, float] = {}
        self._left_at = 0.0
        self.bell = Bell(SEATS)
        road.on_work(self.bell.ring)

    def open(self) -> None:
        """Workers elsewhere can reach us: from now on a topic that nobody here handles is no incident, it waits."""
        self._registry.leave_topics()

    def close(self) -> None:
        """Those who wait for jobs go without."""
        self.bell.close()

    # fetching

    def fetch_and_lock(
        self, worker_id: str, topics: Sequence[Topic], max_tasks: int = 1, *, wait: float = 0.0
    ) -> list[ExternalTask]:
        """Up to *max_tasks* jobs, by priority and due time, leased to *worker_id*; waits for up to *wait* seconds, and
        no longer than LONGEST_WAIT, until there is one. None at once where too many wait already.

        Who asks for a topic for the first time takes up what stopped there for want of a handler.
        Raises InvalidInput.
        """
        _check_request(worker_id, topics, max_tasks)
        self._welcome(worker_id, topics)
        until = time.monotonic() + min(wait, LONGEST_WAIT)
        if (found := self._fetch(worker_id, topics, max_tasks)) or wait <= 0:
            return found
        self._store.bell.listen()
        with self.bell.seat() as is_seated:
            while is_seated and not self.bell.is_closed and (left := until - time.monotonic()) > 0:
                rung = self.bell.rung
                if found := self._fetch(worker_id, topics, max_tasks):
                    break
                self.bell.wait(rung, min(left, self._rest(topics)))
                if self.bell.rung != rung:
                    time.sleep(GATHER)
        return found

    def lock(self, job_id: str, worker_id: str, duration: timedelta) -> ExternalTask:
        """Leases one job, due or not. Raises NotFound, Conflict when somebody else has it, InvalidInput."""
        _check_worker(worker_id)
        _check_duration(duration)

        def work(connection: Connection) -> ExternalTask:
            self._find(connection, job_id)
            now = self._clock.now()
            taken = jobs.claim_one(connection, job_id, Hold(worker_id, token_hex(8), now, now + duration))
            if taken is None:
                known = self._find(connection, job_id)
                said = "its instance is suspended" if known.is_suspended else f"it is {known.state}"
                raise Conflict(f"External task '{job_id}' cannot be locked: {said}.")
            jobs.leave(connection, [job_id])
            return self._told(connection, hold(connection, [taken]), {})[0]

        return self._writing(work)

    # what a worker says of what it holds

    def complete(
        self,
        job_id: str,
        worker_id: str,
        variables: Mapping[str, Any] | None = None,
        *,
        local_variables: Mapping[str, Any] | None = None,
        token: str | None = None,
    ) -> None:
        """Done. *local_variables*: for the activity's own scope, where its output mappings find them. *token*: of the
        lease, for a worker whose name several use.

        Raises NotFound (ended, or never there), Conflict (the lease is lost), InvalidInput.
        """
        held = self._held(job_id, worker_id, token)
        done = Completed(normalise(variables or {}), local_variables=normalise(local_variables or {}))
        outcome = self._settling.judge.judged_from_outside(held, done)
        if isinstance(outcome, Failed):
            raise InvalidInput(outcome.error)
        self._settle(held, outcome, worker_id)

    def fail(
        self,
        job_id: str,
        worker_id: str,
        error: str,
        *,
        details: str = "",
        retries: int | None = None,
        retry_in: timedelta | None = None,
        token: str | None = None,
    ) -> None:
        """The attempt failed. *retries*: attempts left, 0 for an incident, None for one less than before;
        *retry_in*: None for the usual delay. Raises as `complete`."""
        if retries is not None and not is_whole(retries, 0):
            raise InvalidInput(f"{retries} retries: the number of attempts left is a whole number, 0 or more.")
        held = self._held(job_id, worker_id, token)
        failure = Retry(error[:2000], details[:20_000], max(retry_in, timedelta()) if retry_in else retry_in, retries)
        outcome = self._settling.judge.judged_from_outside(held, failure)
        self._settle(held, outcome, worker_id)

    def bpmn_error(
        self,
        job_id: str,
        worker_id: str,
        code: str,
        message: str = "",
        variables: Mapping[str, Any] | None = None,
        *,
        token: str | None = None,
    ) -> None:
        """A modelled error, which a boundary event or event subprocess catches. Raises as `complete`."""
        held = self._held(job_id, worker_id, token)
        self._settle(held, Thrown(check_key(code, "error code"), message[:2000], normalise(variables or {})), worker_id)

    def extend_lock(self, job_id: str, worker_id: str, duration: timedelta, *, token: str | None = None) -> datetime:
        """The lease lasts for *duration* from now on; until when that is. Raises as `complete`."""
        _check_duration(duration)
        held = self._held(job_id, worker_id, token)
        until = self._clock.now() + duration
        if not self._writing(lambda connection: external.prolong(connection, held.lease, until)):
            raise _lost(job_id, worker_id)
        return until

    # what operators and workers do with any of them

    def unlock(self, job_id: str, by: str = "system") -> None:
        """Gives a job back, whoever holds it; its result is not wanted any more. Does nothing where nobody does."""

        def work(session: Session) -> None:
            row = self._find(session.connection, job_id)
            if row.state != JobState.RUNNING:
                return
            lease = Lease(job_id, row.lease_token, row.attempt)
            live = session.live(row.instance_id)
            if jobs.release(session.connection, lease, state=JobState.AVAILABLE, due_at=self._clock.now()):
                jobs.end_attempts(session.connection, [lease], self._clock.now(), "unlocked")
                detail = {"job": job_id, "worker": row.lease_owner}
                live.log(self._clock.now(), "job.unlocked", by, row.activity_id, row.element_id, detail)

        self._road.travel(work)

    def set_retries(self, job_id: str, retries: int, by: str = "system") -> None:
        """Gives a job *retries* attempts; one with an incident becomes available again.

        Raises NotFound, InvalidInput.
        """
        if not is_whole(retries, 1):
            raise InvalidInput(f"{retries} retries: a job needs at least one attempt, and a whole number of them.")

        def work(session: Session) -> None:
            row = self._find(session.connection, job_id)
            if row.state != JobState.RUNNING:
                self._incidents.renew(session, job_id, retries, by)
                return
            detail = {"job": job_id, "retries": retries}
            session.live(row.instance_id).log(
                self._clock.now(), "job.retried", by, row.activity_id, row.element_id, detail
            )
            external.set_retries(session.connection, job_id, retries)

        self._road.travel(work)

    def get(self, job_id: str) -> ExternalTask:
        """Without its variables. Raises NotFound."""
        with self._store.reading() as connection:
            return _task(self._find(connection, job_id))

    def list(
        self,
        *,
        topic: str | None = None,
        worker_id: str | None = None,
        instance_id: str | None = None,
        process_key: str | None = None,
        state: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> list[ExternalTask]:
        """By id, without variables. *after*: the id that the page before ended with; *state*: of JobState."""
        with self._store.reading() as connection:
            found = external.listed(
                connection,
                topic=topic,
                worker_id=worker_id,
                instance_id=instance_id,
                process_key=process_key,
                state=state,
                after=after,
                limit=limit,
            )
        return [_task(row) for row in found]

    def topics(self) -> list[TopicRecord]:
        """What workers elsewhere have asked for, by name."""
        with self._store.reading() as connection:
            return external.topics(connection)

    # how it is done

    def _fetch(self, worker_id: str, topics: Sequence[Topic], limit: int) -> list[ExternalTask]:
        with self._store.reading() as connection:
            has_expired = jobs.has_expired(connection, self._clock.now())
        if has_expired:
            self._store.retrying(self._recover)
        self._leave(topics)
        sharing = self._sharing()

        def claim(connection: Connection) -> list[ExternalTask]:
            now = self._clock.now()
            taken = external.claim(connection, topics, limit, Hold(worker_id, token_hex(8), now, now), sharing)
            return self._told(connection, hold(connection, taken), {topic.name: topic for topic in topics})

        for _ in range(_LOOKS):
            with self._store.reading() as connection:
                if not external.is_waiting(connection, topics, self._clock.now(), limit, sharing):
                    break
            if found := self._writing(claim):
                return found
            time.sleep(GATHER)
        return []

    def _sharing(self) -> Sharing:
        return Sharing(self._registry.leaves, frozenset(self._registry.own_types))

    def _writing(self, work: Callable[[Connection], Result]) -> Result:
        """*work* in a transaction of its own, again where it lost a race or its connection."""

        def once() -> Result:
            with self._store.writing() as connection:
                return work(connection)

        return self._store.retrying(once)

    def _told(self, connection: Connection, held: Sequence[HeldJob], topics: Mapping[str, Topic]) -> list[ExternalTask]:
        rows = external.rows(connection, [each.row.id for each in held]) if held else {}
        return [_task(rows[each.row.id], each, topics.get(each.row.type)) for each in held]

    def _leave(self, topics: Sequence[Topic]) -> None:
        """Where no worker of ours runs that would leave these jobs to others, it is done here, now and then: lists and
        metrics tell of them as what they are."""
        if time.monotonic() - self._left_at < _LEAVE_EVERY:
            return
        self._left_at = time.monotonic()
        sharing = self._sharing()
        with self._store.reading() as connection:
            ids = [each for topic in topics for each in external.unseen(connection, topic.name, _CHUNK, sharing)]
        if ids:
            self._writing(lambda connection: jobs.leave(connection, ids))

    def _welcome(self, worker_id: str, topics: Sequence[Topic]) -> None:
        """Writes down that a topic is asked for, so that all our processes know; takes up what stopped there."""
        now, at = time.monotonic(), self._clock.now()
        for name in {topic.name for topic in topics}:
            if now - self._noted.get(name, -_NOTE_EVERY) < _NOTE_EVERY:
                continue
            self._writing(lambda connection, name=name: external.note_topic(connection, name, worker_id, at))
            is_new = not self._registry.is_asked(name)
            self._registry.add_asked(name)
            self._noted[name] = now
            if is_new:
                self._take_up(name, f"worker:{worker_id}")

    def _take_up(self, name: str, by: str) -> None:
        while True:
            with self._store.reading() as connection:
                ids = external.unbound(connection, name, _CHUNK)
            if not ids:
                return
            self._road.travel(lambda session, ids=ids: self._renew_all(session, ids, by))

    def _renew_all(self, session: Session, ids: Sequence[str], by: str) -> None:
        for job_id in ids:
            self._incidents.renew(session, job_id, None, by)
        jobs.leave(session.connection, ids)

    def _rest(self, topics: Sequence[Topic]) -> float:
        with self._store.reading() as connection:
            due_at = external.next_due(connection, [topic.name for topic in topics])
        if due_at is None:
            return POLL
        return min(POLL, max((due_at - self._clock.now()).total_seconds(), 0.02))

    def _held(self, job_id: str, worker_id: str, token: str | None) -> HeldJob:
        """Raises NotFound, Conflict when *worker_id* does not hold it, or not by this *token*."""
        _check_worker(worker_id)
        with self._store.reading() as connection:
            found = self._find(connection, job_id)
            row = TakenJob.of({str(name): value for name, value in found._mapping.items()})
            if row.state != JobState.RUNNING or row.lease_owner != worker_id or token not in (None, row.lease_token):
                raise _lost(job_id, worker_id)
            return hold(connection, [row])[0]

    def _settle(self, held: HeldJob, outcome: Outcome, worker_id: str) -> None:
        self._settling.settle_elsewhere(held, outcome, f"worker:{worker_id}")

    def _find(self, connection: Connection, job_id: str) -> AnyRow:
        row = external.find(connection, job_id)
        if row is None:
            raise NotFound(f"There is no external task '{job_id}' (any more).")
        return row


def _task(row: AnyRow, held: HeldJob | None = None, topic: Topic | None = None) -> ExternalTask:
    """*held*: with what it is handed out, of which the *topic* wants all or some."""
    variables = dict(held.variables or {}) if held is not None else {}
    if topic is not None and topic.variables is not None:
        variables = {name: variables[name] for name in topic.variables if name in variables}
    is_held = row.state == JobState.RUNNING
    return ExternalTask(
        id=row.id,
        topic=row.type,
        instance_id=row.instance_id,
        activity_id=row.activity_id,
        element_id=row.element_id,
        process_key=row.process_key,
        definition_id=row.process_definition_id,
        version=row.version,
        version_tag=row.version_tag,
        business_key=row.business_key,
        state=JobState(row.state),
        is_suspended=row.is_suspended,
        priority=-row.rank,
        created_at=row.created_at,
        due_at=row.due_at,
        attempt=row.attempt,
        retries=row.retries if row.retries_left is None else row.retries_left,
        worker_id=row.lease_owner if is_held else None,
        lock_token=row.lease_token if is_held and held is not None else None,
        lock_expires_at=row.lease_until if is_held else None,
        error=row.error,
        variables=variables,
        headers=orjson.loads(row.headers),
        parameters=dict(held.parameters or {}) if held is not None else {},
        traceparent=held.traceparent if held is not None else None,
    )


def _lost(job_id: str, worker_id: str) -> Conflict:
    return Conflict(
        f"External task '{job_id}' is not locked by '{worker_id}' (any more): the lock ran out, or another has it."
    )


def _check_request(worker_id: str, topics: Sequence[Topic], max_tasks: int) -> None:
    _check_worker(worker_id)
    if not 1 <= len(topics) <= MOST_TOPICS:
        raise InvalidInput(f"{len(topics)} topics: name 1 to {MOST_TOPICS}.")
    if not 1 <= max_tasks <= MOST_TASKS:
        raise InvalidInput(f"{max_tasks} tasks at once: ask for 1 to {MOST_TASKS}.")
    for topic in topics:
        check_key(topic.name, "topic")
        _check_duration(topic.lock_duration)
    if len({topic.name for topic in topics}) < len(topics):
        raise InvalidInput("A topic is named twice. Name each once.")


def _check_worker(worker_id: str) -> None:
    check_key(worker_id, "worker id")


def _check_duration(duration: timedelta) -> None:
    if not timedelta() < duration <= LONGEST_LOCK:
        raise InvalidInput(f"A lock of {duration.total_seconds():g} seconds: it lasts more than 0 and at most 30 days.")
