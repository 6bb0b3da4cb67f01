"""Others who want what the engine has: each a process of its own, whose exit status is 0 where it has met somebody."""

from __future__ import annotations

import os
import sqlite3
import time
from datetime import UTC, datetime, timedelta

from databases import Postgres
from sqlalchemy import Connection, TextClause, create_engine, text
from sqlalchemy.exc import DBAPIError

TRIES = 8
"""Of one that is to meet the engine in the middle of a commit."""
REFUSED = "could not serialize access, as a fault"


def hold_the_file(url: str, seconds: float) -> int:
    """SQLite has one writer at a time."""
    database = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    try:
        database.execute("begin immediate")
    except sqlite3.OperationalError:
        return 1
    time.sleep(seconds)
    database.execute("rollback")
    return 0


def lock_crosswise(server: Postgres, seconds: float) -> int:
    """Locks jobs first and their instances then, the other way round than the engine, which has to give way."""
    before, status = server.said("deadlock detected"), 1
    try:
        with create_engine(server.url).connect() as connection:
            for _ in range(TRIES):
                _lock_once(connection, seconds)
                if server.said("deadlock detected") > before:
                    status = 0
                    break
    except DBAPIError:
        pass
    os._exit(status)


def _lock_once(connection: Connection, seconds: float) -> None:
    connection.execute(text("set deadlock_timeout = '10s'"))
    connection.execute(text("set lock_timeout = '5s'"))
    query = (
        "select instance_id from job where state in ('running', 'available') and kind = 'service' and not is_external "
        "order by state desc, id desc limit 8 for update skip locked"
    )
    instances = [row[0] for row in connection.execute(text(query)) if row[0]]
    time.sleep(seconds if instances else 0.05)
    lock = text("select id from process_instance where id = any(:ids) order by id desc for update")
    connection.execute(lock, {"ids": instances})
    connection.commit()


def refuse_to_serialise(server: Postgres, seconds: float) -> int:
    """For a while the server refuses each fifth write of instances and jobs, as for want of serialisability."""
    before = server.said(REFUSED)
    try:
        with create_engine(server.url, isolation_level="AUTOCOMMIT").connect() as connection:
            known = set(
                connection.execute(
                    text("select tgrelid::regclass::text from pg_trigger where tgname = 'refuse'")
                ).scalars()
            )
            if missing := {"process_instance", "job"} - known:
                connection.execute(text("create sequence if not exists writes_seen"))
                connection.execute(_refusal(seconds=0))
                connection.execute(text("set lock_timeout = '1s'"))
                for table in sorted(missing):
                    trigger = f"create trigger refuse after insert or update or delete on {table}"
                    connection.execute(text(f"{trigger} for each statement execute function refuse()"))
            connection.execute(_refusal(seconds))
    except DBAPIError:
        os._exit(1)
    time.sleep(seconds)
    os._exit(int(server.said(REFUSED) <= before))


def _refusal(seconds: float) -> TextClause:
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    return text(
        "create or replace function refuse() returns trigger language plpgsql as $$ begin "
        f"if clock_timestamp() < '{until}' and nextval('writes_seen') % 5 = 0 then "
        f"raise exception '{REFUSED}' using errcode = '40001'; end if; "
        "return null; end $$"
    )
