"""The tables of those who work from outside: workers elsewhere, and programs that use the REST API."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table, Text

from engine.store.schema import ID, NAME, metadata
from engine.store.types import Moment

external_topic = Table(
    "external_topic",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("first_asked_at", Moment, nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("asked_by", NAME, nullable=False),
)

api_token = Table(
    "api_token",
    metadata,
    Column("id", ID, primary_key=True),
    Column("name", NAME, nullable=False),
    Column("secret_hash", String(64), nullable=False, index=True, unique=True),
    Column("person", NAME),
    Column("scopes", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("created_by", NAME, nullable=False),
    Column("expires_at", Moment),
    Column("last_used_at", Moment),
    Column("revoked_at", Moment),
)

api_request = Table(
    "api_request",
    metadata,
    Column("owner", NAME, primary_key=True),
    Column("key", NAME, primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("begun_at", Moment, nullable=False, index=True),
    Column("status", Integer),
    Column("body", Text),
)
