"""The values of data stores, and every change of them."""

from __future__ import annotations

import hashlib
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, func, select

from engine.model import DataStoreChange, DataStoreValue
from engine.store.tables import data_store, data_store_change
from engine.store.unit import UnitOfWork
from engine.store.values import ValueReader, in_chunks, release_values


def find(connection: Connection, key: str, *, lock: bool = False) -> DataStoreValue | None:
    """*lock*: nobody else changes it until the transaction is over."""
    query = select(data_store).where(data_store.c.key == key)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return None if row is None else _value(row, ValueReader(connection))


def everything(connection: Connection) -> list[DataStoreValue]:
    """By key."""
    rows, reader = connection.execute(select(data_store).order_by(data_store.c.key)).all(), ValueReader(connection)
    reader.expect(row.value for row in rows)
    return [_value(row, reader) for row in rows]


def changes(connection: Connection, key: str) -> list[DataStoreChange]:
    """Of one store, oldest first."""
    query = select(data_store_change).where(data_store_change.c.key == key).order_by(data_store_change.c.version)
    rows, reader = connection.execute(query).all(), ValueReader(connection)
    reader.expect(row.value for row in rows)
    return [
        DataStoreChange(
            key,
            row.version,
            reader.value(row.value),
            row.at,
            row.actor,
            row.instance_id,
            row.activity_id,
            row.element_id,
        )
        for row in rows
    ]


def write(
    unit: UnitOfWork,
    change: DataStoreChange,
    *,
    is_first: bool,
) -> None:
    """The store's row must be locked, or not be there (*is_first*). Raises InvalidInput for a value that cannot be
    kept."""
    text = unit.values.cell(change.value, f"Data store '{change.key}'", _owner(change.key, change.version))
    row = {"version": change.version, "value": text, "changed_at": change.at, "changed_by": change.actor}
    if is_first:
        unit.insert(data_store, {"key": change.key, **row})
    else:
        unit.update(data_store, (change.key,), row)
    unit.append(
        data_store_change,
        {
            "key": change.key,
            "version": change.version,
            "value": text,
            "at": change.at,
            "actor": change.actor,
            "instance_id": change.instance_id,
            "activity_id": change.activity_id,
            "element_id": change.element_id,
        },
    )


def forget_changes(connection: Connection, replaced_since: datetime, limit: int) -> int:
    """Removes up to *limit* changes whose values were replaced at that time or before, with their values where
    nobody else has them; how many. The value that a store has stays, with the change that gave it."""
    columns, count = data_store_change.c, 0
    for key in connection.execute(select(data_store.c.key).order_by(data_store.c.key)).scalars().all():
        query = select(columns.version, columns.at).where(columns.key == key).order_by(columns.version)
        rows = connection.execute(query.limit(limit - count + 1)).all()
        gone = [old.version for old, new in pairwise(rows) if new.at <= replaced_since]
        for some in in_chunks(gone):
            connection.execute(delete(data_store_change).where(columns.key == key, columns.version.in_(some)))
        release_values(connection, [_owner(key, version) for version in gone])
        count += len(gone)
        if count >= limit:
            break
    return count


def count_changes(connection: Connection, replaced_since: datetime) -> int:
    """How many `forget_changes` would remove."""
    columns, later = data_store_change.c, data_store_change.alias().c
    is_next = and_(later.key == columns.key, later.version == columns.version + 1)
    replaced = exists().where(is_next, later.at <= replaced_since)
    return connection.execute(select(func.count()).select_from(data_store_change).where(replaced)).scalar_one()


def _owner(key: str, version: int) -> str:
    """Who uses the large value of a change."""
    return f"data:{hashlib.sha256(key.encode()).hexdigest()[:32]}:{version}"


def _value(row: Any, reader: ValueReader) -> DataStoreValue:
    return DataStoreValue(row.key, row.version, reader.value(row.value), row.changed_at, row.changed_by)
