"""The tables by which several processes, perhaps of several versions, get along on one database."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table

from engine.store.schema import ID, NAME, metadata
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

worker = Table(  # a row while its pool runs; what it holds is in job, by its name
    "worker",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("host", NAME, nullable=False),
    Column("process_id", Integer, nullable=False),
    Column("engine_version", NAME, nullable=False),
    Column("threads", Integer, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("heard_at", Moment, nullable=False),
)
