"""The database server's time, which counts wherever several machines share one database, whatever their clocks say."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from threading import Lock, Thread
from typing import Final, NamedTuple

from engine.clock import OwnClock, SystemClock, machine_time
from engine.store.transaction import DatabaseError, Store

AGAIN_AFTER: Final = 10.0
"""Seconds after which the server is asked again, once somebody wants the time."""
SLOWED: Final = 10.0
"""Seconds: who is ahead of the server by no more lets it catch up, who is further ahead goes back at once."""
PACE: Final = 0.5
"""Of the time while the server catches up."""
TOLERATED: Final = 5.0
"""Seconds by which a machine's own clock may be wrong before the log says so."""
_QUESTIONS: Final = 3
_GRAIN: Final = 1e-6  # what is lost in rounding

log = logging.getLogger("engine.store")


class Answer(NamedTuple):
    """*offset*: seconds from the ticks to the server's time, certain to *doubt* seconds."""

    offset: float
    doubt: float


Ticks = Callable[[], float]
Ask = Callable[[Ticks], Answer]


def clock_of(store: Store) -> OwnClock:
    """What goes by default: on one machine its clock, otherwise the server's."""
    return SystemClock() if store.is_sqlite else ServerClock(lambda ticks: ask(store, ticks))


def ask(store: Store, ticks: Ticks) -> Answer:
    """Of several questions, the one that was answered fastest. Raises DatabaseAway."""
    answers: list[Answer] = []
    with store.reading() as connection:
        for _ in range(_QUESTIONS):
            asked_at = ticks()
            told: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
            half = (ticks() - asked_at) / 2
            answers.append(Answer(told.timestamp() - asked_at - half, half))
    return min(answers, key=lambda each: each.doubt)


@dataclass(frozen=True, slots=True)
class Course:
    """How the time follows from the ticks. *slow_until*: up to there it runs at PACE, to meet `ticks + offset` then."""

    offset: float
    ask_at: float
    slow_until: float = -math.inf

    def at(self, ticks: float) -> float:
        if ticks < self.slow_until:
            return self.offset + self.slow_until - (self.slow_until - ticks) * PACE
        return self.offset + ticks

    def corrected(self, answer: Answer, ticks: float) -> Course:
        ahead = self.at(ticks) - answer.offset - ticks
        ask_at = ticks + AGAIN_AFTER
        if abs(ahead) <= answer.doubt:
            return replace(self, ask_at=ask_at)
        if 0 < ahead <= SLOWED:
            return Course(answer.offset, ask_at, slow_until=ticks + (ahead + _GRAIN) / (1 - PACE))
        return Course(answer.offset, ask_at)


class ServerClock:
    """Asks the server when it is read for the first time, and then beside whoever reads it. In between the time goes
    on by the *ticks* of this machine, which nobody sets: neither a wrong clock here nor one that jumps moves it.

    It never goes back, unless the server's own clock was put back by more than SLOWED. *machine*: this machine's
    clock, with which it is only compared.
    """

    def __init__(self, ask: Ask, *, ticks: Ticks | None = None, machine: Callable[[], datetime] | None = None) -> None:
        self._ask = ask
        self._ticks = ticks or ticks_of_machine()
        self._machine = machine or machine_time
        self._course: Course | None = None
        self._lock = Lock()
        self._asking: Thread | None = None
        self._is_closed = False
        self._is_machine_off = False

    def now(self) -> datetime:
        """Raises DatabaseAway, until the server has told the time once."""
        ticks = self._ticks()  # before the course is read: when it changes, no thread sees the time go back
        course = self._course
        if course is None:
            return self._first()
        if ticks >= course.ask_at:
            self._ask_again(ticks)
        return datetime.fromtimestamp(course.at(ticks), UTC)

    def machine_ahead(self) -> float:
        """Seconds by which this machine's own clock is ahead of the server's; negative where it is behind."""
        before = self.now()
        machine = self._machine()
        after = self.now()  # what passes in between, on a machine that stands still for a while, is no difference
        return (machine - min(max(machine, before), after)).total_seconds()

    def close(self) -> None:
        """The server is not asked any more."""
        with self._lock:
            self._is_closed = True
        if self._asking is not None:
            self._asking.join()

    def _first(self) -> datetime:
        with self._lock:
            if self._course is None:
                answer = self._ask(self._ticks)
                self._course = Course(answer.offset, self._ticks() + AGAIN_AFTER)
        self._compare()
        return self.now()

    def _ask_again(self, ticks: float) -> None:
        """In a thread of its own, and in one only."""
        with self._lock:
            course = self._course
            if course is None or ticks < course.ask_at or self._is_closed:
                return
            self._course = replace(course, ask_at=ticks + AGAIN_AFTER)
            self._asking = Thread(target=self._correct, name="fermata clock", daemon=True)
            self._asking.start()

    def _correct(self) -> None:
        try:
            answer = self._ask(self._ticks)
        except DatabaseError as problem:  # asked again later; until then the ticks are good enough
            log.info("the database server could not be asked for its time", extra={"error": type(problem).__name__})
            return
        ticks = self._ticks()
        with self._lock:
            if (course := self._course) is None:
                return
            self._course = course.corrected(answer, ticks)
        moved = answer.offset + ticks - course.at(ticks)
        if abs(moved) > max(SLOWED, answer.doubt):
            log.warning("the database server's clock was moved", extra={"seconds": round(moved, 3)})
        self._compare()

    def _compare(self) -> None:
        ahead = self.machine_ahead()
        if (is_off := abs(ahead) > TOLERATED) != self._is_machine_off:
            self._is_machine_off = is_off
            said = {"seconds_ahead": round(ahead, 1)}
            if is_off:
                log.warning("this machine's clock differs from the database server's, which counts", extra=said)
            else:
                log.info("this machine's clock agrees with the database server's again", extra=said)


def ticks_of_machine() -> Ticks:
    """Seconds since some moment that nobody can set. Where it can be had, one that does not stand still while the
    machine sleeps."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic if boot is None else partial(time.clock_gettime, boot)
