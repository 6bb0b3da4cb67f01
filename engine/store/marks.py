"""Commit marks: how a connection that broke in the middle of a commit finds out whether it happened.

Every connection to PostgreSQL has a row, and each of its transactions writes its number there first. The row is then
locked until the transaction has ended, whatever becomes of the connection: who asks afterwards, on another
connection, waits for that end and reads the number of the last transaction that was committed.
"""

from __future__ import annotations

from dataclasses import dataclass
from secrets import token_hex

from sqlalchemy import Connection

from engine.store import straight

_SET = (
    "INSERT INTO commit_mark (owner, number, at) VALUES (%s, %s, now()) "
    "ON CONFLICT (owner) DO UPDATE SET number = excluded.number, at = excluded.at "
    "RETURNING set_config('enable_seqscan', 'off', true)"
)
"""What a transaction that writes asks goes by keys, and is prepared once, often while a table is still small: it shall
not be read from end to end when it has grown."""
_ASK = (
    "INSERT INTO commit_mark (owner, number, at) VALUES (%s, 0, now()) "
    "ON CONFLICT (owner) DO UPDATE SET owner = excluded.owner RETURNING number"
)


@dataclass(frozen=True, slots=True)
class Mark:
    owner: str
    number: int


def set_mark(connection: Connection) -> Mark:
    """Begins a transaction, and is the first thing that it writes."""
    last: Mark = connection.info.get("fermata_mark") or Mark(token_hex(16), 0)
    mark = connection.info["fermata_mark"] = Mark(last.owner, last.number + 1)
    with straight.ran(connection, [(_SET, (mark.owner, mark.number))]):
        return mark


def last_mark(connection: Connection) -> Mark:
    return connection.info["fermata_mark"]


def has_committed(connection: Connection, mark: Mark) -> bool:
    """Whether the transaction of *mark* has; waits for its end. *connection*: another one than it had."""
    return connection.exec_driver_sql(_ASK, (mark.owner,)).scalar_one() == mark.number


def forget_old_marks(connection: Connection) -> None:
    """Those of connections that are long gone. By the server's time, as they were set; SQLite has none."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("DELETE FROM commit_mark WHERE at < now() - interval '1 day'")
