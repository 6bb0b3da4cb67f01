"""What has come for start events that need several triggers, kept until the others have come too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from engine.store.codec import decode, encode
from engine.store.tables import start_arrival, start_subscription
from engine.store.values import in_chunks

ANY_KEY = ""
"""The key of an arrival that goes with those of any key: a timer's, a signal's, a message's without one."""


def arrive(connection: Connection, row: dict[str, Any], *, parts: int, is_counted: bool) -> dict[int, Any] | None:
    """Adds an arrival (*row*: a row of start_arrival, its payload a value); once all *parts* have arrived under one
    key, takes one of each away and gives what they brought, by part.

    *is_counted*: a second arrival of the same part waits for a second start, rather than replacing the first.
    """
    _lock(connection, row["process_key"], row["element_id"])
    here = _here(row["process_key"], row["element_id"])
    if not is_counted:
        connection.execute(delete(start_arrival).where(*here, start_arrival.c.part == row["part"]))
    connection.execute(insert(start_arrival), [row | {"payload": encode(row["payload"], "message")}])
    query = select(start_arrival).where(*here).order_by(start_arrival.c.arrived_at, start_arrival.c.id)
    if row["key"] != ANY_KEY:
        query = query.where(start_arrival.c.key.in_((row["key"], ANY_KEY)))
    complete = _complete(connection.execute(query).all(), parts)
    if complete is None:
        return None
    connection.execute(delete(start_arrival).where(start_arrival.c.id.in_([each.id for each in complete])))
    return {each.part: decode(each.payload) for each in complete}


def forget_arrivals(connection: Connection, process_key: str, element_ids: Sequence[str]) -> None:
    for some in in_chunks(element_ids):
        gone = delete(start_arrival).where(start_arrival.c.process_key == process_key)
        connection.execute(gone.where(start_arrival.c.element_id.in_(some)))


def _lock(connection: Connection, process_key: str, element_id: str) -> None:
    """Two that arrive at the same moment must not each miss the other."""
    columns = start_subscription.c
    query = select(columns.part).where(columns.process_key == process_key, columns.element_id == element_id)
    connection.execute(query.order_by(columns.part).with_for_update())


def _here(process_key: str, element_id: str) -> tuple[Any, Any]:
    return start_arrival.c.process_key == process_key, start_arrival.c.element_id == element_id


def _complete(arrivals: Sequence[Row[Any]], parts: int) -> list[Row[Any]] | None:
    """One arrival of each part, all of one key or of any, the oldest first; None while one is missing."""
    by_key: dict[str, list[Row[Any]]] = {}
    for each in arrivals:
        by_key.setdefault(each.key, []).append(each)
    for some in by_key.values():
        found: dict[int, Row[Any]] = {}
        for each in (*some, *by_key.get(ANY_KEY, ())):
            found.setdefault(each.part, each)
        if len(found) == parts:
            return list(found.values())
    return None
