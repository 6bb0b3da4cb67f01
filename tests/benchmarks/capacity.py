"""What instances cost, measured, and what many of them come to: docs/scaling.md's simulation, hour by hour.

Nothing here knows what the result should be: limits, and how far a plan goes, are found by simulating it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

HISTORY = ("activity", "flow_taken", "variable_change", "job_attempt", "log", "agent_step")
PERIOD = 28
"""Days after which a load repeats itself."""


@dataclass(frozen=True, slots=True)
class TableCost:
    """Of one instance in one table; indexes are counted in *index_bytes* alone."""

    rows: float
    heap_bytes: float
    index_bytes: float

    @property
    def bytes(self) -> float:
        return self.heap_bytes + self.index_bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """What one instance takes in a database."""

    tables: Mapping[str, TableCost]

    @property
    def rows(self) -> float:
        return sum(cost.rows for cost in self.tables.values())

    @property
    def bytes(self) -> float:
        return sum(cost.bytes for cost in self.tables.values())

    @property
    def history_rows(self) -> float:
        return sum(cost.rows for name, cost in self.tables.items() if name in HISTORY)

    @property
    def history_bytes(self) -> float:
        return sum(cost.bytes for name, cost in self.tables.items() if name in HISTORY)


@dataclass(frozen=True, slots=True)
class Running:
    """What one instance takes from its start to its end. Seconds are of a processor, but *flush_seconds*: how long the
    log is busy with one of the *flushes*. *written_bytes*: pages and log, all that the server writes."""

    server_seconds: float
    worker_seconds: float
    flushes: float
    flush_seconds: float
    log_bytes: float
    written_bytes: float


@dataclass(frozen=True, slots=True)
class Removing:
    """What it takes to remove one instance. *per_second*: as many does a cleanup remove that does not pause."""

    per_second: float
    server_seconds: float
    log_bytes: float
    written_bytes: float


@dataclass(frozen=True, slots=True)
class Costs:
    """*read_seconds*: of the server's processor, for one look at an instance and its history."""

    ended: Stored
    waiting: Stored
    running: Running
    row_by_row: Removing
    in_partitions: Removing
    read_seconds: float


@dataclass(frozen=True, slots=True)
class Load:
    """*per_day*: instances of an average day. *hours*: weights of the hours of a day; *weekend* and *month_end*: as
    many times a working day comes on these. *open_days*: how long an instance is open; *reads*: how often somebody
    looks at one."""

    per_day: float
    hours: tuple[float, ...] = (*(0.2,) * 6, 0.6, 1, 2, 3, 3, 2.5, 1.5, 2, 3, 2.5, 2, 1.5, 1, 0.8, 0.6, 0.4, 0.3, 0.2)
    weekend: float = 0.3
    month_end: float = 2.0
    open_days: float = 3.0
    reads: float = 3.0

    def of_day(self, day: int) -> float:
        return self.per_day * self._weight(day) * PERIOD / sum(map(self._weight, range(PERIOD)))

    def of_hours(self, day: int) -> list[float]:
        each = self.of_day(day) / sum(self.hours)
        return [each * weight for weight in self.hours]

    def _weight(self, day: int) -> float:
        if day % 7 in (5, 6):
            return self.weekend
        return self.month_end if day % PERIOD == PERIOD - 3 else 1.0


@dataclass(frozen=True, slots=True)
class Server:
    """What one database has. *usable*: the share of processors and of the log's time that may be taken, so that waiting
    in line stays short. *connections*: of which each worker process takes *per_process*."""

    cores: float = 16
    usable: float = 0.7
    log_bytes_per_second: float = 50e6
    written_bytes_per_second: float = 200e6
    disk_bytes: float = 2e12
    connections: float = 500
    per_process: float = 16


