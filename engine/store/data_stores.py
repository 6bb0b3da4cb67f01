"""The values of data stores, and every change of them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from engine.model import DataStoreChange, DataStoreValue
from engine.store.tables import data_store, data_store_change
from engine.store.unit import UnitOfWork
from engine.store.values import ValueReader


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
    text = unit.values.cell(change.value, f"Data store '{change.key}'")
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


def _value(row: Any, reader: ValueReader) -> DataStoreValue:
    return DataStoreValue(row.key, row.version, reader.value(row.value), row.changed_at, row.changed_by)
