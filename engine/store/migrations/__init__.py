"""Brings a database up to the tables that this version of the engine knows (Alembic)."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from engine.errors import EngineError
from engine.store.transaction import Store

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0014"  # the newest migration; a start that finds it does not import Alembic
_LOCK = 0x6665726D617461  # any number that is ours: "fermata"


log = logging.getLogger("engine.store")


class NewerDatabase(EngineError):
    """The database was changed by a newer version of the engine, in a way that this one cannot work with."""


def upgrade(store: Store) -> None:
    """Runs the missing migrations in one transaction; whoever starts at the same time waits.

    Nothing is done to a database that a newer version has only added to: this one goes on beside it.
    Raises NewerDatabase.
    """
    with store.reading() as connection:
        if _is_ready(connection):
            return
    store.retrying(lambda: _upgrade(store))


def check(connection: Connection) -> None:
    """Raises NewerDatabase when the database is no longer one for this version."""
    _is_ready(connection)


def _upgrade(store: Store) -> None:
    from alembic import command

    with store.writing(is_marked=False) as connection:
        if not store.is_sqlite:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SET LOCAL lock_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            # Who waits for a table stands in the way of all who come later: rather give up, and try again.
            connection.execute(text("SET LOCAL lock_timeout = '3s'"))
        if _is_ready(connection):
            return
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def configuration() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _is_ready(connection: Connection) -> bool:
    """False for a database with migrations to run. Raises NewerDatabase."""
    revision = _revision(connection)
    if revision is None or revision < HEAD:
        return False
    if revision == HEAD:
        return True
    oldest = connection.execute(text("SELECT oldest FROM schema_support")).scalar()
    if not revision.isdigit() or oldest is None or oldest > HEAD:
        raise NewerDatabase(
            f"The database is at revision '{revision}', which this version of the engine (revision '{HEAD}') "
            f"cannot work with (oldest that can: '{oldest}'). "
            "Upgrade the engine, or restore a copy of the database from before."
        )
    return True


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
