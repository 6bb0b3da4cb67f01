"""The month in which an instance began, as a range of ids: a statement that names it looks into one partition.

Found out at run time alone, each partition would be opened and counted as if it were read: the planner would rather
read tables from end to end than look so often.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, text

from engine.clock import id_prefix, moment_of
from engine.store.partitions import KEYS

Month = tuple[str, str]
"""Beginnings of ids: the first of the month, the first after it."""
Change = tuple[tuple[Any, ...], dict[str, Any]]

_sorted: WeakKeyDictionary[Engine, bool] = WeakKeyDictionary()
_PAIRS = text(
    "WITH letters AS (SELECT regexp_split_to_table('0123456789abcdefghjkmnpqrstvwxyz', '') AS letter) "
    'SELECT array_agg(pair ORDER BY pair) = array_agg(pair ORDER BY pair COLLATE "C") '
    "FROM (SELECT a.letter || b.letter AS pair FROM letters a, letters b) pairs"
)
"""Some languages sort y beside i, or take two letters as one: there a range says something else than here."""


def by_month(connection: Connection, table: str, changes: Sequence[Change]) -> list[tuple[Month | None, list[Change]]]:
    """*changes* of rows of history, whose keys begin with an id, by the month of that; None where it may be any."""
    if table not in KEYS or connection.dialect.name == "sqlite" or not _sorts_by_time(connection):
        return [(None, list(changes))]
    found: dict[Month | None, list[Change]] = {}
    month: Month | None = None
    for change in changes:
        key: str = change[0][0]
        if month is None or not month[0] <= key < month[1]:
            month = _month_of(key)
        found.setdefault(month, []).append(change)
    return list(found.items())


_latest: list[Month] = []


def _month_of(key: str) -> Month | None:
    if _latest and _latest[0][0] <= key < _latest[0][1]:
        return _latest[0]
    try:
        begin = moment_of(key).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        month = id_prefix(begin), id_prefix((begin + timedelta(days=32)).replace(day=1))
    except (ValueError, OverflowError):  # an id that we did not make
        return None
    _latest[:] = [month]
    return month


def _sorts_by_time(connection: Connection) -> bool:
    database = connection.engine
    if (known := _sorted.get(database)) is None:
        known = _sorted[database] = bool(connection.execute(_PAIRS).scalar())
    return known
