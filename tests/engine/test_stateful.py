"""The engine beside a simple model of it: any commands in any order, with crashes and a second engine in between."""

from __future__ import annotations

import os
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import create_engine, event, make_url, text

from engine.clock import VirtualClock
from engine.engine import Engine
from engine.errors import Conflict, EngineError, NotFound
from engine.model import InstanceState, JobState, Resource
from engine.store.transaction import Store

EXAMPLES = int(os.environ.get("FERMATA_EXAMPLES", "0"))
"""How many to try, other ones each time; 0: a few, always the same."""
STEPS = 25
DIAGRAM = Path(__file__).with_name("stateful.bpmn").read_text()
KEPT = timedelta(days=1)
RUNNING, SUSPENDED = InstanceState.RUNNING, InstanceState.SUSPENDED
ENDED = {InstanceState.COMPLETED, InstanceState.CANCELLED}
WAITING_AT = {"Prepare", "Approve", "Answer", "Pause", "Go"}

KEYS = st.sampled_from(["ann", "bob"])
USERS = st.sampled_from(["kim", "lee"])
PICKS = st.integers(0, 30)
ENGINES = st.integers(0, 1)


class Crash(BaseException):
    """The process is gone, as the engine sees it."""


@dataclass
class Request:
    """What the model knows of an instance. *hours*: how long its version pauses; *signals*: received while it was
    suspended; *is_failed*: its job is out of attempts; *log*: what its log must tell, how often."""

    id: str
    customer: str
    version: int
    hours: int
    state: InstanceState = RUNNING
    at: set[str] = field(default_factory=lambda: {"Prepare"})
    variables: dict[str, Any] = field(default_factory=dict)
    assignee: str | None = None
    is_failed: bool = False
    attempts: int = 0
    due_at: datetime | None = None
    has_signal: bool = False
    ended_at: datetime | None = None
    log: Counter[str] = field(default_factory=lambda: Counter({"instance.started": 1}))

    def arrive(self, now: datetime) -> None:
        if not self.at:
            self.at = {"Pause"}
            self.due_at = now + timedelta(hours=self.hours)

    def end(self, state: InstanceState, now: datetime) -> None:
        self.state, self.ended_at, self.at = state, now, set()
        self.log["instance.ended"] += 1


def _any(fits: Callable[[Request], bool]) -> Callable[[Machine], bool]:
    return lambda machine: any(fits(each) for each in machine.requests)


def _can_fail(request: Request) -> bool:
    return "Prepare" in request.at and not request.is_failed and request.state == RUNNING


def _can_be_retried(request: Request) -> bool:
    return request.is_failed and request.state == RUNNING


def _can_be_claimed(request: Request) -> bool:
    return "Approve" in request.at and request.state == RUNNING


