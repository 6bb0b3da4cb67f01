"""What the engine should have in its database: a few dicts, and the rules of one diagram (request.bpmn)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from engine.model import InstanceState, JobState

RUNNING, SUSPENDED = InstanceState.RUNNING, InstanceState.SUSPENDED
COMPLETED, CANCELLED = InstanceState.COMPLETED, InstanceState.CANCELLED
AVAILABLE, HELD, FAILED = JobState.AVAILABLE, JobState.RUNNING, JobState.FAILED

STAGES = ("Prepare", "Stamp", "Fork", "Pause", "Go")
"""Where a token may be put by hand, in the order of the diagram."""
BRANCHES = {"Approve", "Answer"}
WAITS = {"Prepare", "Stamp", "Weigh", "Approve", "Answer", "Pause", "Go"}
SERVICES = {"Prepare", "Stamp", "Weigh"}
EXTERNAL = "Prepare"
LATE_AFTER = timedelta(hours=24)
KEPT = timedelta(days=1)
LEASE = timedelta(seconds=30)
RETRIES, BACKOFF = 2, timedelta(minutes=10)
"""Of the handlers."""


@dataclass
class Work:
    """A job. *left*: attempts left, where something has said it; *id*: known once a worker elsewhere has had it."""

    kind: str
    due_at: datetime
    state: JobState = AVAILABLE
    attempt: int = 0
    left: int | None = None
    owner: str | None = None
    token: str | None = None
    until: datetime | None = None
    id: str = ""

    def let_go(self, state: JobState, due_at: datetime | None = None) -> None:
        self.state, self.owner, self.token, self.until = state, None, None, None
        self.due_at = due_at or self.due_at


@dataclass
class Deferred:
    """A command that waits until its instance goes on: the end of a visit of *element*."""

    element: str
    visit: int
    variables: dict[str, Any]
    work: Work

    def fits(self, request: Request) -> bool:
        return request.at.get(self.element) == self.visit


@dataclass
class Letter:
    """A published message. *is_waiting*: nobody has got it yet."""

    key: str
    word: str
    expires_at: datetime
    message_id: str | None
    is_waiting: bool


@dataclass
class Request:
    """An instance. *at*: the elements at which tokens wait, each with the number of the visit; *since*: when it began
    to wait for its answer; *stood_at*: the elements at which it was cancelled; *visits*, *attempts*, *log*: what the
    history must tell, how often."""

    id: str
    customer: str
    version: int
    variables: dict[str, Any]
    state: InstanceState = RUNNING
    ended_at: datetime | None = None
    at: dict[str, int] = field(default_factory=dict)
    jobs: dict[str, Work] = field(default_factory=dict)
    deferred: list[Deferred] = field(default_factory=list)
    assignee: str | None = None
    since: datetime | None = None
    stood_at: set[str] = field(default_factory=set)
    visits: Counter[tuple[str, str]] = field(default_factory=Counter)
    attempts: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    log: Counter[str] = field(default_factory=Counter)

    @property
    def is_live(self) -> bool:
        return self.state in (RUNNING, SUSPENDED)

    @property
    def failed(self) -> list[str]:
        """The elements with an incident."""
        return [element for element, work in self.jobs.items() if work.state == FAILED]

    def has_deferred(self, element: str) -> bool:
        return any(each.element == element and each.fits(self) for each in self.deferred)

    def end_attempt(self, element: str, outcome: str) -> None:
        self.attempts[element, None] -= 1
        self.attempts[element, outcome] += 1


class World:
    """All that there is. *hours*: how long each version pauses; *letters*: oldest first; *done*: what has happened
    by itself, how often. *receivers*: who has been handed messages just now, in their order: the engine's to say where
    several begin to wait at the same moment."""

    def __init__(self, now: datetime, done: Counter[str], receivers: Callable[[], list[str]]) -> None:
        self.now = now
        self.done = done
        self._receivers = receivers
        self.requests: list[Request] = []
        self.hours: list[int] = []
        self.letters: list[Letter] = []
        self._visits = count(1)

    # tokens

    def begin(self, request: Request, stage: str = "Prepare") -> None:
        self.requests.append(request)
        request.log["instance.started"] += 1
        self.enter(request, stage)

    def enter(self, request: Request, element: str) -> None:
        if element == "Fork":
            self.enter(request, "Approve")
            self.enter(request, "Answer")
            return
        request.at[element] = next(self._visits)
        if element in SERVICES:
            request.jobs[element] = Work("service", self.now)
        elif element == "Approve":
            request.assignee = None
            request.jobs["Late"] = Work("timer", self.now + LATE_AFTER)
            request.log["task.created"] += 1
        elif element == "Answer":
            request.since = self.now
            if (letter := self._letter_for(request.customer)) is not None:
                letter.is_waiting = False
                self.done["a message that had waited was received"] += 1
                request.log["message.correlated"] += 1
                self.reach(request, "Answer", word=letter.word)
        elif element == "Pause":
            request.jobs["Pause"] = Work("timer", self.now + timedelta(hours=self.hours[request.version - 1]))

    def finish(self, request: Request, element: str, **variables: Any) -> None:
        """The token at *element* goes on."""
        request.variables |= variables
        self._leave(request, element, "completed")
        if element == "Approve":
            request.log["task.completed"] += 1
        self._go_on(request, element)

    def _go_on(self, request: Request, element: str) -> None:
        following = {"Prepare": "Stamp", "Stamp": "Weigh", "Weigh": "Fork", "Pause": "Go"}
        if element in following:
            self.enter(request, following[element])
        elif element in BRANCHES:
            if not request.at:
                self.enter(request, "Pause")
        else:
            self.end(request, COMPLETED)

    def _leave(self, request: Request, element: str, outcome: str) -> None:
        del request.at[element]
        request.visits[element, outcome] += 1
        work = request.jobs.pop(element, None)
        if work is not None and work.state == FAILED:
            request.log["incident.resolved"] += 1
        if work is not None and work.kind == "service" and work.state == HELD and outcome == "cancelled":
            request.end_attempt(element, "discarded")
        if element == "Approve":
            request.jobs.pop("Late")

    def take_away(self, request: Request) -> None:
        """All tokens go."""
        for element in list(request.at):
            self._leave(request, element, "cancelled")
            request.log["task.cancelled"] += element == "Approve"

    def be_late(self, request: Request) -> None:
        self._leave(request, "Approve", "cancelled")
        request.log["task.cancelled"] += 1
        self._go_on(request, "Approve")

    def cancel(self, request: Request) -> None:
        request.stood_at = set(request.at)
        self.take_away(request)
        self.end(request, CANCELLED)

    def end(self, request: Request, state: InstanceState) -> None:
        request.state, request.ended_at = state, self.now
        request.jobs.clear()
        request.deferred.clear()
        request.log["instance.ended"] += 1

    # what reaches a token from outside

    def reach(self, request: Request, element: str, **variables: Any) -> None:
        """A message or signal; kept for an instance that is suspended."""
        if request.state == SUSPENDED:
            self.defer(request, element, variables)
        else:
            self.finish(request, element, **variables)

    def defer(self, request: Request, element: str, variables: dict[str, Any]) -> None:
        work = Work("deferred", self.now)
        request.deferred.append(Deferred(element, request.at[element], variables, work))
        request.log["command.deferred"] += 1

    def waiting(self, element: str) -> list[Request]:
        """Those that wait for a message or signal there, the longest first."""
        there = [each for each in self.requests if each.is_live and element in each.at]
        return sorted(there, key=lambda each: (each.since or self.now, each.id))

    def alive_letters(self) -> list[Letter]:
        return [each for each in self.letters if each.expires_at > self.now]

    def _letter_for(self, key: str) -> Letter | None:
        return next((each for each in self.alive_letters() if each.is_waiting and each.key == key), None)

    # jobs

    def fail(self, request: Request, element: str, left: int, again_at: datetime) -> None:
        """An attempt that is on record as under way has failed."""
        work = request.jobs[element]
        work.left = left
        work.let_go(AVAILABLE if left else FAILED, again_at if left else None)
        request.end_attempt(element, "retry" if left else "failed")
        request.log["incident.raised"] += left == 0

    def recover(self) -> None:
        """Leases that have run out are gone."""
        for request in self.requests:
            for element, work in self._all_jobs(request):
                if work.state == HELD and work.until is not None and work.until < self.now:
                    work.let_go(AVAILABLE)
                    self.done["a lease ran out"] += 1
                    if work.kind == "service":
                        request.end_attempt(element, "lost")

    def due(self) -> list[tuple[Request, str, Work]]:
        """What a worker here would take now."""
        return [
            (request, element, work)
            for request in self.requests
            if request.state == RUNNING
            for element, work in self._all_jobs(request)
            if work.state == AVAILABLE and work.due_at <= self.now and element != EXTERNAL
        ]

    def next_due_at(self) -> datetime | None:
        """Of the jobs that are done here, also those that a worker has left behind."""
        jobs = [work for each in self.requests for element, work in self._all_jobs(each) if element != EXTERNAL]
        moments = [work.until if work.state == HELD and work.until else work.due_at for work in jobs]
        return min((each for each in moments if each > self.now), default=None)

    def hold(self, due: list[tuple[Request, str, Work]]) -> None:
        """A worker here has taken them."""
        for request, element, work in due:
            work.state, work.until = HELD, self.now + LEASE
            work.attempt += 1
            if work.kind == "service":
                request.attempts[element, None] += 1

    def settle(self, held: list[tuple[Request, str, Work]], *, fails: str = "") -> int:
        """What was held is done; the handler of the element *fails* fails. How many that were."""
        for request, work in self.settle_some(held, fails=fails):
            self._throw_away(request, work)
        return len(held)

    def settle_some(self, held: list[tuple[Request, str, Work]], *, fails: str = "") -> list[tuple[Request, Work]]:
        """As `settle`, but for what was deferred and no longer fits its instance: that is returned."""
        unwanted: list[tuple[Request, Work]] = []
        for request, element, work in self._in_order(held):
            self.done[f"a worker did {element}"] += 1
            if work.kind == "service":
                self._handle(request, element, fails)
            elif work.kind == "deferred":
                fitting = [each for each in request.deferred if each.work is work and each.fits(request)]
                for deferred in fitting:
                    request.deferred.remove(deferred)
                    self.finish(request, deferred.element, **deferred.variables)
                if not fitting:
                    unwanted.append((request, work))
            elif element == "Late":
                self.be_late(request)
            else:
                self.finish(request, element)
        return unwanted

    def _in_order(self, held: list[tuple[Request, str, Work]]) -> list[tuple[Request, str, Work]]:
        if not any(letter.is_waiting for letter in self.letters):
            return held
        order = {instance_id: place for place, instance_id in enumerate(self._receivers())}
        return sorted(held, key=lambda each: order.get(each[0].id, len(order)))

    def work(self, *, fails: str = "") -> int:
        """Everything that is due, until nothing is; how many jobs that took."""
        ran = 0
        while due := self.due():
            self.hold(due)
            ran += self.settle(due, fails=fails)
        return ran

    def commits_of_work(self) -> Iterator[None]:
        """The same commit by commit: each saves what became of jobs and takes the next ones; what no longer fits its
        instance is thrown away after it, one by one."""
        self.hold(held := self.due())
        yield
        while held:
            unwanted = self.settle_some(held)
            self.hold(held := self.due())
            yield
            for request, work in unwanted:
                self._throw_away(request, work)
                yield

    def _handle(self, request: Request, element: str, fails: str) -> None:
        if element == fails:
            self.done[f"the handler of {element} failed"] += 1
            work = request.jobs[element]
            left = (RETRIES if work.left is None else work.left) - 1
            self.fail(request, element, left, self.now + BACKOFF)
            return
        request.end_attempt(element, "completed")
        self.finish(request, element, **{element.lower(): request.id})

    def _throw_away(self, request: Request, work: Work) -> None:
        """What may have gone with its instance already."""
        request.deferred = [each for each in request.deferred if each.work is not work]

    def _all_jobs(self, request: Request) -> list[tuple[str, Work]]:
        return [*request.jobs.items(), *(("what was deferred", each.work) for each in request.deferred)]
