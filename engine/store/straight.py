"""Straight to the driver, past SQLAlchemy: what every job asks and writes, in as few round trips as may be."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from sqlalchemy import Connection

from engine.store.faults import wrapped

Statement = tuple[str, Any]
"""As the driver spells parameters, and their values."""


@contextmanager
def ran(connection: Connection, statements: Sequence[Statement], *, many: bool = False) -> Generator[list[Any]]:
    """The driver's cursors after *statements* have run in order, on PostgreSQL in one round trip, with BEGIN if that is
    due. *many*: each with many rows of values. Raises DBAPIError."""
    driver: Any = connection.connection.driver_connection
    cursors: list[Any] = []
    try:
        with nullcontext() if connection.dialect.name == "sqlite" else driver.pipeline():
            for text, values in statements:
                cursors.append(cursor := driver.cursor())
                (cursor.executemany if many else cursor.execute)(text, values)
        yield cursors
    except connection.dialect.loaded_dbapi.Error as problem:
        raise wrapped(problem, statements[_place_of_failure(cursors)][0], connection.dialect) from problem
    finally:
        for cursor in cursors:
            cursor.close()


def _place_of_failure(cursors: Sequence[Any]) -> int:
    """In a pipeline all are sent before the first has failed: its cursor is the first without a result."""
    without = (place for place, cursor in enumerate(cursors) if getattr(cursor, "pgresult", cursor) is None)
    return next(without, len(cursors) - 1)
