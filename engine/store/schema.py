"""What the tables are made of: their names, and the columns that many have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Column, ForeignKey, Index, MetaData, String, Text, TextClause, text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ID = String(64)
NAME = Text()

CLUSTERED: Final[Mapping[str, Any]] = {"sqlite_with_rowid": False}
"""On SQLite the rows of a table lie in the order of its primary key."""


def instance_key() -> Column[str]:
    return Column("instance_id", ID, ForeignKey("process_instance.id", ondelete="CASCADE"), primary_key=True)


def partial(name: str, *columns: str | TextClause, where: str, unique: bool = False) -> Index:
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where), unique=unique)
