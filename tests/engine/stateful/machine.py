"""Sends commands to two engines on one database, and to the model; crashes them, and compares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import create_engine, select

from engine.clock import VirtualClock
from engine.engine import Engine
from engine.errors import Conflict, InvalidInput, NotFound
from engine.model import Job, Resource
from engine.modification import CancelElement, StartBefore
from engine.store import tables
from tests.engine.stateful.crashes import Death
from tests.engine.stateful.looking import check, check_history
from tests.engine.stateful.model import BACKOFF, KEPT, RETRIES, STAGES, Request, World

DIAGRAM = Path(__file__).with_name("request.bpmn").read_text()
CUSTOMERS = ("ann", "bob", "cid")
FATES = ("lives",) * 14 + ("dies before", "dies after")
TICK = timedelta(milliseconds=1)
"""Between two commands: nothing happens at the same moment but what happens together."""

Item = TypeVar("Item")
Draw = Callable[..., Any]


@dataclass
class Deed:
    """A command to an engine, and what it does to the model. *commits*: how many it makes, with the last of which it is
    done; None where nobody can say."""

    call: Callable[[Engine], object]
    effect: Callable[[], object]
    is_refused: bool = False
    commits: int | None = 1


@dataclass(frozen=True)
class Lease:
    """Of a job that a worker elsewhere has fetched, now or once."""

    job_id: str
    worker: str
    token: str
    request: Request


@dataclass
class Command:
    name: str
    weight: int
    is_possible: Callable[[Any], object]
    make: Callable[[Any], Deed | None]


def command(weight: int, is_possible: Callable[[Any], object] = lambda machine: True) -> Callable[[Any], Any]:
    """*weight*: how often it is chosen among those that are possible. It returns the deed, or does it itself."""

    def mark(make: Callable[[Any], Deed | None]) -> Any:
        make.command = Command(make.__name__, weight, is_possible, make)  # type: ignore[attr-defined]
        return make

    return mark


class Machine(RuleBasedStateMachine):
    """Hypothesis leaves out many of a machine's rules in each of its runs; this one has but one, and chooses itself."""

    make_url: Callable[[], str]
    done: ClassVar[Counter[str]]
    tell: Callable[[str], object] = staticmethod(note)
    bits: ClassVar[Random] = Random()  # of ids: the same draws give the same ones, and take the same path
    commands: ClassVar[list[Command]]

    def __init_subclass__(cls) -> None:
        found = {name: getattr(cls, name) for name in dir(cls)}
        cls.commands = [each.command for _, each in sorted(found.items()) if hasattr(each, "command")]

    def __init__(self) -> None:
        super().__init__()
        self.bits.seed(0)
        self.draw: Draw
        self.clock = VirtualClock(datetime(2026, 1, 5, 9, tzinfo=UTC))
        self.url = type(self).make_url()
        self.world = World(self.clock.now(), self.done, self._receivers)
        self.interlude: Callable[[Job], object] | None = None  # what happens while the next handler is called
        self.fails = ""
        self.engines = [self._opened(0), self._opened(1)]
        self.dropped: list[Engine] = []
        self.observer = create_engine(self.engines[0].store.url)
        self.seen: dict[str, int] = {}  # the versions of the instances' rows
        self.closed_tasks: list[str] = []
        self.leases: list[Lease] = []

    def teardown(self) -> None:
        self.observer.dispose()
        for engine in (*self.engines, *self.dropped):
            engine.close()

    # --- what may happen ---

    @initialize(data=st.data())
    def begin(self, data: Any) -> None:
        """Two versions, and some instances in the middle of their way."""
        for hours in (1, 2):
            self._deploy(self.engines[0], hours)
            self.world.hours.append(hours)
        draw = self._drawing(data)
        for _ in range(3):
            self.pass_by(TICK)
            self.begin_at(draw(*STAGES), draw(*CUSTOMERS))

    @rule(data=st.data())
    def do(self, data: Any) -> None:
        self.draw = self._drawing(data)
        self.pass_by(TICK)
        possible = [each for each in self.commands if each.is_possible(self)]
        chosen = self.draw(*(each.name for each in possible for _ in range(each.weight)))
        self.by = self.draw(0, 1)
        made = next(each for each in possible if each.name == chosen).make(self)
        if made is not None:
            self.perform(chosen, made)

    def perform(self, name: str, deed: Deed) -> None:
        engine = self.engines[self.by]
        if deed.is_refused:
            with pytest.raises((Conflict, NotFound, InvalidInput)):
                deed.call(engine)
            self.done[f"{name} (refused)"] += 1
            return
        fate = self.draw(*FATES) if deed.commits else "lives"
        death = Death(deed.commits or 1, is_after=fate == "dies after") if fate != "lives" else Death()
        with death.waiting_for(engine):
            deed.call(engine)
        assert deed.commits in (death.commits, None), f"{name} has made {death.commits} commits"
        if fate != "lives":
            self.done[fate] += 1
            self.replace_engine()
        if fate != "dies before":
            deed.effect()
            self.done[name] += 1

    # --- what must hold ---

    @invariant()
    def all_is_as_the_model_says(self) -> None:
        with self.observer.connect() as connection:
            check(connection, self.world)
            versions = dict(tuple(row) for row in connection.execute(_VERSIONS))
        read = self.engines[0].read
        for request in self.world.requests:
            if self.seen.get(request.id) != versions[request.id]:
                check_history(read, request)
        assert all(versions[id] >= self.seen[id] for id in versions.keys() & self.seen.keys())
        self.seen = versions

    # --- how it is done ---

    def pass_by(self, time: timedelta) -> None:
        self.world.now = self.clock.advance(time)

    def replace_engine(self) -> None:
        """Nothing is closed; another process comes up."""
        self.dropped.append(self.engines[self.by])
        self.engines[self.by] = self._opened(self.by)

    def begin_at(self, stage: str, customer: str) -> None:
        """A new instance, brought to a place by hand."""
        engine = self.engines[0]
        request = self.start(engine, customer, None)
        if stage != "Prepare":
            engine.modify(request.id, CancelElement("Prepare"), StartBefore(stage))
            self.world.take_away(request)
            request.log["instance.modified"] += 1
            self.world.enter(request, stage)

    def start(self, engine: Engine, customer: str, version: int | None) -> Request:
        engine.start("request", variables={"customer": customer}, version=version)
        return self.started(customer, version)

    def started(self, customer: str, version: int | None) -> Request:
        version = version or len(self.world.hours)
        request = Request(self.new_id(), customer, version, {"customer": customer})
        self.world.begin(request)
        return request

    def new_id(self) -> str:
        """Of the one instance that the model does not know yet; also where nobody was told of it."""
        known = {each.id for each in self.world.requests}
        with self.observer.connect() as connection:
            [found] = set(connection.execute(select(tables.process_instance.c.id)).scalars()) - known
        return found

    def works(self, engine: Engine, *, more: int = 0, fails: str = "") -> None:
        """Everything that is due, until nothing is; and *more* jobs that the model does not count."""
        self.check_ran(engine, engine.work(), lambda: self.world.work(fails=fails) + more)

    def check_ran(self, engine: Engine, ran: int, do: Callable[[], int]) -> None:
        """*do* does the same to the model. The first engine may call the second handler without taking its job."""
        weighed = self.done["a worker did Weigh"]
        wanted = do()
        in_memory = self.done["a worker did Weigh"] - weighed if engine is self.engines[0] else 0
        assert wanted - in_memory <= ran <= wanted

    def one(self, fits: Callable[[Request], object]) -> Request:
        return self.of([each for each in self.world.requests if fits(each)])

    def mostly(self, fits: Callable[[Request], object]) -> Request:
        """One that fits, and now and then any."""
        fitting = [each for each in self.world.requests if fits(each)]
        return self.of(fitting if fitting and self.draw(*[True] * 7, False) else self.world.requests)

    def of(self, items: Sequence[Item]) -> Item:
        return items[self.draw(*range(len(items)))]

    def job_id(self, request: Request, element: str) -> str:
        return next(job.id for job in self.engines[0].read.jobs(request.id) if job.element_id == element)

    def task_id(self, request: Request) -> str:
        return self.engines[0].read.tasks(instance_id=request.id).items[0].id

    def _opened(self, number: int) -> Engine:
        """The first one calls the second handler in memory, right after the first, where it has the instance there."""
        engine = Engine(self.url, clock=self.clock, migrate=False, history_time_to_live=KEPT)
        engine.register_external("prepare")
        handling = {"retries": RETRIES, "backoff": lambda attempt: BACKOFF}
        engine.handler("stamp", **handling)(self._handled)
        engine.handler("weigh", save_point=number > 0, **handling)(self._handled)
        return engine

    def _handled(self, job: Job) -> dict[str, str]:
        if self.interlude is not None:
            interlude, self.interlude = self.interlude, None
            interlude(job)
        if job.element_id == self.fails:
            raise ValueError("out of ink")
        return {job.type: job.instance_id}

    def _deploy(self, engine: Engine, hours: int) -> None:
        engine.deploy(Resource("request.bpmn", DIAGRAM.replace("PT1H", f"PT{hours}H").encode()))

    def _receivers(self) -> list[str]:
        """Of the instances that have been handed messages at this moment, in the order of the messages."""
        message = tables.message.c
        query = select(message.receiver_id).where(message.delivered_at == self.clock.now()).order_by(message.id)
        with self.observer.connect() as connection:
            return list(connection.execute(query).scalars())

    def _drawing(self, data: Any) -> Draw:
        """Chooses one of what it is given."""

        def draw(*among: Any) -> Any:
            self.tell(f"    {(drawn := among[_spread(data.draw(_NUMBERS)) % len(among)])!r}")
            return drawn

        return draw


class Numbers:
    """In place of hypothesis' data, which knows the constants of all modules that are loaded: always the same."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def draw(self, _: object) -> int:
        return self._random.randrange(2**16)


def _spread(number: int) -> int:
    """Hypothesis prefers some numbers, and the commands should be chosen by their weights."""
    return number * 2654435761 % 2**32 >> 8


_NUMBERS = st.integers(0, 2**16 - 1)
_VERSIONS = select(tables.process_instance.c.id, tables.process_instance.c.log_sequence)
