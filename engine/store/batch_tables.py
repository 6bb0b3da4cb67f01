"""The tables of batch operations: what was asked of many instances, and what came of it for each."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text

from engine.store.schema import ID, NAME, metadata
from engine.store.types import Moment

batch = Table(
    "batch",
    metadata,
    Column("id", ID, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("actor", NAME, nullable=False),
    Column("reason", Text, nullable=False),
    Column("selection", Text, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("total", Integer, nullable=False),
    Column("created_at", Moment, nullable=False, index=True),
    Column("ended_at", Moment),
)

batch_item = Table(
    "batch_item",
    metadata,
    Column("batch_id", ID, ForeignKey("batch.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("instance_id", ID, nullable=False),  # the instance may be removed, the record of the batch stays
    Column("incident_id", String(80)),
    Column("state", String(16), nullable=False),
    Column("message", Text),
    Column("ended_at", Moment),
    Index(None, "batch_id", "state", "number"),
)

batch_change = Table(
    "batch_change",
    metadata,
    Column("batch_id", ID, ForeignKey("batch.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("at", Moment, nullable=False),
    Column("actor", NAME, nullable=False),
    Column("reason", Text, nullable=False),
)
