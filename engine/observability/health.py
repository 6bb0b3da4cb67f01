"""Whether a process lives, and whether it can do its work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from engine.observability.question import Question
from engine.observability.state import usage_of
from engine.store import gauges
from engine.store.transaction import DatabaseError

if TYPE_CHECKING:
    from engine.clock import Clock
    from engine.engine import Engine
    from engine.store.types import Connection

STUCK = 60.0
"""Seconds without a sign of the thread that takes jobs and saves results, after which workers count as dead."""


@dataclass(frozen=True, slots=True)
class Health:
    """*checks*: 'ok', or what is wrong, by what was looked at. No secrets: anybody may ask."""

    checks: Mapping[str, str]

    @property
    def is_ready(self) -> bool:
        return all(said == "ok" for said in self.checks.values())

    def told(self) -> dict[str, object]:
        return {"status": "ok" if self.is_ready else "unavailable", "checks": dict(self.checks)}


def health_of(engine: Engine, longest_queue_age: timedelta | None = None) -> Health:
    """*longest_queue_age*: for how long a due job may wait before workers count as missing, wherever they run."""
    checks = {"database": "ok", "migrations": "ok"}
    waited: timedelta | None = None
    try:
        is_migrated, waited = _question_of(engine).answer()
        if not is_migrated:
            checks["migrations"] = "The tables are older than this version. Start 'fermata up' or 'work' once."
    except DatabaseError as problem:
        checks["database"] = f"The database does not answer ({type(problem).__name__})."
        del checks["migrations"]
    turned = usage_of(engine).turned_seconds_ago
    if turned is not None:
        checks["workers"] = "ok" if turned < STUCK else f"The workers have not moved for {turned:.0f} seconds."
    if waited is not None and longest_queue_age is not None:
        said = f"A due job has waited for {waited.total_seconds():.0f} seconds: do workers run?"
        checks["queue"] = said if waited > longest_queue_age else "ok"
    return Health(checks)


_Looked = tuple[bool, timedelta | None]
"""Whether the tables are new enough, and for how long the oldest due job has waited; None where they are not."""

_questions: WeakKeyDictionary[Engine, Question[_Looked]] = WeakKeyDictionary()


def _question_of(engine: Engine) -> Question[_Looked]:
    """One for all who probe, so that a database that hangs is not asked by each of them."""
    if (known := _questions.get(engine)) is not None:
        return known
    return _questions.setdefault(engine, Question(engine.store, partial(_look, engine.clock)))


def _look(clock: Clock, connection: Connection) -> _Looked:
    if not gauges.is_migrated(connection):
        return False, None
    now = clock.now()
    return True, now - (gauges.oldest_due(connection, now) or now)
