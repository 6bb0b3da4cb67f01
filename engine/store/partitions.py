"""History in partitions (PostgreSQL): each holds the rows of the instances that were made in a span of time.

Ids of instances begin with the time of their making, and ids of jobs with that of their instance: so the tables keep
their keys, and are partitioned by ranges of them. What belongs to no range is in the partition `..._rest`. Partitions
are a matter of one table at a time: each is made, or replaced, in a transaction of its own.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, delete, exists, func, or_, select, text
from sqlalchemy import Engine as Database

from engine.clock import moment_of
from engine.store.among import among
from engine.store.tables import housekeeping, process_instance
from engine.store.values import insert_missing

KEYS: Final = {
    "agent_step": "job_id",
    "flow_taken": "instance_id",
    "variable_change": "instance_id",
    "job_attempt": "job_id",
    "log": "instance_id",
    "activity": "instance_id",
}
"""The tables in partitions, and the column whose ranges these are."""
LOCK: Final = "300ms"
"""Who waits for a whole table stands in the way of all who come later: rather give up, and try again."""
MOST_KEPT = 1_000
"""Instances that a replaced partition may still have."""
MOST_ROWS = 20_000
MOST_BYTES = 32_000_000
"""Rows, and what they take, that are copied while the table is locked: a few tenths of a second."""

_ALONE: Final = 0x666572706172  # any number that is ours: "ferpar"
_LEFT: Final = "history "  # and the name of a span: a duty of `housekeeping`
_BOUND: Final = re.compile(r"FROM \((?:MINVALUE|'(\w+)')\) TO \('(\w+)'\)")


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Ids from *low* (empty: from the first) to before *high*; both are beginnings of ids."""

    low: str
    high: str

    @property
    def name(self) -> str:
        """With which its partitions' names end; no two spans end at the same time."""
        return f"until_{moment_of(self.high):%Y%m%d}"

    @property
    def ends_at(self) -> datetime:
        return moment_of(self.high)

    def has(self, identity: str) -> bool:
        return self.low <= identity < self.high

    def partition(self, table: str) -> str:
        return f"{table}_{self.name}"


@dataclass(frozen=True, slots=True)
class Size:
    rows: int
    bytes: int


# what is there


def is_partitioned(connection: Connection) -> bool:
    if connection.dialect.name == "sqlite":
        return False
    kind = text("SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass('activity')")
    return bool(connection.execute(kind).scalar())


def spans(connection: Connection, table: str) -> list[Span]:
    """In order."""
    query = text(
        "SELECT pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = to_regclass(:name)"
    )
    found = (_BOUND.search(bound) for bound in connection.execute(query, {"name": table}).scalars())
    return sorted(Span(match[1] or "", match[2]) for match in found if match is not None)


def bytes_of(connection: Connection, name: str) -> int:
    """Of one table, its indexes included; 0 where there is none."""
    return connection.execute(text("SELECT pg_total_relation_size(to_regclass(:name))"), {"name": name}).scalar() or 0


def living(connection: Connection, span: Span, limit: int) -> list[str]:
    """Ids of instances of the span that have not been removed, up to *limit*."""
    query = select(process_instance.c.id).where(*_within(span)).order_by(process_instance.c.id)
    return list(connection.execute(query.limit(limit)).scalars())


def staying(connection: Connection, span: Span, until: datetime, kept_since: datetime | None, limit: int) -> int:
    """How many instances of the span, up to *limit*, will not be due at *until*, as far as is known by now.

    *kept_since*: who had ended by then is due without a time of its own."""
    columns, caller = process_instance.c, process_instance.alias("caller").c

    def is_due(of: Any) -> Any:
        due = of.removal_at <= until
        if kept_since is None:
            return due
        return or_(due, and_(of.removal_at.is_(None), of.ended_at <= kept_since))

    # Of calls in calls only one is looked at: who is wrong about the rest only drops later.
    goes = exists().where(
        caller.id == columns.parent_id, caller.ended_at.is_not(None), or_(is_due(caller), caller.parent_id.is_not(None))
    )
    goes_too = and_(columns.parent_id.is_not(None), goes)
    on_its_own = and_(columns.parent_id.is_(None), func.coalesce(is_due(columns), False))
    stays = or_(columns.ended_at.is_(None), ~or_(on_its_own, goes_too))
    some = select(columns.id).where(*_within(span), stays).limit(limit).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one()


def size_of(connection: Connection, table: str, span: Span, ids: Sequence[str]) -> Size:
    """What rows of the instances *ids* take of one partition."""
    if not ids:
        return Size(0, 0)
    query = text(
        f"SELECT count(*), coalesce(sum(pg_column_size(p.*)), 0) FROM {span.partition(table)} p "
        "WHERE p.instance_id = ANY(:ids)"
    )
    return Size(*connection.execute(query, {"ids": list(ids)}).one())


