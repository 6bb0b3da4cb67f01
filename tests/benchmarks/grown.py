"""Databases in which many instances and messages wait: copies of the rows of a real one of each."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime

from sqlalchemy import Connection, bindparam, text, update

from engine.store.tables import job
from engine.store.transaction import Store
from tests.benchmarks.copies import copy_id, copy_instance


def copy_waiting(store: Store, instance_id: str, count: int, early: int, due_at: datetime) -> None:
    """*count* copies of an instance that waits for a timer and a message; the timers of the first *early* are due at
    *due_at*. Where its correlation key is KEY, a copy's is KEY-1, KEY-2, ..."""
    copy_instance(store, instance_id, count)
    change = update(job).where(job.c.instance_id.between(bindparam("first"), bindparam("last")))
    span = {"first": copy_id(instance_id, 1), "last": copy_id(instance_id, early)}
    with store.writing() as connection:
        connection.execute(change.values(due_at=due_at), span)
    _settle(store)


def copy_message(store: Store, message_id: str, count: int) -> None:
    """*count* copies of a message that waits for its receiver; where its key is KEY, a copy's is KEY-1, KEY-2, ..."""
    with store.writing() as connection:
        if not store.is_sqlite:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
        _copy(connection, "message", message_id, count, ("id",), ("correlation_key",))
        _copy(connection, "message_key", message_id, count, ("message",), ("key",))
    _settle(store)


def _copy(
    connection: Connection, table: str, message_id: str, count: int, ids: tuple[str, ...], keys: tuple[str, ...]
) -> None:
    one = connection.execute(text(f"SELECT * FROM {table} WHERE {ids[0]} = '{message_id}'")).mappings().one()
    fresh = f"'{message_id[:-8]}' || substr('00000000' || n, length('00000000' || n) - 7)"
    values = [fresh if name in ids else f"o.\"{name}\" || '-' || n" if name in keys else f'o."{name}"' for name in one]
    columns = ", ".join(f'"{name}"' for name in one)
    connection.execute(
        text(
            f"WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {count}) "
            f"INSERT INTO {table} ({columns}) SELECT {', '.join(values)} FROM series, {table} o "
            f"WHERE o.{ids[0]} = '{message_id}'"
        )
    )


def _settle(store: Store) -> None:
    """What a database does in the course of time; SQLite gets no statistics, since the engine has it gather none."""
    if not store.is_sqlite:
        with store.database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM (ANALYZE)"))
            connection.execute(text("CHECKPOINT"))
        return
    with closing(store.database.raw_connection()) as raw, closing(raw.cursor()) as cursor:
        cursor.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'")
        if cursor.fetchone() is not None:
            cursor.execute("DELETE FROM sqlite_stat1")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
