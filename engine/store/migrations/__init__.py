"""Brings a database up to the tables that this version of the engine knows (Alembic)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from engine.errors import EngineError
from engine.store.transaction import Store

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0008"  # the newest migration; a start that finds it does not import Alembic
_LOCK = 0x6665726D617461  # any number that is ours: "fermata"


class NewerDatabase(EngineError):
    """The database was written by a newer version of the engine."""


def upgrade(store: Store) -> None:
    """Runs the missing migrations in one transaction; whoever starts at the same time waits.

    Raises NewerDatabase.
    """
    with store.reading() as connection:
        if _revision(connection) == HEAD:
            return
    from alembic import command

    with store.writing() as connection:
        if not store.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        seen = _revision(connection)
        if seen == HEAD:
            return
        config = configuration()
        _check_known(seen, config)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def configuration() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _check_known(revision: str | None, config: Config) -> None:
    from alembic.script import ScriptDirectory

    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise NewerDatabase(
            f"The database is at revision '{revision}', which this version of the engine does not know. "
            "Upgrade the engine, or restore a copy of the database from before."
        )
