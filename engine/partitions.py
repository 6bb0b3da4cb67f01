"""Looks after the partitions of history: makes those of the time to come, and drops those whose time has passed.

Everything here may be broken off at any point, and goes on from the tables as they are then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, TypeVar

from engine.clock import Clock, id_prefix
from engine.errors import InvalidInput
from engine.store import partitions
from engine.store.faults import DBAPIError, IntegrityError, is_lost_race
from engine.store.partitions import KEYS, Size, Span
from engine.store.transaction import Store
from engine.store.types import Connection

Result = TypeVar("Result")

WIDTHS: Final = ("month", "week", "day")
AHEAD: Final = {"month": 2, "week": 2, "day": 3}
"""How many partitions there are beyond the present one."""
LARGE = 256_000_000
"""Bytes: so much is not read while others wait, and is worth to be dropped rather than removed row by row."""
SMALL = 1_000_000
"""Bytes: so little is not worth it."""
SAFE = timedelta(days=31)
"""A table that is being made ready for a partition takes no rows of that time: it has to be so far away."""
LONGEST = timedelta(days=31)
"""For how long rows of removed instances may wait for the others of their partition."""
WORTH = 20
"""Times as large as what is to be kept of it: so large a partition must be to be replaced."""
_SETTLED = timedelta(hours=1)  # the clocks of processes may differ
_REFUSAL = timedelta(days=1)  # for which a large table is not read again that had rows where there should be none
_VERDICT = timedelta(hours=6)  # for which "too many stay" holds: finding out may mean to look at all instances

_NOTHING = Size(0, 0)

log = logging.getLogger("engine.retention")

Later = Callable[[datetime], datetime | None]
"""By when one must have ended to be due at a moment, without a time of its own; None: never."""


@dataclass(frozen=True, slots=True)
class _Run:
    """Spans side by side, how many instances they still have and what these have in one table, and its bytes there."""

    spans: tuple[Span, ...] = ()
    instances: int = 0
    kept: Size = _NOTHING
    bytes: int = 0

    def and_then(self, other: _Run) -> _Run:
        kept = Size(self.kept.rows + other.kept.rows, self.kept.bytes + other.kept.bytes)
        spans = (*self.spans, *other.spans)
        return _Run(spans, self.instances + other.instances, kept, self.bytes + other.bytes)

    @property
    def is_possible(self) -> bool:
        is_unbroken = all(one.high == other.low for one, other in pairwise(self.spans))
        return is_unbroken and self.instances <= partitions.MOST_KEPT and not partitions.is_too_much(self.kept)

    @property
    def is_worth_it(self) -> bool:
        """Also where it only makes one small partition of several."""
        if not self.instances or len(self.spans) != 1:
            return bool(self.spans)
        return self.bytes > max(WORTH * self.kept.bytes, SMALL)


class Partitions:
    """Does nothing on a database without partitions. *width*: the span of those that are made from now on."""

    def __init__(self, store: Store, clock: Clock, width: str = "month") -> None:
        """Raises InvalidInput."""
        if width not in WIDTHS:
            raise InvalidInput(f"history_partition: '{width}' is no span of time. Write one of {', '.join(WIDTHS)}.")
        self._store = store
        self._clock = clock
        self._width = width
        self._many_stay: dict[Span, datetime] = {}
        self._refused: dict[str, datetime] = {}

    def prepare(self) -> None:
        """Makes the partitions of the present and the near future."""
        self._alone(self._prepare, "partitions for the history to come could not be made, it is tried again")

    def left(self, kept_since: Later) -> tuple[Span, ...]:
        """Spans of which the partitions are about to be dropped: the rows of instances that are removed may wait."""
        now = self._clock.now()
        with self._store.reading() as connection:
            if not partitions.is_partitioned(connection):
                return ()
            until = partitions.left(connection)
            closed = self._closed(connection, "activity", now)
        waiting = tuple(span for span in closed if until.get(span.high, now) > now)
        going = tuple(span for span in closed if span.high not in until and self._is_about_to_go(span, now, kept_since))
        if going:
            self._write(lambda connection: partitions.leave(connection, going, now + LONGEST))
        return waiting + going

    def drop(self, rest: Callable[[], bool] = lambda: False) -> int:
        """Drops, or replaces by small ones, the partitions of which few or no instances are left; how many spans.

        *rest* is called after each transaction; once it returns True, the others are left for the next time."""
        dropped: set[Span] = set()
        self._alone(lambda: self._drop(dropped, rest), "history could not be dropped, it is tried again")
        return len(dropped)

    def _alone(self, work: Callable[[], None], problem: str) -> None:
        """One process at a time; whoever finds another at it has nothing to do. A lock that was not got in time is
        no fault: the next time comes in minutes."""
        if self._store.is_sqlite:
            return
        try:
            with self._store.reading() as connection:
                if not partitions.is_partitioned(connection):
                    return
            with partitions.alone(self._store.database) as is_alone:
                if is_alone:
                    work()
        except DBAPIError as error:
            if is_lost_race(error):
                log.info(problem)
            else:
                log.exception(problem)

    # making

    def _prepare(self) -> None:
        for table in KEYS:
            with self._store.reading() as connection:
                is_promised = partitions.is_promised(connection, table)
                known = partitions.spans(connection, table)
                is_large = partitions.bytes_of(connection, f"{table}_rest") > LARGE
            if is_large and self._refused.get(table, self._clock.now()) > self._clock.now():
                continue
            if is_promised:  # by one that was broken off
                self._write(lambda connection, table=table: partitions.forget_promise(connection, table))
            if known:
                self._make_ahead(table, known[-1], is_large)
            elif (first := self._split(table, is_large)) is not None:
                self._make_ahead(table, first, is_large=False)

    def _split(self, table: str, is_large: bool) -> Span | None:
        """What there is becomes the first partition, as it is."""
        now = self._clock.now()
        span = Span("", id_prefix(self._edge(now + SAFE if is_large else now)))
        return span if self._begin(table, span, is_large, partitions.turn_rest_into) else None

    def _make_ahead(self, table: str, newest: Span, is_large: bool) -> None:
        """After a long absence what lies between is left to the rest."""
        now = self._clock.now()
        if is_large:  # one at a time, since each is waited for
            low, last = self._edge(now + SAFE), self._edge(self._edge(now + SAFE))
        else:
            low, last = self._edge(now, back=True), self._edge(now)
            for _ in range(AHEAD[self._width]):
                last = self._edge(last)
        low = max(newest.ends_at, low)
        while low < last:
            high = self._edge(low)
            self._begin(table, Span(id_prefix(low), id_prefix(high)), is_large, partitions.make)
            low = high

    def _begin(self, table: str, span: Span, is_large: bool, make: Callable[[Connection, str, Span], bool]) -> bool:
        """A large rest is read beforehand, beside the work, and not while others wait."""
        if is_large:
            self._write(lambda connection: partitions.promise(connection, table, span))
            try:
                self._write(lambda connection: partitions.check_promise(connection, table))
            except IntegrityError:  # made by a clock that was wrong
                self._write(lambda connection: partitions.forget_promise(connection, table))
                self._refused[table] = self._clock.now() + _REFUSAL
                log.warning("a partition could not be made, there are rows of its time", extra={"table": table})
                return False
        is_made = self._write(lambda connection: make(connection, table, span))
        said = "a partition of history was made" if is_made else "too many rows lie where a partition was to be made"
        log.info(said, extra={"table": table, "partition": span.name})
        return is_made

    # dropping

    def _is_about_to_go(self, span: Span, now: datetime, kept_since: Later) -> bool:
        """Whether it is large, and nearly all of it will be due soon."""
        if self._many_stay.get(span, now) > now:
            return False
        then, most = now + LONGEST, partitions.MOST_KEPT
        if not self._are_large([(table, span) for table in KEYS]):
            return False
        with self._store.reading() as connection:
            try:
                do_many_stay = partitions.staying(connection, span, then, kept_since(then), most + 1) > most
            except DBAPIError:
                do_many_stay = True
        if do_many_stay:
            self._many_stay[span] = now + _VERDICT
        return not do_many_stay

    def _are_large(self, of: Iterable[tuple[str, Span]]) -> bool:
        with self._store.reading() as connection:
            return sum(partitions.bytes_of(connection, span.partition(table)) for table, span in of) >= LARGE

    def _drop(self, dropped: set[Span], rest: Callable[[], bool]) -> None:
        living: dict[Span, list[str]] = {}  # as far as this run goes; looked at again under the lock
        for table in KEYS:
            with self._store.reading() as connection:
                runs = list(self._runs(connection, table, living))
            for run in runs:
                if self._write(lambda connection, table=table, run=run: partitions.replace(connection, table, run)):
                    names = [span.name for span in run]
                    log.info("partitions of history were dropped", extra={"table": table, "partitions": names})
                    dropped.update(run)
                if rest():
                    return
        self._sweep(rest)

    def _runs(self, connection: Connection, table: str, living: dict[Span, list[str]]) -> Iterator[tuple[Span, ...]]:
        """Neighbours that can be dropped together, for one small partition with all that has to be kept."""
        run = _Run()
        for span in self._closed(connection, table, self._clock.now()):
            if span not in living:
                living[span] = partitions.living(connection, span, partitions.MOST_KEPT + 1)
            ids = living[span]
            kept = partitions.size_of(connection, table, span, ids) if len(ids) <= partitions.MOST_KEPT else _NOTHING
            one = _Run((span,), len(ids), kept, partitions.bytes_of(connection, span.partition(table)))
            if (longer := run.and_then(one)).is_possible:
                run = longer
                continue
            if run.is_worth_it:
                yield run.spans
            run = one if one.is_possible else _Run()
        if run.is_worth_it:
            yield run.spans

    def _sweep(self, rest: Callable[[], bool]) -> None:
        """Rows that have waited for long enough go one by one, and notes about spans that are gone."""
        now = self._clock.now()
        with self._store.reading() as connection:
            known = partitions.left(connection)
            there = {table: partitions.spans(connection, table) for table in KEYS}
        for high, until in known.items():
            over = [(table, span) for table in KEYS for span in there[table] if span.low < high <= span.high]
            if over and until > now and self._are_large(over):
                continue
            for table, span in over:
                after: str | None = ""
                while after is not None:
                    after = self._write(
                        lambda connection, table=table, span=span, after=after: partitions.remove_left(
                            connection, table, span, after, 100
                        )
                    )
                    if rest():
                        return
            self._write(lambda connection, high=high: partitions.forget_left(connection, high))

    def _closed(self, connection: Connection, table: str, now: datetime) -> list[Span]:
        return [span for span in partitions.spans(connection, table) if span.ends_at + _SETTLED <= now]

    def _write(self, work: Callable[[Connection], Result]) -> Result:
        def once() -> Result:
            with self._store.writing() as connection:
                return work(connection)

        return self._store.retrying(once)

    def _edge(self, at: datetime, *, back: bool = False) -> datetime:
        """Where the span that *at* lies in ends; *back*: where it begins."""
        day = at.replace(hour=0, minute=0, second=0, microsecond=0)
        if self._width == "month":
            begin = day.replace(day=1)
            return begin if back else (begin + timedelta(days=32)).replace(day=1)
        days = 7 if self._width == "week" else 1
        begin = day - timedelta(days=day.weekday() if days == 7 else 0)
        return begin if back else begin + timedelta(days=days)
