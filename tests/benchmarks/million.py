"""A database in which a million instances wait, each with a timer and a message subscription, beside one with a
thousand: what a poll, a transition and a correlation cost, and how fast many timers that are due at once go off."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from engine import Engine, Job, Resource
from tests.benchmarks import diagrams
from tests.benchmarks.grown import copy_message, copy_waiting
from tests.benchmarks.lab import POSTGRESQL, SQLITE, Lab
from tests.benchmarks.markdown import duration, rate, table
from tests.benchmarks.measure import interleaved
from tests.benchmarks.results import Bar, Section, at_most
from tests.benchmarks.throughput import TASKS, TRANSITIONS

LATER = timedelta(hours=1)
FAR = "2100-01-01T00:00:00Z"
FEW = 1000

TEXT = """{many:,} instances wait at an event-based gateway, each for a message with a key of its own and for a timer:
{many:,} timers, {many:,} subscriptions; and {many:,} published messages wait for receivers. They
are copies of the rows of one real instance, made by the database. Beside it stands a database with {few:,} of each;
every measurement takes turns between the two, so the ratio tells what size costs. Medians, wall time.

{costs}

*Transition*: {batch} instances of the line of {tasks} service tasks, started and worked off in one thread, by
{transitions} transitions each, on a database in which all the others lie. *Poll*: `engine.next_due()`, what an idle
worker asks about once a second. *Correlate*: `engine.correlate("paid", correlation_key=...)` to one of the many that
wait, which ends with it; it is read from the database, not in memory. *Publish*: a message that nobody waits for is
kept. *Receive*: an instance starts, and takes the one message that waits for it.

**Timers that are due at once.** {timers:,} of the {many:,} come due in the same moment; one worker fires them, each
reads its instance from the database, ends it, and closes its subscription.

{firing}

Filling took {filling}.
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of one, with few and with many stored."""

    what: str
    few: float
    many: float

    @property
    def ratio(self) -> float:
        return self.many / self.few


class ShiftedClock:
    """The machine's clock, moved ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Stock:
    """An engine on a database in which *count* instances wait, and as many messages."""

    def __init__(self, engine: Engine, clock: ShiftedClock, count: int) -> None:
        self.engine = engine
        self._clock = clock
        self._next = count  # the last ones: the first have the timers that are due early
        self._message = 0
        self._number = 0

    def transitions(self, batch: int) -> None:
        for _ in range(batch):
            self.engine.start("services")
        if self.engine.work() != batch * TASKS:
            raise RuntimeError("Other jobs were due than those of the line.")

    def correlate(self) -> None:
        self.engine.correlate("paid", correlation_key=f"KEY-{self._next}")
        self._next -= 1

    def publish(self) -> None:
        self._number += 1
        self.engine.publish("paid", correlation_key=f"new-{self._number}", ttl=timedelta(days=1))

    def receive(self) -> None:
        self._message += 1
        started = self.engine.start("waiting", variables={"number": f"MESSAGE-{self._message}", "due": FAR})
        if started.state == "running":
            raise RuntimeError("The message was not received.")

    def fire(self, timers: int) -> float:
        """Timers a second."""
        self._clock.ahead = 2 * LATER
        began = time.perf_counter()
        fired = self.engine.work()
        if fired != timers:
            raise RuntimeError(f"{fired} jobs were due, not {timers}.")
        return fired / (time.perf_counter() - began)


def measure(lab: Lab) -> Section:
    many, timers, batch = lab.pick(1_000_000, 20_000), lab.pick(10_000, 200), 10
    costs: list[list[str]] = []
    firing: list[list[str]] = []
    bars: list[Bar] = []
    filling: list[str] = []
    for kind in (SQLITE, POSTGRESQL):
        with _stock(lab, kind, FEW, timers=10) as few:
            began = time.perf_counter()
            with _stock(lab, kind, many, timers) as large:
                filling.append(f"{duration(time.perf_counter() - began)} on {kind}")
                found = _costs(lab, few, large, batch)
                costs += [[kind, c.what, duration(c.few), duration(c.many), f"{c.ratio:.2f}x"] for c in found]
                bars.append(at_most(f"a transition among {many:,} stored beside {FEW:,}, {kind}", found[0].ratio, 1.2))
                lab.noise.look()
                firing.append([kind, f"{timers:,}", rate(large.fire(timers))])
    text = TEXT.format(
        many=many,
        few=FEW,
        batch=batch,
        tasks=TASKS,
        transitions=TRANSITIONS,
        timers=timers,
        costs=table(["Database", "What", f"{FEW:,} stored", f"{many:,} stored", "Ratio"], costs),
        firing=table(["Database", "Due at once", "Fired a second"], firing),
        filling=" and ".join(filling),
    )
    return Section("A million waiting", text, bars)


def _costs(lab: Lab, few: Stock, many: Stock, batch: int) -> list[Cost]:
    rounds, runs = lab.pick(15, 5), lab.pick(10, 3)

    def cost(what: str, run: Callable[[Stock], Any], runs: int = runs, per: int = 1) -> Cost:
        lab.noise.look()
        found = interleaved(lambda: run(few), lambda: run(many), rounds, runs, clock=time.perf_counter)
        return Cost(what, found.ours.median / per, found.stock.median / per)

    return [
        cost("a transition", lambda stock: stock.transitions(batch), 1, per=batch * TRANSITIONS),
        cost("a poll with nothing due", lambda stock: stock.engine.next_due()),
        cost("correlate", Stock.correlate),
        cost("publish", Stock.publish),
        cost("start and receive", Stock.receive),
    ]


@contextmanager
def _stock(lab: Lab, kind: str, count: int, timers: int) -> Iterator[Stock]:
    url = lab.databases.fresh(kind)
    with Engine(url) as engine:
        engine.deploy(Resource("waiting.bpmn", diagrams.waiting()), Resource("services.bpmn", diagrams.services(TASKS)))
        one = engine.start("waiting", variables={"number": "KEY", "due": FAR})
        published = engine.publish("paid", correlation_key="MESSAGE", ttl=timedelta(days=1))
        copy_waiting(engine.store, one.id, count, timers, datetime.now(UTC) + LATER)
        copy_message(engine.store, str(published.id), count)
    clock = ShiftedClock()
    with Engine(url, clock=clock, migrate=False) as engine:

        @engine.handler("work")
        def work(job: Job) -> dict[str, int]:
            return {"n": job.activity_id}

        yield Stock(engine, clock, count)
    lab.databases.drop(url)