def is_too_much(*sizes: Size) -> bool:
    """Of what is to be kept, for one transaction."""
    return sum(size.rows for size in sizes) > MOST_ROWS or sum(size.bytes for size in sizes) > MOST_BYTES


# one process at a time


@contextmanager
def alone(database: Database) -> Generator[bool]:
    """Whether nobody else is at it; then nobody else comes before the end, be it that of the process."""
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        is_alone = bool(connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _ALONE}).scalar())
        try:
            yield is_alone
        finally:
            if is_alone:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _ALONE})


def hurry(connection: Connection) -> None:
    """The transaction gives up where it had to wait for a table."""
    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK}'"))


# making partitions


def is_promised(connection: Connection, table: str) -> bool:
    query = text("SELECT 1 FROM pg_constraint WHERE conrelid = to_regclass(:name) AND conname = :promise")
    return connection.execute(query, {"name": f"{table}_rest", "promise": _promise(table)}).first() is not None


def promise(connection: Connection, table: str, span: Span) -> None:
    """From now on the rest takes no rows after the span (which begins with the first id) or in it (else)."""
    hurry(connection)
    key = KEYS[table]
    condition = f"{key} < '{span.low}' OR {key} >= '{span.high}'" if span.low else f"{key} < '{span.high}'"
    _run(connection, f"ALTER TABLE {table}_rest ADD CONSTRAINT {_promise(table)} CHECK ({condition}) NOT VALID")


def check_promise(connection: Connection, table: str) -> None:
    """Reads the whole rest, and stands in nobody's way meanwhile."""
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    hurry(connection)
    _run(connection, f"ALTER TABLE {table}_rest VALIDATE CONSTRAINT {_promise(table)}")


def forget_promise(connection: Connection, table: str) -> None:
    hurry(connection)
    _run(connection, f"ALTER TABLE {table}_rest DROP CONSTRAINT IF EXISTS {_promise(table)}")


def turn_rest_into(connection: Connection, table: str, span: Span) -> bool:
    """What was the rest is the first partition from now on, and there is a new rest: no row is moved but what lies
    after the span. False, and nothing happens, where those are too many.

    Reads the whole rest unless it was promised to have nothing after the span.
    """
    rest, name, key = f"{table}_rest", span.partition(table), KEYS[table]
    _take_from_vacuum(connection, rest)
    hurry(connection)
    _run(connection, f"LOCK TABLE ONLY {table} IN ACCESS EXCLUSIVE MODE")
    later = f"FROM {rest} WHERE {key} >= '{span.high}'"
    if (count := _count(connection, later)) > MOST_ROWS:
        return False
    _run(connection, f"ALTER TABLE {table} DETACH PARTITION {rest}")
    _run(connection, f"ALTER TABLE {rest} RENAME TO {name}")
    _create(connection, table, rest)
    if count:
        _copy(connection, table, f"SELECT * FROM {name} WHERE {key} >= '{span.high}'", rest)
        _run(connection, f"DELETE FROM {name} WHERE {key} >= '{span.high}'")
    _attach(connection, table, name, span)
    _run(connection, f"ALTER TABLE {table} ATTACH PARTITION {rest} DEFAULT")
    _run(connection, f"ALTER TABLE {name} DROP CONSTRAINT IF EXISTS {_promise(table)}")
    return True


def make(connection: Connection, table: str, span: Span) -> bool:
    """A new partition; what the rest has of it moves there. False, and nothing happens, where that is too much.
    Reads the whole rest unless it was promised to have nothing of the span."""
    rest, name, key = f"{table}_rest", span.partition(table), KEYS[table]
    _take_from_vacuum(connection, rest)
    hurry(connection)
    theirs = f"FROM {rest} WHERE {key} >= '{span.low}' AND {key} < '{span.high}'"
    _run(connection, f"LOCK TABLE {rest} IN ACCESS EXCLUSIVE MODE")
    if (count := _count(connection, theirs)) > MOST_ROWS:
        return False
    _create(connection, table, name)
    if count:
        _copy(connection, table, f"SELECT * {theirs}", name)
        _run(connection, f"DELETE {theirs}")
    _attach(connection, table, name, span)
    _run(connection, f"ALTER TABLE {rest} DROP CONSTRAINT IF EXISTS {_promise(table)}")
    return True


# replacing and emptying them


