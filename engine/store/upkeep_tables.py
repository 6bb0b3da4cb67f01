"""The tables by which several processes, perhaps of several versions, get along on one database."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table

from engine.store.schema import ID, metadata
from engine.store.types import Moment

commit_mark = Table(  # PostgreSQL only: what a connection has committed last
    "commit_mark",
    metadata,
    Column("owner", ID, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("at", Moment, nullable=False),
)

schema_support = Table(  # one row: the revision of the oldest engine that may still work here
    "schema_support",
    metadata,
    Column("oldest", String(16), primary_key=True),
)
