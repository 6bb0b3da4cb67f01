"""How long history is kept, and removing what has been kept long enough, without standing in the way of work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.clock import Clock
from engine.errors import InvalidInput
from engine.ids import Ids
from engine.model import Cleanup
from engine.partitions import Partitions
from engine.store import data_stores, retention
from engine.store.marks import forget_old_marks
from engine.store.partitions import Span
from engine.store.retention import Due, Removed
from engine.store.transaction import Store
from engine.timing import Duration, TimerError, read_time_to_live

EVERY = timedelta(minutes=5)
"""How often the workers of all processes together look for what may go."""
_NAME = "cleanup"
_ALLOWANCE = timedelta(minutes=1)
"""By which the clock of who has put it off may be ahead of ours."""
_CHANGES = 500
"""Values that data stores had which are forgotten in one transaction."""

Progress = Callable[[int], None]


@dataclass(slots=True)
class _Run:
    id: str
    actor: str
    started_at: datetime
    left: tuple[Span, ...] = ()
    called: int = 0
    values: int = 0
    definitions: Counter[str] = field(default_factory=Counter[str])

    @property
    def instances(self) -> int:
        return self.definitions.total()

    def add(self, batch: Removed) -> None:
        self.called += sum(len(root.tree) - 1 for root in batch.roots)
        self.values += batch.values
        self.definitions.update(root.definition_id for root in batch.roots)


class Retention:
    """*default*: how long instances are kept whose diagram does not say it; None for ever. *width*: of the
    partitions that are made for history (PostgreSQL): month, week or day."""

    def __init__(
        self, store: Store, ids: Ids, clock: Clock, default: str | timedelta | None, width: str = "month"
    ) -> None:
        """Raises InvalidInput for a default that is no duration, a width that is none of these."""
        self._store = store
        self._ids = ids
        self._clock = clock
        self._default = _duration(default)
        self._partitions = Partitions(store, clock, width)

    def cleanup(self, limit: int | None, *, by: str, is_dry_run: bool, progress: Progress | None = None) -> Cleanup:
        """Removes what is due, up to *limit* instances; *progress* is told how many each time some are gone.

        *is_dry_run*: only counts all that is due."""
        if limit is not None and limit < 1:
            raise InvalidInput(f"A cleanup of {limit} instances does nothing. Give at least 1.")
        if is_dry_run:
            return self._count()
        run = self._begin(by)
        is_last = False
        while not is_last and (limit is None or run.instances < limit):
            batch = self._remove(run, retention.LARGEST_BATCH if limit is None else limit - run.instances)
            is_last = batch.is_last
            if progress is not None and batch.roots:
                progress(len(batch.roots))
        definitions = dict(run.definitions)
        dropped = self._partitions.drop()
        forgotten = self._forget_data_changes()
        return Cleanup(
            run.id,
            run.instances,
            run.called,
            run.values,
            definitions,
            has_more=not is_last,
            partitions=dropped,
            data_changes=forgotten,
        )

    def keep_house(self, holder: str, rest: Callable[[], bool]) -> int:
        """A worker's share: all that is due, when it is time and no other process is at it; how many instances.

        *rest* is called after each transaction; once it returns True, the others are left for the next time.
        """
        now = self._clock.now()
        latest = now + EVERY + _ALLOWANCE
        with self._store.reading() as connection:
            if not retention.is_turn(connection, _NAME, now, latest):
                return 0
        with self._store.writing() as connection:
            if not retention.take_turn(connection, _NAME, holder, now, now + EVERY, latest):
                return 0
            forget_old_marks(connection)
        run = self._begin("system")
        is_last = is_over = False
        while not is_last and not (is_over := rest()):
            is_last = self._remove(run, retention.LARGEST_BATCH, holder).is_last
        if not is_over:
            self._partitions.drop(rest)
            self._forget_data_changes(rest)
        return run.instances

    def _count(self) -> Cleanup:
        with self._store.reading() as connection:
            due = retention.count_due(connection, self._due())
            since = self._kept_since(self._clock.now())
            changes = 0 if since is None else data_stores.count_changes(connection, since)
        return Cleanup("", sum(due.values()), 0, 0, due, has_more=False, is_dry_run=True, data_changes=changes)

    def _begin(self, actor: str) -> _Run:
        self._partitions.prepare()
        left = self._partitions.left(self._kept_since)
        return _Run(self._ids.next(), actor, self._clock.now(), left)

    def _forget_data_changes(self, rest: Callable[[], bool] = lambda: False) -> int:
        """Values of data stores that were replaced before what is kept, by the default; how many."""
        since, count = self._kept_since(self._clock.now()), 0
        while since is not None:
            with self._store.writing() as connection:
                some = data_stores.forget_changes(connection, since, _CHANGES)
            count += some
            if some < _CHANGES or rest():
                break
        return count

    def _remove(self, run: _Run, limit: int, holder: str | None = None) -> Removed:
        batch = self._store.retrying(lambda: self._remove_once(run, limit, holder))
        run.add(batch)
        return batch

    def _remove_once(self, run: _Run, limit: int, holder: str | None) -> Removed:
        """Instances go and are recorded in the same commit; nothing goes when *holder* has lost its turn."""
        with self._store.writing() as connection:
            now = self._clock.now()
            if holder is not None and not retention.keep_turn(connection, _NAME, holder, now + EVERY):
                return Removed()
            batch = retention.remove_some(connection, self._due(), limit, run.left)
            retention.record(connection, run.id, batch.roots, actor=run.actor, started_at=run.started_at, now=now)
            return batch

    def _due(self) -> Due:
        now = self._clock.now()
        return Due(now, self._kept_since(now))

    def _kept_since(self, at: datetime) -> datetime | None:
        return self._default.before(at) if self._default is not None else None


def _duration(given: str | timedelta | None) -> Duration | None:
    if given is None:
        return None
    if isinstance(given, timedelta) and given >= timedelta():
        return Duration(rest=given)
    try:
        return read_time_to_live(str(given))
    except (TimerError, OverflowError) as problem:
        message = f"history_time_to_live: '{given}' is no time to live. Write days, like 30, or a duration, like P6M."
        raise InvalidInput(message) from problem