def replace(connection: Connection, table: str, run: Sequence[Span]) -> bool:
    """Drops the partitions of adjacent spans; a new one over all of them has the rows of those instances that are
    not removed. No such instance: no such partition. False, and nothing happens, where that is too much."""
    _take_from_vacuum(connection, *(span.partition(table) for span in run), f"{table}_rest")
    hurry(connection)
    whole = Span(run[0].low, run[-1].high)
    _run(connection, f"LOCK TABLE ONLY {table} IN ACCESS EXCLUSIVE MODE")
    # Who would begin an instance of this time has written history before this moment, or waits for it to be over.
    ids = living(connection, whole, MOST_KEPT + 1)
    if len(ids) > MOST_KEPT or is_too_much(*(size_of(connection, table, span, ids) for span in run)):
        return False
    fresh = f"{table}_kept"
    if ids:
        _create(connection, table, fresh)
        among_them = ", ".join(f"'{each}'" for each in ids)
        for span in run:
            rows = f"SELECT * FROM {span.partition(table)} WHERE instance_id IN ({among_them})"
            _copy(connection, table, rows, fresh)
    for span in run:
        _run(connection, f"ALTER TABLE {table} DETACH PARTITION {span.partition(table)}")
        _run(connection, f"DROP TABLE {span.partition(table)}")
    if ids:
        _run(connection, f"ALTER TABLE {fresh} RENAME TO {whole.partition(table)}")
        _attach(connection, table, whole.partition(table), whole)
    return True


def leave(connection: Connection, spans: Sequence[Span], until: datetime) -> None:
    """Notes that rows of removed instances may stay in the spans' partitions, to be dropped with them."""
    rows = [{"name": f"{_LEFT}{span.name}", "holder": span.high, "due_at": until} for span in spans]
    insert_missing(connection, housekeeping, rows)


def left(connection: Connection) -> dict[str, datetime]:
    """Until when rows of removed instances may stay, by the end of the span."""
    query = select(housekeeping.c.holder, housekeeping.c.due_at).where(housekeeping.c.name.startswith(_LEFT))
    return {row.holder: row.due_at for row in connection.execute(query)}


def forget_left(connection: Connection, high: str) -> None:
    connection.execute(delete(housekeeping).where(housekeeping.c.name.startswith(_LEFT), housekeeping.c.holder == high))


def remove_left(connection: Connection, table: str, span: Span, after: str, limit: int) -> str | None:
    """Deletes rows whose instances are gone, of up to *limit* instances that come after an id; the last one looked
    at, None at the end."""
    name = span.partition(table)
    query = text(f"SELECT DISTINCT instance_id FROM {name} WHERE instance_id > :after ORDER BY 1 LIMIT {limit}")
    found = list(connection.execute(query, {"after": after}).scalars())
    if not found:
        return None
    there = set(connection.execute(select(process_instance.c.id).where(among(process_instance.c.id, found))).scalars())
    if gone := [each for each in found if each not in there]:
        connection.execute(text(f"DELETE FROM {name} WHERE instance_id = ANY(:gone)"), {"gone": gone})
    return found[-1]


def _within(span: Span) -> tuple[Any, ...]:
    columns = process_instance.c
    return (columns.id >= span.low, columns.id < span.high)


def _take_from_vacuum(connection: Connection, *names: str) -> None:
    """An autovacuum of these tables is broken off, which takes it a second, and stays away. Nobody else waits."""
    _run(connection, "SET LOCAL lock_timeout = '3s'")
    for name in names:
        _run(connection, f"LOCK TABLE ONLY {name} IN SHARE UPDATE EXCLUSIVE MODE")


def _create(connection: Connection, table: str, name: str) -> None:
    _run(connection, f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)")


def _attach(connection: Connection, table: str, name: str, span: Span) -> None:
    low = f"'{span.low}'" if span.low else "MINVALUE"
    _run(connection, f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({low}) TO ('{span.high}')")


def _copy(connection: Connection, table: str, query: str, into: str) -> None:
    """Rows into a table that this transaction has made. FREEZE: who reads on an older snapshot, and comes to this
    table only now, sees them as if they had always been here."""
    statement = text(
        "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute "
        "WHERE attrelid = to_regclass(:name) AND attnum > 0 AND NOT attisdropped"
    )
    columns = connection.execute(statement, {"name": table}).scalar_one()
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor:
        with cursor.copy(f"COPY (SELECT {columns} FROM ({query}) rows) TO STDOUT (FORMAT binary)") as source:
            blocks = [bytes(block) for block in source]
        with cursor.copy(f"COPY {into} ({columns}) FROM STDIN (FORMAT binary, FREEZE)") as target:
            for block in blocks:
                target.write(block)


def _promise(table: str) -> str:
    return f"ck_{table}_rest"


def _run(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement)


def _count(connection: Connection, what: str) -> int:
    """Up to one more than may be moved."""
    return connection.exec_driver_sql(
        f"SELECT count(*) FROM (SELECT 1 {what} LIMIT {MOST_ROWS + 1}) counted"
    ).scalar_one()
