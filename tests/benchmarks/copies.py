"""Fills a database with many instances fast: copies of one that really ran, row by row, made by the database itself."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, String, Table, Text, text

from engine.store import tables
from engine.store.transaction import Store
from engine.store.types import Moment

DIGITS = 8


def copy_instance(store: Store, instance_id: str, count: int, *, are_apart: bool = False) -> None:
    """*count* copies with all rows that the instance has: their ids, and its id wherever a key holds it, end in a
    number of their own from 1 on. So do business key, correlation keys and assignees, after what they are.
    *are_apart*: as many microseconds later than the instance, whose times are full seconds, was each of them made and
    is due."""
    with store.writing() as connection:
        if not store.is_sqlite:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SET LOCAL session_replication_role = replica"))  # no keys checked
        for table in _in_order(tables.metadata.sorted_tables):
            _copy_rows(connection, table, instance_id, count, are_apart=are_apart)
    with store.database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE" if store.is_sqlite else "VACUUM ANALYZE"))


def copy_id(instance_id: str, number: int) -> str:
    return f"{instance_id[:-DIGITS]}{number:0{DIGITS}}"


def tables_of_instances() -> list[Table]:
    return _in_order(tables.metadata.sorted_tables)


def _in_order(all_tables: Collection[Table]) -> list[Table]:
    return [table for table in all_tables if _owner(table) is not None]


def _owner(table: Table) -> str | None:
    """The column by which a row belongs to an instance."""
    if table.name == "process_instance":
        return "id"
    if table.name == "task_candidate":
        return "task_id"
    if table.name == "value_use":
        return "owner"
    column = table.c.get("instance_id")
    return "instance_id" if column is not None and column.foreign_keys else None


def _copy_rows(connection: Connection, table: Table, instance_id: str, count: int, *, are_apart: bool) -> None:
    # not CAST to a fixed width: both databases turn a number into text when it is appended to one
    number = f"substr('{'0' * DIGITS}' || n, length('{'0' * DIGITS}' || n) - {DIGITS - 1})"
    fresh = f"'{instance_id[:-DIGITS]}' || {number}"
    values: list[str] = []
    for column in table.columns:
        value = f'o."{column.name}"'
        if column.name in ("business_key", "correlation_key", "assignee"):
            value = f"{value} || '-' || n"
        elif are_apart and isinstance(column.type, Moment) and column.name in ("started_at", "created_at", "due_at"):
            value = _later(connection, value)
        elif isinstance(column.type, String | Text) and (column.primary_key or column.name.endswith("_id")):
            value = f"replace({value}, '{instance_id}', {fresh})"
        values.append(value)
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    owner = _owner(table)
    condition = f"o.{owner} LIKE '{instance_id}%'" if table.name == "task_candidate" else f"o.{owner} = '{instance_id}'"
    connection.exec_driver_sql(
        f"WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {count}) "
        f"INSERT INTO {table.name} ({columns}) SELECT {', '.join(values)} FROM series, {table.name} o "
        f"WHERE {condition}".replace("%", "%%" if connection.dialect.name == "postgresql" else "%")
    )


def _later(connection: Connection, moment: str) -> str:
    """By n microseconds."""
    if connection.dialect.name == "postgresql":
        return f"{moment} + n * interval '1 microsecond'"
    return f"replace({moment}, '.000000Z', '.' || substr('000000' || n, -6) || 'Z')"
