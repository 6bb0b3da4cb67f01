"""The one road: command, lock and load, advance, write, commit, wake. Every change to an instance takes it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, TypeVar

from engine import telemetry
from engine.clock import Clock
from engine.commands import Command
from engine.effects import IsExclusive
from engine.errors import DatabaseAway, EngineError, InvalidInput
from engine.following import follow
from engine.hot import HotInstances
from engine.ids import Ids
from engine.interpreter.errors import ActivityFailed
from engine.jobs.held import HeldJob
from engine.programs import Programs
from engine.record import record
from engine.session import NotTaken, Place, Session, Unwritable
from engine.store.faults import OutcomeUnknown
from engine.store.jobs import Lease, ends_of_attempts
from engine.store.transaction import Store
from engine.store.types import Connection
from engine.stretch import Stretch

Result = TypeVar("Result")
Witness = Callable[[Connection, Any], None]
"""Told of a transaction and of what came of it, before it commits; what it writes belongs to it."""
WITNESS: ContextVar[Witness | None] = ContextVar("witness", default=None)
"""Of the next transaction on the road."""

log = logging.getLogger("engine")


@record
class Errand:
    """A command for one instance. *lease*: the job whose end it is, with *outcome* for its attempt's record.
    *stretch*: what came of it, and of more, in memory. *held*: the job itself, for those who watch."""

    instance_id: str
    command: Command
    lease: Lease | None = None
    outcome: str = "completed"
    stretch: Stretch | None = None
    held: HeldJob | None = None


class Road:
    """*is_exclusive*: whether the handler of a job that goes by these names runs beside no other of its instance."""

    def __init__(
        self, store: Store, programs: Programs, ids: Ids, clock: Clock, is_exclusive: IsExclusive = lambda names: False
    ) -> None:
        self._store = store
        self._programs = programs
        self._ids = ids
        self._clock = clock
        self._is_exclusive = is_exclusive
        self.hot = HotInstances()
        self._listeners: list[Callable[[], None]] = []
        self._for_work: list[Callable[[], None]] = []
        self._for_news: list[Callable[[], None]] = []
        self._store.bell.tell(self._hear)

    def on_commit(self, callback: Callable[[], None]) -> None:
        self._listeners.append(callback)

    def on_work(self, callback: Callable[[], None]) -> None:
        """As `on_commit`, and soon after a commit of another process that left work (while the store listens)."""
        self._for_work.append(callback)

    def on_news(self, callback: Callable[[], None]) -> None:
        """As `on_commit`, and soon after any commit of another process."""
        self._for_news.append(callback)

    def send(self, instance_id: str, command: Command) -> None:
        """Raises NotFound, Conflict or InvalidInput; then nothing has changed."""
        self.travel(lambda session: session.deliver(instance_id, command))

    def send_all(
        self, errands: Sequence[Errand], after: Callable[[Session], None] | None = None
    ) -> list[Exception | None]:
        """Runs *errands* in order, sharing a commit; for each what refused it, or None when it is done.

        One that breaks (not merely refused) takes nothing of the others with it: they run again alone.
        *after*: called when all is gathered and not yet written.
        """
        try:
            return self.travel(lambda session: self._run_all(session, errands), after, is_routine=True)
        except (DatabaseAway, OutcomeUnknown):  # none of them is to blame
            raise
        except Exception as problem:
            if len(errands) <= 1 and after is None:
                return [problem] * len(errands)
            log.warning("a shared commit failed, its commands run one by one", extra={"error": type(problem).__name__})
            refusals = [self.send_all([errand])[0] for errand in errands]
            if after is not None:
                self.travel(lambda session: None, after)
            return refusals

    def travel(
        self,
        work: Callable[[Session], Result],
        after: Callable[[Session], None] | None = None,
        *,
        is_routine: bool = False,
    ) -> Result:
        """*work* and all that follows from it in one transaction, tried again where it lost a race or its connection.

        *is_routine*: workers elsewhere need to look only where it makes jobs that nobody holds yet.
        """
        watch = telemetry.commit(is_routine=is_routine)
        try:
            result, session = self._store.retrying(lambda: self._travel_until_taken(work, after, watch))
        except Unwritable as broken:
            raise broken.problem from broken
        except ActivityFailed as failure:  # outside of any activity that could hold it as an incident
            raise InvalidInput(failure.message) from failure
        except Exception as problem:
            watch.broken(problem)
            raise
        watch.committed()
        WITNESS.set(None)
        self.hot.put(session.hot())
        for action, ids in session.lines:
            log.info(action, extra=ids)
        self._store.bell.ring(has_work=session.unit.leaves_work or not is_routine)
        for listener in (*self._listeners, *self._for_work, *self._for_news):
            listener()
        return result

    def _hear(self, has_work: bool) -> None:
        for listener in (*self._for_work, *self._for_news) if has_work else self._for_news:
            listener()

    def _travel_until_taken(
        self, work: Callable[[Session], Result], after: Callable[[Session], None] | None, watch: telemetry.Nobody
    ) -> tuple[Result, Session]:
        untaken: dict[Place, ActivityFailed | EngineError] = {}
        while True:
            try:
                return self._travel_once(work, after, watch, untaken)
            except NotTaken as refusal:
                untaken |= refusal.problems

    def _travel_once(
        self,
        work: Callable[[Session], Result],
        after: Callable[[Session], None] | None,
        watch: telemetry.Nobody,
        untaken: Mapping[Place, ActivityFailed | EngineError],
    ) -> tuple[Result, Session]:
        def in_transaction(connection: Connection) -> tuple[Result, Session]:
            watch.begin()
            now = self._clock.now
            session = Session(connection, self._programs, self._ids, self.hot, self._is_exclusive, now, watch, untaken)
            try:
                result = work(session)
                follow(session)
            except Exception as problem:
                if session.refused and not isinstance(problem, DatabaseAway):  # most likely a consequence of that
                    raise NotTaken(session.refused) from problem
                raise
            if session.refused:
                raise NotTaken(session.refused)
            watch.mark("advance")
            session.gather()
            if after is not None:
                after(session)
            session.unit.flush()
            if (witness := WITNESS.get()) is not None:
                witness(connection, result)
            watch.mark("write")
            return result, session

        return self._store.together(in_transaction)

    def _run_all(self, session: Session, errands: Sequence[Errand]) -> list[Exception | None]:
        ahead = [errand.stretch for errand in errands if errand.stretch is not None]
        leases = [errand.lease for errand in errands if errand.lease is not None]
        session.load((errand.instance_id for errand in errands), ahead, leases)
        refusals: list[Exception | None] = [None] * len(errands)
        done: dict[str, list[Lease]] = {}
        # What has run ahead goes first: the others of its instance find it in the state that they are meant for.
        for place, errand in sorted(enumerate(errands), key=lambda each: each[1].stretch is None):
            session.trace = telemetry.woken(errand.held)
            try:
                if not self._take_over(session, errand):
                    session.deliver(errand.instance_id, errand.command, errand.lease)
            except EngineError as refusal:
                refusals[place] = refusal
            else:
                if errand.held is not None:
                    session.watch.job_ended(errand.held, errand.command, errand.outcome)
                if errand.lease is not None:
                    done.setdefault(errand.outcome, []).append(errand.lease)
        for outcome, leases in done.items():
            session.unit.write_first(ends_of_attempts(session.connection, leases, self._clock.now(), outcome))
        return refusals

    def _take_over(self, session: Session, errand: Errand) -> bool:
        if errand.stretch is None or errand.lease is None:
            return False
        return session.take_over(errand.stretch, errand.lease) is not None