class Machine(RuleBasedStateMachine):
    make_url: Callable[[], str]

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualClock(datetime(2026, 1, 5, 9, tzinfo=UTC))
        self.url = type(self).make_url()
        self.engines = [self._opened(), self._opened()]
        self.dropped: list[Engine] = []
        self.requests: list[Request] = []
        self.versions: list[int] = []
        self.unread: set[str] = set()  # instances whose history has not been looked at since they were touched

    def teardown(self) -> None:
        self.unread = {each.id for each in self.requests}
        self.history_tells_the_same()
        for engine in (*self.engines, *self.dropped):
            engine.close()

    # --- what may happen ---

    @initialize(hours=st.integers(1, 3))
    def deploy_first(self, hours: int) -> None:
        self.deploy(hours, 0)

    @rule(hours=st.integers(1, 3), by=ENGINES)
    def deploy(self, hours: int, by: int) -> None:
        """A file that is the same as the newest makes no new version."""
        data = DIAGRAM.replace("PT1H", f"PT{hours}H").encode()
        self.engines[by].deploy(Resource("request.bpmn", data))
        if self.versions[-1:] != [hours]:
            self.versions.append(hours)

    @precondition(lambda self: sum(each.state not in ENDED for each in self.requests) < 3)
    @rule(customer=KEYS, version=st.none() | st.integers(1, 3), by=ENGINES)
    def start(self, customer: str, version: int | None, by: int) -> None:
        number = len(self.versions) if version is None else version % len(self.versions) + 1
        version = None if version is None else number
        instance = self.engines[by].start("request", variables={"customer": customer}, version=version)
        hours = self.versions[number - 1]
        self.requests.append(Request(instance.id, customer, number, hours, variables={"customer": customer}))

    @precondition(_any(lambda each: "Prepare" in each.at))
    @rule(pick=PICKS, number=st.integers(), by=ENGINES)
    def complete_job(self, pick: int, number: int, by: int) -> None:
        request = self._one_at("Prepare", pick)
        with self._expected(request.state != RUNNING):
            self.engines[by].complete_job(self._job(request), {"prepared": number})
            request.variables["prepared"] = number
            request.at = {"Approve", "Answer"}
            request.log["task.created"] += 1
            request.log["incident.resolved"] += request.is_failed
            request.attempts += 1
            request.is_failed = False

    @precondition(_any(_can_fail))
    @rule(pick=PICKS, left=st.integers(0, 1), by=ENGINES)
    def fail_job(self, pick: int, left: int, by: int) -> None:
        request = self._one(_can_fail, pick)
        self.engines[by].fail_job(self._job(request), "out of paper", retries=left, retry_in=timedelta())
        request.attempts += 1
        request.is_failed = left == 0
        request.log["incident.raised"] += request.is_failed

    @precondition(_any(_can_be_retried))
    @rule(pick=PICKS, by=ENGINES)
    def retry(self, pick: int, by: int) -> None:
        request = self._one(_can_be_retried, pick)
        incident = self.engines[by].read.incidents(request.id)[0]
        self.engines[by].retry(incident.id)
        request.is_failed = False
        request.log["incident.resolved"] += 1

    @precondition(_any(_can_be_claimed))
    @rule(pick=PICKS, user=USERS, by=ENGINES)
    def claim(self, pick: int, user: str, by: int) -> None:
        request = self._one(_can_be_claimed, pick)
        with self._expected(request.assignee not in (None, user)):
            self.engines[by].claim(self._task(request), user)
            request.log["task.claimed"] += 1
            request.assignee = user

    @precondition(_any(lambda each: "Approve" in each.at))
    @rule(pick=PICKS, yes=st.booleans(), by=ENGINES)
    def complete_task(self, pick: int, yes: bool, by: int) -> None:
        request = self._one_at("Approve", pick)
        task = self._task(request)
        with self._expected(request.state != RUNNING):
            self.engines[by].complete(task, {"approved": yes}, by="user:kim")
            request.variables["approved"] = yes
            request.at.remove("Approve")
            request.arrive(self.clock.now())
            request.log["task.completed"] += 1
            with pytest.raises((Conflict, NotFound)):
                self.engines[1 - by].complete(task, {"approved": not yes}, by="user:lee")

    @rule(customer=KEYS, word=st.text(max_size=3), by=ENGINES)
    def correlate(self, customer: str, word: str, by: int) -> None:
        waiting = [each for each in self.requests if "Answer" in each.at and each.customer == customer]
        is_refused = len(waiting) != 1 or waiting[0].state == SUSPENDED
        with self._expected(is_refused):
            self.engines[by].correlate("answer", correlation_key=customer, variables={"word": word})
            [request] = waiting
            request.variables["word"] = word
            request.at.remove("Answer")
            request.arrive(self.clock.now())
            request.log["message.correlated"] += 1

    @precondition(lambda self: not any(each.has_signal for each in self.requests))
    @rule(by=ENGINES)
    def signal(self, by: int) -> None:
        """One that is suspended gets it when it goes on."""
        waiting = [each for each in self.requests if "Go" in each.at]
        assert self.engines[by].signal("go") == len(waiting)
        for request in waiting:
            if request.state == RUNNING:
                request.end(InstanceState.COMPLETED, self.clock.now())
            else:
                request.has_signal = True

    @rule(hours=st.sampled_from([0, 1, 2, 25]), by=ENGINES)
    def pass_time(self, hours: int, by: int) -> None:
        now = self.clock.advance(timedelta(hours=hours))
        self.engines[by].work()
        for request in self.requests:
            if request.state == RUNNING and request.due_at is not None and request.due_at <= now:
                request.at, request.due_at = {"Go"}, None
            if request.state == RUNNING and request.has_signal:
                request.end(InstanceState.COMPLETED, now)

    @precondition(_any(lambda each: True))
    @rule(pick=PICKS, by=ENGINES)
    def suspend(self, pick: int, by: int) -> None:
        request = self._one(lambda each: True, pick)
        with self._expected(request.state != RUNNING):
            self.engines[by].suspend(request.id)
            request.state = SUSPENDED
            request.log["instance.suspended"] += 1

    @precondition(_any(lambda each: True))
    @rule(pick=PICKS, by=ENGINES)
    def activate(self, pick: int, by: int) -> None:
        request = self._one(lambda each: True, pick)
        with self._expected(request.state != SUSPENDED):
            self.engines[by].activate(request.id)
            request.state = RUNNING
            request.log["instance.activated"] += 1

    @precondition(_any(lambda each: True))
    @rule(pick=PICKS, by=ENGINES)
    def cancel(self, pick: int, by: int) -> None:
        request = self._one(lambda each: True, pick)
        with self._expected(request.state in ENDED):
            self.engines[by].cancel(request.id, reason="changed my mind")
            request.log["incident.resolved"] += request.is_failed
            request.log["task.cancelled"] += "Approve" in request.at
            request.is_failed = False
            request.end(InstanceState.CANCELLED, self.clock.now())

    @precondition(_any(lambda each: True))
    @rule(pick=PICKS, value=st.none() | st.integers() | st.lists(st.text(max_size=2), max_size=2), by=ENGINES)
    def set_variables(self, pick: int, value: Any, by: int) -> None:
        request = self._one(lambda each: True, pick)
        with self._expected(request.state != RUNNING):
            self.engines[by].set_variables(request.id, {"note": value})
            request.variables["note"] = value
            request.log["variables.set"] += 1

    @rule(by=ENGINES)
    def clean_up(self, by: int) -> None:
        gone = [each for each in self.requests if each.ended_at and each.ended_at + KEPT <= self.clock.now()]
        assert self.engines[by].cleanup().instances == len(gone)
        self.requests = [each for each in self.requests if each not in gone]

    @rule(which=ENGINES)
    def crash(self, which: int) -> None:
        """Nothing is closed; another process comes up."""
        self.dropped.append(self.engines[which])
        self.engines[which] = self._opened()

    @rule(pick=PICKS, which=ENGINES)
    def crash_in_a_commit(self, pick: int, which: int) -> None:
        """What was asked for has not happened."""
        engine = self.engines[which]
        event.listen(engine.store.database, "commit", _die)
        request = self._one(lambda each: True, pick) if self.requests else None
        with suppress(Crash, EngineError):
            if request is None or pick % 4 == 0:
                engine.start("request", variables={"customer": "ann"})
            elif pick % 4 == 1:
                engine.cancel(request.id)
            elif "Approve" in request.at:
                engine.complete(self._task(request), {"approved": None})
            elif "Prepare" in request.at:
                engine.complete_job(self._job(request), {"prepared": None})
            else:
                engine.set_variables(request.id, {"note": "never"})
        event.remove(engine.store.database, "commit", _die)
        self.crash(which)

    # --- what must hold ---

    @invariant()
    def instances_stand_where_the_model_says(self) -> None:
        read = self.engines[len(self.requests) % 2].read
        there = {each.id: each for each in read.instances(limit=200)}
        assert {id: (each.state, each.version) for id, each in there.items()} == {
            each.id: (each.state, each.version) for each in self.requests
        }
        for request in self.requests:
            assert {each.element_id for each in read.active(request.id)} & WAITING_AT == request.at
            assert there[request.id].incident_count == request.is_failed
            assert there[request.id].ended_at == request.ended_at

    @invariant()
    def work_is_open_as_the_model_says(self) -> None:
        read = self.engines[0].read
        live = [each for each in self.requests if each.state not in ENDED]
        assert {task.instance_id: task.assignee for task in read.tasks(scope="all", limit=200)} == {
            each.id: each.assignee for each in live if "Approve" in each.at
        }
        jobs = {(job.instance_id, job.kind): job for job in read.jobs() if job.kind != "deferred"}
        expected = {(each.id, "service") for each in live if "Prepare" in each.at}
        expected |= {(each.id, "timer") for each in live if "Pause" in each.at}
        assert set(jobs) == expected
        for request in live:
            if "Prepare" in request.at:
                state = jobs[request.id, "service"].state
                assert state == (JobState.FAILED if request.is_failed else JobState.AVAILABLE)
            if "Pause" in request.at:
                assert jobs[request.id, "timer"].due_at == request.due_at
        assert {each.instance_id for each in read.incidents()} == {each.id for each in live if each.is_failed}

    @invariant()
    def history_tells_the_same(self) -> None:
        read = self.engines[1].read
        for request in self.requests:
            if request.id not in self.unread:
                continue
            history = read.history(request.id)
            assert [entry.sequence for entry in history.log] == list(range(1, len(history.log) + 1))
            told = Counter(entry.action for entry in history.log)
            assert {action: told[action] for action in request.log} == {**request.log}
            assert {each.element_id for each in history.activities if each.ended_at is None} & WAITING_AT == request.at
            replayed: dict[str, Any] = {}
            for change in history.variable_changes:
                assert replayed.get(change.name) == change.before
                replayed[change.name] = change.after
            assert replayed == request.variables
            if request.state not in ENDED:
                assert read.variables(request.id) == request.variables
            assert len(history.job_attempts) == request.attempts
        self.unread = set()

    # ---

    def _opened(self) -> Engine:
        engine = Engine(self.url, clock=self.clock, migrate=False, history_time_to_live=KEPT)
        engine.register_external("prepare")
        return engine

    def _one(self, fits: Callable[[Request], bool], pick: int) -> Request:
        fitting = [each for each in self.requests if fits(each)]
        picked = fitting[pick % len(fitting)]
        self.unread.add(picked.id)
        return picked

    def _one_at(self, element: str, pick: int) -> Request:
        return self._one(lambda each: element in each.at, pick)

    def _job(self, request: Request) -> str:
        return next(job.id for job in self.engines[0].read.jobs(request.id) if job.kind == "service")

    def _task(self, request: Request) -> str:
        tasks = self.engines[0].read.tasks(scope="all", limit=200)
        return next(task.id for task in tasks if task.instance_id == request.id)

    @contextmanager
    def _expected(self, is_refused: bool) -> Iterator[None]:
        """The engine refuses where the model says so, and then nothing has changed."""
        if is_refused:
            with pytest.raises((Conflict, NotFound)):
                yield
        else:
            yield


