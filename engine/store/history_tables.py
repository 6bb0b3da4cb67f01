"""The tables of history: only added to and closed, until the instance is removed."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Integer, String, Table, Text

from engine.store.schema import CLUSTERED, ID, NAME, instance_key, metadata, partial
from engine.store.types import Moment

activity = Table(
    "activity",
    metadata,
    instance_key(),
    Column("activity_id", Integer, primary_key=True),
    Column("element_id", NAME, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("parent_id", Integer, nullable=False),
    Column("entered_at", Moment, nullable=False),
    Column("step", Integer, nullable=False),  # with position: which variable changes came before it
    Column("position", Integer, nullable=False),
    Column("ended_at", Moment),
    Column("outcome", String(16)),
    Column("actor", NAME),
    Column("inputs", Text),
    Column("outputs", Text),
    Column("cause", NAME),
    partial("ix_activity_open", "instance_id", where="ended_at IS NULL"),
    **CLUSTERED,
)

flow_taken = Table(
    "flow_taken",
    metadata,
    instance_key(),
    Column("step", Integer, primary_key=True),
    Column("flows", Text, nullable=False),
    **CLUSTERED,
)

variable_change = Table(
    "variable_change",
    metadata,
    instance_key(),
    Column("step", Integer, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("scope_id", Integer, nullable=False),
    Column("name", NAME, nullable=False),
    Column("after", Text),
    Column("activity_id", Integer, nullable=False),
    Column("actor", NAME, nullable=False),
    **CLUSTERED,
)

job_attempt = Table(
    "job_attempt",
    metadata,
    Column("job_id", NAME, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("instance_id", ID, ForeignKey("process_instance.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("activity_id", Integer, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("worker", NAME, nullable=False),
    Column("ended_at", Moment),
    Column("outcome", String(16)),
    Column("error", Text),
)

log = Table(
    "log",
    metadata,
    instance_key(),
    Column("sequence", Integer, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("action", String(64), nullable=False),
    Column("actor", NAME, nullable=False),
    Column("activity_id", Integer),
    Column("element_id", NAME),
    Column("detail", Text, nullable=False),
    **CLUSTERED,
)

agent_step = Table(
    "agent_step",
    metadata,
    Column("job_id", NAME, primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("instance_id", ID, ForeignKey("process_instance.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", Moment, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("name", NAME, nullable=False),
    Column("request", Text, nullable=False),
    Column("response", Text, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("input_tokens", Integer, nullable=False),
    Column("output_tokens", Integer, nullable=False),
    Column("cost", String(40)),
    Column("is_offline", Boolean, nullable=False),
)
