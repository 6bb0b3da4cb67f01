"""One transaction on the road: instances locked and loaded once, advanced in memory, written at the end."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from engine import events as e
from engine.commands import (
    Cancel,
    Command,
    CompleteActivity,
    Migrate,
    Modify,
    Start,
    ThrowError,
    ThrowEscalation,
    TriggerEvent,
)
from engine.data_stores import SharedData
from engine.deferred import defer, hold_command
from engine.effects import Effects, IsExclusive
from engine.errors import Conflict, EngineError, NotFound
from engine.history.recorder import Recorder, flows_row
from engine.hot import Hot, HotInstances, Sizes
from engine.ids import Ids
from engine.interpreter.errors import ActivityFailed
from engine.live import Line, Live
from engine.model import InstanceState
from engine.programs import Loaded, Programs
from engine.record import record
from engine.store import instances, jobs, tables
from engine.store.asking import ask
from engine.store.instances import LockedInstance, SavedState, children_of, forgets_runtime, saved_states
from engine.store.jobs import Lease, LockedJobs, attempt_row, check_lease, leased, lock_job
from engine.store.traced_jobs import traced_jobs
from engine.store.types import Connection
from engine.store.unit import UnitOfWork
from engine.store.values import LazyValues, ValueReader
from engine.stretch import Stretch
from engine.telemetry import NOBODY, Nobody

DEPTH_LIMIT = 100
"""Calls of calls of processes: deeper is taken for a recursion without an end."""

Received = CompleteActivity | ThrowError | ThrowEscalation | TriggerEvent


Place = tuple[str, int]
"""The ids of an instance, and of an activity of it."""
_NONE: Mapping[Place, Any] = {}


class Unwritable(Exception):
    """The instance has moved, and what happened cannot be kept: nothing of this transaction may stay."""

    def __init__(self, problem: EngineError) -> None:
        super().__init__(str(problem))
        self.problem = problem


class NotTaken(Exception):
    """Instances could not take in what others sent to them: nothing of this transaction may stay. *problems*: why, by
    place; done again with these, they keep it instead."""

    def __init__(self, problems: Mapping[Place, ActivityFailed | EngineError]) -> None:
        super().__init__(f"{len(problems)} receivers could not take in what was sent to them")
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Caller:
    instance_id: str
    activity_id: int
    depth: int


@record
class FollowUp:
    """An event of one instance that concerns another one."""

    live: Live
    command: Command
    event: Any


class Session:
    def __init__(
        self,
        connection: Connection,
        programs: Programs,
        ids: Ids,
        hot: HotInstances,
        is_exclusive: IsExclusive,
        now: Callable[[], datetime],
        watch: Nobody = NOBODY,
        untaken: Mapping[Place, ActivityFailed | EngineError] = _NONE,
    ) -> None:
        """*untaken*: what is sent there is kept with an incident, since it was tried and could not be taken in."""
        self.connection = connection
        self.watch = watch
        self.trace = watch.trace  # under which goes on what is done now
        self.programs = programs
        self.unit = UnitOfWork(connection)
        self.data = SharedData(connection, self.unit)
        self.agenda: deque[FollowUp] = deque()
        self.lines: list[Line] = []  # for the log, once committed
        self._ids = ids
        self._hot = hot
        self._is_exclusive = is_exclusive
        self._reader = ValueReader(connection)
        self._lives: dict[str, Live] = {}
        self._jobs: LockedJobs = {}
        self._flows: dict[str, list[str]] = {}
        self._untaken = untaken
        self._now = now
        self.refused: dict[Place, ActivityFailed | EngineError] = {}  # found now: this transaction leads nowhere

    def load(
        self, instance_ids: Iterable[str], stretches: Iterable[Stretch] = (), leases: Iterable[Lease] = ()
    ) -> None:
        """Locks and loads what is not loaded yet, in one go. *stretches*: from which instances are taken as they are,
        where nobody else has moved them. *leases*: of jobs that commands are the end of, locked after the instances."""
        missing = {each for each in instance_ids if each not in self._lives}
        job_ids = [lease.job_id for lease in leases]
        if not missing and not job_ids:
            return
        found, held = ask(self.connection, instances.locking(missing), jobs.locking(job_ids))
        self._jobs |= jobs.locked(held)
        locked_at = self._now()
        cold: list[LockedInstance] = []
        ahead = {stretch.instance_id: stretch.hot for stretch in stretches if not stretch.is_used}
        for row in (LockedInstance(*each) for each in found):
            hot = ahead.get(row.id)
            if hot is None or hot.version != row.version or row.state != InstanceState.RUNNING:
                hot = self._hot.take(row.id, row.version)
            if hot is None and not row.has_ended:
                cold.append(row)
            else:
                self._revive(row, hot, locked_at)
        states = saved_states(self.connection, [row.id for row in cold]) if cold else {}
        for row in cold:
            self._revive(row, self._restored(row, states[row.id]), locked_at)

    def live(self, instance_id: str) -> Live:
        """Raises NotFound."""
        if instance_id not in self._lives:
            self.load([instance_id])
        if (live := self._lives.get(instance_id)) is None:
            raise NotFound(f"There is no process instance '{instance_id}'.")
        return live

    def deliver(self, instance_id: str, command: Command, lease: Lease | None = None) -> Live:
        """Advances an instance. *lease*: the job that this command is the end of.

        Raises NotFound, Conflict or InvalidInput; then the instance is as it was.
        """
        live = self._movable(instance_id, command)
        if lease is not None:
            if lease.job_id not in self._jobs:
                self.load((), leases=[lease])
            check_lease(lease, self._jobs)
        if (at := live.turn_at(command.at)) != command.at:
            command = replace(command, at=at)
        events = self.programs.advance(live.instance, command, self.data)
        if lease is not None:
            self._end_job(live, command, lease)
        self._take_in(live, command, events)
        return live

    def receive(self, instance_id: str, command: Received) -> None:
        """As `deliver`, of what others have sent. Where it fails in the instance, that is no matter of theirs: the
        instance keeps it, with an incident."""
        place = (instance_id, command.activity_id)
        if (problem := self._untaken.get(place)) is not None:
            hold_command(self.unit, self._movable(instance_id, command), command, problem)
            return
        try:
            self.deliver(instance_id, command)
        except (ActivityFailed, Unwritable) as failure:
            self.refused[place] = failure.problem if isinstance(failure, Unwritable) else failure
            self._lives.pop(instance_id, None)  # it has moved halfway

    def _movable(self, instance_id: str, command: Command) -> Live:
        live = self.live(instance_id)
        if live.has_ended:
            raise Conflict(f"Process instance '{instance_id}' has ended ({live.row.state}).")
        if live.is_suspended and not isinstance(command, Cancel | Modify):
            raise Conflict(f"Process instance '{instance_id}' is suspended. Activate it first.")
        return live

    def migrate(self, instance_id: str, command: Migrate) -> Live:
        """Lets an instance go on by another version.

        Raises NotFound, Conflict or InvalidInput; then the instance is as it was.
        """
        live = self.live(instance_id)
        if live.has_ended:
            raise Conflict(f"Process instance '{instance_id}' has ended ({live.row.state}).")
        if live.row.definition_id != command.source:
            raise Conflict(
                f"Process instance '{instance_id}' is of '{live.row.definition_id}', and the plan is for "
                f"'{command.source}'."
            )
        target = self.programs.get(command.target, self.connection)
        command = replace(command, at=live.turn_at(command.at))
        instance, events = self.programs.migrate(live.instance, target, command)
        live.go_on_as(instance, target)
        self._take_in(live, command, events)
        return live

    def take_over(self, stretch: Stretch, lease: Lease) -> Live | None:
        """Writes down what happened in memory since the job of *lease* ended; None where it cannot be taken over.

        Raises Conflict when the job is no longer its holder's to end; then the instance is as it was.
        """
        live = self._lives.get(stretch.instance_id)
        if live is None or live.instance is not stretch.hot.instance or stretch.is_used:
            return None
        try:
            if lease.job_id not in self._jobs:
                self.load((), leases=[lease])
            check_lease(lease, self._jobs)
        except Conflict:
            del self._lives[live.id]  # its state has run ahead
            raise
        self._end_job(live, stretch.steps[0].command, lease)
        self._write(live, stretch)
        return live

    def create(
        self,
        definition_id: str,
        command: Start,
        *,
        business_key: str | None = None,
        caller: Caller | None = None,
        start_key: str | None = None,
        stretch: Stretch | None = None,
    ) -> Live:
        """Starts a new instance. *start_key*: while it runs, no other of the process may start with the same.
        *stretch*: the start, as it has happened in memory.

        Raises NotFound, InvalidInput; then there is none.
        """
        loaded = self.programs.get(definition_id, self.connection)
        if stretch is not None:
            self.trace = stretch.trace or self.trace
        instance_id = self._ids.next() if stretch is None else stretch.instance_id  # also where all is done again
        row = self._new_row(instance_id, loaded, business_key, caller, start_key)
        stretch = None if stretch is None or stretch.is_used else stretch
        instance = self.programs.new_instance(loaded, row.id) if stretch is None else stretch.hot.instance
        live = Live(row, instance, loaded, self.unit, self.lines, command.at)
        events = self.programs.advance(live.instance, command, self.data) if stretch is None else ()
        self.unit.insert(tables.process_instance, _instance_row(row, command))
        self._lives[row.id] = live
        if stretch is None:
            self._take_in(live, command, events)
        else:
            self._write(live, stretch)
        return live

    def _end_job(self, live: Live, command: Command, lease: Lease) -> None:
        self.unit.delete(tables.job, (lease.job_id,))
        _, _, is_exclusive = self._jobs.pop(lease.job_id)
        if is_exclusive:
            self.unit.pass_turn(live.id, command.at)

    def _write(self, live: Live, stretch: Stretch) -> None:
        stretch.is_used = True
        live.last_at = stretch.steps[0].command.at  # nobody else has moved it since
        self.trace = stretch.trace or self.trace
        done = {step.job.row.activity_id for step in stretch.steps[1:] if step.job is not None}
        for number, step in enumerate(stretch.steps):
            self._take_in(live, step.command, step.events, done)
            if number > 0 and step.job is not None:
                self.watch.job_ended(step.job, step.command, step.outcome)
                attempt = attempt_row(step.job.row, step.job.row.created_at, step.command.actor.removeprefix("worker:"))
                self.unit.append(tables.job_attempt, attempt | {"ended_at": step.command.at, "outcome": step.outcome})
        if stretch.left is not None:
            row = stretch.left[0].row
            self.unit.update(tables.job, (row.id,), leased(row))
            self.unit.append(tables.job_attempt, attempt_row(row, row.created_at, row.lease_owner or ""))

    def keep_result(self, instance_id: str, command: Command, lease: Lease) -> None:
        """A held job's result for an instance that was suspended meanwhile: kept until it goes on."""
        live = self.live(instance_id)
        lock_job(self.connection, lease)
        self.unit.delete(tables.job, (lease.job_id,))
        self.unit.pass_turn(live.id, command.at)
        defer(self.unit, live, command)

    def children_of(self, instance_id: str, activity_id: int) -> list[str]:
        """Running instances that an activity called, started in this transaction or before."""
        self.unit.flush()
        return children_of(self.connection, instance_id, activity_id)

    def next_id(self) -> str:
        return self._ids.next()

    def gather(self) -> None:
        """Hands all that is to be written to the unit of work; a flush of it makes the transaction ready to commit."""
        for live in self._lives.values():
            if live.is_touched:
                live.save()
            if flows := self._flows.get(live.id):
                self.unit.append(tables.flow_taken, flows_row(live, flows))
        ended = [live.id for live in self._lives.values() if live.has_ended_now and not live.is_new]
        if ended:
            self.unit.write_first(forgets_runtime(self.connection, ended))

    def live_instances(self) -> dict[str, Live]:
        """Those of this transaction that have not ended, by id."""
        return {live.id: live for live in self._lives.values() if not live.has_ended}

    def hot(self) -> list[tuple[str, Hot]]:
        """The live instances as they are now, to be kept once they are committed."""
        lives = self.live_instances().values()
        return [(live.id, Hot(live.version, live.instance, live.sizes, live.last_at)) for live in lives]

    def _take_in(self, live: Live, command: Command, events: Sequence[e.Event], done: Collection[int] = ()) -> None:
        """*done*: the activities whose jobs have come and gone in memory."""
        live.is_touched = True
        live.last_at = command.at
        live.trace = self.trace
        self.watch.step(live, command, events, self.trace)
        if self.trace is not None:
            self._note_cancelled(live, events)
        try:
            self._flows.setdefault(live.id, []).extend(Recorder(live, command, self.unit).record(events))
            follow_ups = Effects(live, command, self.unit, self._is_exclusive, done).apply(events)
            self.data.apply(live, command, events)
        except EngineError as problem:
            raise Unwritable(problem) from problem
        self.agenda.extend(FollowUp(live, command, event) for event in follow_ups)

    def _note_cancelled(self, live: Live, events: Sequence[e.Event]) -> None:
        """For those who trace: the jobs that go with their activities, as long as they are there."""
        causes = {f"{live.id}.{each.activity_id}": each.cause for each in events if type(each) is e.ActivityCancelled}
        if causes:
            for row in traced_jobs(self.connection, causes):
                self.watch.job_cancelled(row, live.row.process_key, causes[row.id])

    def _revive(self, row: LockedInstance, state: Hot | None, locked_at: datetime) -> None:
        """*state*: None for an instance that has ended."""
        loaded = self.programs.get(row.definition_id, self.connection)
        instance, sizes = (state.instance, state.sizes) if state is not None else (None, Sizes())
        last_at = (state.last_at if state is not None else None) or locked_at
        self._lives[row.id] = Live(row, instance, loaded, self.unit, self.lines, last_at, sizes)

    def _restored(self, row: LockedInstance, state: SavedState) -> Hot:
        loaded = self.programs.get(row.definition_id, self.connection)
        parts, variables = LazyValues(state.parts, self._reader), LazyValues(state.variables, self._reader)
        instance = self.programs.load_instance(loaded, row.id, parts, variables)
        return Hot(row.version, instance, Sizes.of(state.parts, state.variables, self._reader.size_of))

    def _new_row(
        self, instance_id: str, loaded: Loaded, business_key: str | None, caller: Caller | None, start_key: str | None
    ) -> LockedInstance:
        return LockedInstance(
            id=instance_id,
            definition_id=loaded.id,
            process_key=loaded.key,
            business_key=business_key,
            state=InstanceState.RUNNING,
            version=0,
            log_sequence=0,
            incident_count=0,
            parent_id=caller.instance_id if caller else None,
            parent_activity_id=caller.activity_id if caller else None,
            depth=caller.depth + 1 if caller else 0,
            start_key=start_key,
            trace=self.trace,
        )


def _instance_row(row: LockedInstance, command: Start) -> dict[str, Any]:
    return {
        "id": row.id,
        "definition_id": row.definition_id,
        "process_key": row.process_key,
        "business_key": row.business_key,
        "state": row.state,
        "version": 0,
        "log_sequence": 0,
        "incident_count": 0,
        "started_at": command.at,
        "started_by": command.actor,
        "ended_at": None,
        "end_reason": "",
        "parent_id": row.parent_id,
        "parent_activity_id": row.parent_activity_id,
        "depth": row.depth,
        "root": None,
        "start_key": row.start_key,
        "removal_at": None,
        "trace": row.trace,
    }