def _die(connection: Any) -> None:
    raise Crash


@pytest.fixture
def fresh_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes the URL of an empty database of the current form, another one each time."""
    if request.param == "sqlite":
        template = tmp_path / "template.db"
        store = Store(f"sqlite:///{template}")
        store.migrate()
        store.close()
        return lambda: f"sqlite:///{shutil.copy(template, tmp_path / f'{secrets.token_hex(6)}.db')}"
    url = make_url(request.getfixturevalue("postgres_template"))

    def copy() -> str:
        name = f"stateful_{secrets.token_hex(6)}"
        server = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "template"'))
        server.dispose()
        return url.set(database=name).render_as_string(hide_password=False)

    return copy


@pytest.mark.slow
@pytest.mark.timeout(3600 if EXAMPLES else 300)
@pytest.mark.parametrize(
    ("fresh_url", "examples"),
    [("sqlite", 12), pytest.param("postgresql", 5, marks=pytest.mark.postgres)],
    indirect=["fresh_url"],
)
def test_any_commands_in_any_order_do_what_the_model_says(fresh_url: Callable[[], str], examples: int) -> None:
    machine = type("TheMachine", (Machine,), {"make_url": staticmethod(fresh_url)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES or examples,
            stateful_step_count=STEPS,
            derandomize=not EXAMPLES,
            phases=list(Phase) if EXAMPLES else [Phase.generate],  # shrinking takes minutes
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