@dataclass(frozen=True, slots=True)
class Plan:
    """*databases*: instances are spread over so many, the fullest having *uneven* more than its share.
    *partition_days*: history goes when all of a partition may; None: row by row, with its instance. *has_replica*:
    history is read there. *rest*: the cleanup pauses so many times as long as it works."""

    databases: int = 1
    kept_days: int = 90
    partition_days: int | None = None
    has_replica: bool = False
    uneven: float = 0.1
    rest: float = 4.0

    @property
    def share(self) -> float:
        """Of the load, in the fullest database."""
        return 1.0 if self.databases == 1 else (1 + self.uneven) / self.databases


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of the fullest database. *shares*: how much of each limit is needed at the worst moment, 1 being all of it.
    *kept*: instances at the end, ended ones; *processes*: of workers in the busiest hour; *wait_hours*: how long at the
    most an instance waited for its turn."""

    shares: Mapping[str, float]
    kept: float
    rows: float
    bytes: float
    log_bytes: float  # of the fullest day
    peak_per_second: float
    processes: float
    wait_hours: float

    @property
    def holds(self) -> bool:
        return self.shares[self.first] <= 1

    @property
    def first(self) -> str:
        """The limit that is nearest, or passed furthest."""
        return max(self.shares, key=lambda name: self.shares[name])

    @property
    def passed(self) -> list[str]:
        return [name for name, share in self.shares.items() if share > 1]


Measure = Callable[[Costs, Plan], tuple[Costs, Plan]]
"""What somebody does so that more instances fit."""
WORTH = 1.05
"""As many times more a measure must bring to be worth it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One measure: up to how many instances a day all holds with it, and *before* it. *costs* and *plan*: with all
    that has been taken so far."""

    name: str
    most: float
    before: float
    costs: Costs
    plan: Plan
    is_taken: bool


LIMITS = ("processor", "log in time", "log in bytes", "written", "disk", "cleanup", "connections")


def simulate(costs: Costs, load: Load, server: Server, plan: Plan, days: int | None = None) -> Verdict:
    """*days* from an empty database on; without them until as much has gone as comes, and a period more."""
    days = days or plan.kept_days + (plan.partition_days or 0) + PERIOD
    database = _Database(costs, server, plan)
    for day in range(days):
        database.begin_day(day)
        hours = [came * plan.share for came in load.of_hours(day)]
        for came in hours:
            database.hour(came, load.reads)
        database.end_day(load.open_days * sum(hours))
    return database.verdict()


def most_a_day(
    costs: Costs, server: Server, plan: Plan, load: Load, does_hold: Callable[[Verdict], bool] = lambda v: v.holds
) -> float:
    """Instances of an average day up to which a plan holds, to one in two hundred; 0 where it never does."""
    low, high = 0.0, 1000.0
    while high < 1e15 and does_hold(simulate(costs, replace(load, per_day=high), server, plan)):
        low, high = high, high * 10
    while high - low > max(high / 200, 1):
        middle = (low + high) / 2
        if does_hold(simulate(costs, replace(load, per_day=middle), server, plan)):
            low = middle
        else:
            high = middle
    return low


def limits_in_order(costs: Costs, server: Server, plan: Plan, load: Load) -> dict[str, float]:
    """Up to how many instances a day each limit is kept, the others aside; the first to be met comes first."""
    found = {name: most_a_day(costs, server, plan, load, lambda v, name=name: v.shares[name] <= 1) for name in LIMITS}
    return dict(sorted(found.items(), key=lambda item: item[1]))


def best_steps(costs: Costs, server: Server, plan: Plan, load: Load, measures: Mapping[str, Measure]) -> list[Step]:
    """The *measures* in the order in which each brings most, from *plan* on; the last are those that bring nothing, or
    harm, after all others: they are not taken."""
    steps: list[Step] = []
    left, most = dict(measures), most_a_day(costs, server, plan, load)
    while left:
        changed = {name: measure(costs, plan) for name, measure in left.items()}
        reached = {name: most_a_day(*_with(each, server), load) for name, each in changed.items()}
        best = max(reached, key=lambda name: reached[name])
        if reached[best] < most * WORTH:
            return [*steps, *(Step(name, reached[name], most, costs, plan, is_taken=False) for name in left)]
        (costs, plan), before, most = changed[best], most, reached[best]
        steps.append(Step(best, most, before, costs, plan, is_taken=True))
        del left[best]
    return steps


def _with(each: tuple[Costs, Plan], server: Server) -> tuple[Costs, Server, Plan]:
    return each[0], server, each[1]


def databases_for(costs: Costs, server: Server, plan: Plan, load: Load, most: int = 10_000) -> int | None:
    """The fewest that carry a load; None where not even *most* do."""
    low, high = 0, 1
    while not simulate(costs, load, server, replace(plan, databases=high)).holds:
        low, high = high, high * 2
        if low >= most:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if simulate(costs, load, server, replace(plan, databases=middle)).holds:
            high = middle
        else:
            low = middle
    return high


class _Database:
    """One of them, as the hours go by."""

    def __init__(self, costs: Costs, server: Server, plan: Plan) -> None:
        self._costs = costs
        self._server = server
        self._plan = plan
        self._removing = removing = costs.row_by_row if plan.partition_days is None else costs.in_partitions
        running, seconds = costs.running, server.usable * 3600
        self._busy = (  # a limit, its room in an hour, and what one instance takes of it: running, removed, looked at
            ("processor", server.cores * seconds, running.server_seconds, removing.server_seconds, costs.read_seconds),
            ("log in time", seconds, running.flushes * running.flush_seconds, 0.0, 0.0),
            ("log in bytes", server.log_bytes_per_second * 3600, running.log_bytes, removing.log_bytes, 0.0),
            ("written", server.written_bytes_per_second * 3600, running.written_bytes, removing.written_bytes, 0.0),
        )
        self._shares = dict.fromkeys(LIMITS, 0.0)
        self._ended: list[float] = []  # in each hour
        self._kept = 0.0  # instances, ended
        self._with_history = 0.0  # of how many there is history: partitions keep it longer
        self._due = 0.0  # to be removed
        self._behind = 0.0  # instances that wait for their turn
        self._log = self._most_log = 0.0
        self._bytes = self._most_processes = self._most_wait = self._peak = 0.0

    def begin_day(self, day: int) -> None:
        self._log = 0.0
        width, gone = self._plan.partition_days, day - self._plan.kept_days
        if width and gone >= width and gone % width == 0:
            self._with_history -= sum(self._ended[(gone - width) * 24 : gone * 24])

    def hour(self, came: float, reads: float) -> None:
        if (gone := len(self._ended) - self._plan.kept_days * 24) >= 0:
            self._due += self._ended[gone]
        removed = min(self._due, self._removable(3600))
        looked = 0.0 if self._plan.has_replica else came * reads
        most = float("inf")
        for name, room, of_running, of_removed, of_look in self._busy:
            beside = removed * of_removed + looked * of_look
            self._note(name, (came * of_running + beside) / room)
            if of_running:
                most = min(most, max(room - beside, 0.0) / of_running)
        self._go_on(came, most)
        self._remove(removed)
        self._log += came * self._costs.running.log_bytes + removed * self._removing.log_bytes

    def end_day(self, waiting: float) -> None:
        stored, history = self._costs.ended, self._costs.ended.history_bytes
        waiting += self._behind
        self._bytes = (
            self._kept * (stored.bytes - history) + self._with_history * history + waiting * self._costs.waiting.bytes
        )
        self._most_log = max(self._most_log, self._log)
        self._note("disk", self._bytes / self._server.disk_bytes)
        self._note("cleanup", self._due / self._removable(86_400))

    def verdict(self) -> Verdict:
        stored = self._costs.ended
        return Verdict(
            shares=self._shares,
            kept=self._kept,
            rows=self._kept * (stored.rows - stored.history_rows) + self._with_history * stored.history_rows,
            bytes=self._bytes,
            log_bytes=self._most_log,
            peak_per_second=self._peak,
            processes=self._most_processes,
            wait_hours=self._most_wait,
        )

    def _go_on(self, came: float, most: float) -> None:
        """Those that wait end in their order, as many as there is room for."""
        self._peak = max(self._peak, came / 3600)
        ended = min(self._behind + came, most)
        self._behind += came - ended
        self._ended.append(ended)
        self._kept += ended
        self._with_history += ended
        if self._behind > 1:
            self._most_wait = max(self._most_wait, self._behind / most if most else float("inf"))
        processes = came * self._costs.running.worker_seconds / 3600 / self._server.usable
        self._most_processes = max(self._most_processes, processes)
        self._note("connections", processes * self._server.per_process / self._server.connections)

    def _remove(self, removed: float) -> None:
        self._due -= removed
        self._kept -= removed
        if self._plan.partition_days is None:
            self._with_history -= removed

    def _removable(self, seconds: float) -> float:
        return self._removing.per_second / (1 + self._plan.rest) * seconds

    def _note(self, name: str, share: float) -> None:
        if share > self._shares[name]:
            self._shares[name] = share
