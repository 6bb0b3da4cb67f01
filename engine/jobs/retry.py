"""When a failed job is tried again, and how often."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

from engine.executors.registry import DEFAULT_RETRIES
from engine.handlers import Backoff
from engine.jobs.raised import ends_program, short, text_of, told
from engine.timing import TimerError, read_duration

FIRST_DELAY = timedelta(seconds=10)
LONGEST_DELAY = timedelta(hours=1)
MOST_ATTEMPTS = 999_999_999
"""That a cycle may say: what a column of the database holds."""


class NoDelay(Exception):
    """When a job is to be tried again cannot be told. The message says why."""


def backoff(attempt: int) -> timedelta:
    """Delay after failed attempt *attempt* (1-based): 10 s doubling, at most 1 h.

    Raises ValueError if attempt < 1.
    """
    if attempt < 1:
        raise ValueError(f"attempt {attempt}: attempts count from 1.")
    return min(FIRST_DELAY * 2 ** min(attempt - 1, 20), LONGEST_DELAY)


def attempts_in_all(retries: int | None, cycle: str | None, handlers_own: int | None) -> int:
    """The diagram's number, else its retry cycle's, else the handler's."""
    if retries is not None:
        return max(retries, 1)
    if cycle:
        return _cycle(cycle)[0]
    return handlers_own or DEFAULT_RETRIES


def jittered(delay: timedelta, job_id: str, attempt: int) -> timedelta:
    """Up to a tenth less than *delay*, the same for the same attempt at the same job: jobs that failed together, of
    one service that was away, do not come back together."""
    share = crc32(f"{job_id} {attempt}".encode()) / 2**32
    return delay * (1 - share / 10)


def next_attempt_at(
    failed_at: datetime, failures: int, cycle: str | None, handlers_own: Backoff | None, job_id: str = ""
) -> datetime:
    """When to try again after the *failures*-th failure (1-based). What the diagram or the handler says is kept to
    the letter. Raises NoDelay where it makes no sense."""
    if cycle:
        intervals = _cycle(cycle)[1]
        if intervals:
            return _after_interval(failed_at, intervals[min(failures, len(intervals)) - 1])
    if handlers_own is not None:
        return later(failed_at, _asked(handlers_own, failures))
    return failed_at + jittered(backoff(failures), job_id, failures)


def later(moment: datetime, delay: timedelta) -> datetime:
    """Raises NoDelay where that lies beyond the calendar."""
    try:
        return moment + delay
    except OverflowError:
        raise NoDelay(f"A delay of {delay} leads beyond the calendar.") from None


def _after_interval(moment: datetime, interval: str) -> datetime:
    try:
        return read_duration(interval).after(moment)
    except (TimerError, OverflowError) as problem:
        raise NoDelay(f"The diagram's interval '{interval}': {problem}") from problem


def _asked(handlers_own: Backoff, failures: int) -> timedelta:
    try:
        delay: Any = handlers_own(failures)
    except BaseException as problem:  # somebody's function, as a handler is
        if ends_program(problem):
            raise
        raise NoDelay(f"The handler's backoff({failures}) raised {told(problem)}.") from problem
    if not isinstance(delay, timedelta):
        said = short(text_of(delay), 100)
        raise NoDelay(f"The handler's backoff({failures}) returned {said!r}, which is no timedelta.")
    return delay


def _cycle(text: str) -> tuple[int, list[str]]:
    """'R3/PT10M': three attempts, ten minutes between; 'PT1M,PT5M': a first attempt, and one after each.

    What reads as neither means the default number of attempts.
    """
    head, slash, interval = text.strip().partition("/")
    try:
        if slash and head.startswith("R"):
            read_duration(interval)
            return _count(head[1:]), [interval]
        intervals = [each.strip() for each in text.split(",")]
        for each in intervals:
            read_duration(each)
    except (TimerError, ValueError, OverflowError):
        return DEFAULT_RETRIES, []
    return len(intervals) + 1, intervals


def _count(text: str) -> int:
    if not text:
        return DEFAULT_RETRIES
    if not 0 <= (count := int(text)) <= MOST_ATTEMPTS:
        raise ValueError(f"{count} attempts")
    return max(count, 1)
