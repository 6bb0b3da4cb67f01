"""Messages that wait for whoever will wait for them, and how publishers and receivers do not miss each other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from zlib import crc32

from sqlalchemy import Connection, Row, Select, and_, delete, insert, select, text, update

from engine.model import Message, MessageState
from engine.store.codec import decode, encode
from engine.store.tables import correlation_rule, message, message_key, process_instance
from engine.store.types import AnyRow
from engine.store.values import insert_missing

NO_KEY = ""
_NOTHING = "{}"
_STRIPES = 16  # what waits for any key takes all of them, a publisher those of its keys
_SHARED = text(
    "SELECT pg_advisory_xact_lock_shared(name, stripe) "
    "FROM unnest(CAST(:names AS integer[]), CAST(:stripes AS integer[])) AS wanted(name, stripe)"
)
_EXCLUSIVE = text(str(_SHARED).replace("_shared", ""))

Address = tuple[str, str | None]
"""The name of a message, and the correlation key, None for any."""


def lock_for_publishing(connection: Connection, name: str, keys: Collection[str]) -> None:
    """Waits for those who are opening a subscription that a message with these keys could fit, and keeps out the
    next ones. SQLite has one writer at a time anyway."""
    _lock(connection, _EXCLUSIVE, {(_number(name), _stripe(key)) for key in keys or (NO_KEY,)})


def lock_for_waiting(connection: Connection, addresses: Iterable[Address]) -> None:
    """Waits for those who are publishing what could fit a subscription that was opened."""
    wanted: set[tuple[int, int]] = set()
    for name, key in addresses:
        stripes = range(_STRIPES) if key is None else (_stripe(key),)
        wanted.update((_number(name), stripe) for stripe in stripes)
    _lock(connection, _SHARED, wanted)


def add(connection: Connection, row: dict[str, Any], keys: Collection[str]) -> None:
    """Stores a message (*row*: of the table, its payload a value); no *keys*: none will receive it any more, and its
    payload is not kept."""
    row = row | {"payload": encode(row["payload"], "message") if keys else _NOTHING}
    connection.execute(insert(message), [row])
    _add_keys(connection, row["name"], keys, row["id"])


def find_same(connection: Connection, name: str, correlation_key: str, message_id: str, now: datetime) -> str | None:
    """The id of the message that was published as this one before and still lives; one that has expired goes."""
    columns = message.c
    same = and_(columns.name == name, columns.correlation_key == correlation_key, columns.message_id == message_id)
    connection.execute(delete(message).where(same, columns.expires_at <= now))
    return connection.execute(select(columns.id).where(same)).scalar()


def has_any(connection: Connection, name: str) -> bool:
    """Whether a message of this name waits, expired or not."""
    return connection.execute(select(message_key.c.name).where(message_key.c.name == name).limit(1)).first() is not None


def take(connection: Connection, address: Address, receiver_id: str | None, now: datetime) -> Row[Any] | None:
    """The oldest message for *address*, now delivered; nobody else gets it. None when there is none."""
    while (row := connection.execute(_in_order(address, now).limit(1)).first()) is not None:
        if claim(connection, row.id, receiver_id, now):
            return row
    return None


def claim(connection: Connection, id: str, receiver_id: str | None, now: datetime) -> bool:
    """Marks a message as delivered, and forgets what it said: who got it has that. False when somebody else was
    faster."""
    if connection.execute(delete(message_key).where(message_key.c.message == id)).rowcount < 1:
        return False
    change = (
        update(message).where(message.c.id == id).values(delivered_at=now, receiver_id=receiver_id, payload=_NOTHING)
    )
    connection.execute(change)
    return True


def set_receiver(connection: Connection, id: str, receiver_id: str) -> None:
    connection.execute(update(message).where(message.c.id == id).values(receiver_id=receiver_id))


def put_back(connection: Connection, row: Row[Any], keys: Collection[str]) -> None:
    """A message that was taken and could not be delivered waits again."""
    waits = {"delivered_at": None, "receiver_id": None, "payload": row.payload}
    connection.execute(update(message).where(message.c.id == row.id).values(waits))
    _add_keys(connection, row.name, keys, row.id)


def keys_of(connection: Connection, id: str) -> list[str]:
    return list(connection.execute(select(message_key.c.key).where(message_key.c.message == id)).scalars())


def next_waiting(connection: Connection, address: Address, now: datetime, *, after: str) -> Row[Any] | None:
    """The oldest message for *address* of those that came after the one with that id."""
    query = _in_order(address, now).where(message_key.c.message > after)
    return connection.execute(query.limit(1)).first()


def waiting(connection: Connection, name: str, now: datetime) -> Sequence[Row[Any]]:
    """All that wait under a name, the oldest first."""
    return list({row.id: row for row in connection.execute(_in_order((name, None), now))}.values())


def payload_of(row: Row[Any]) -> dict[str, Any]:
    return decode(row.payload)


def is_taken(connection: Connection, process_key: str, start_key: str) -> bool:
    """Whether an instance runs that a message with this key has started."""
    columns = process_instance.c
    query = select(columns.id).where(columns.process_key == process_key, columns.start_key == start_key)
    return connection.execute(query.where(columns.ended_at.is_(None)).limit(1)).first() is not None


def free_start_key(connection: Connection, instance_id: str) -> None:
    """An instance has ended: another one may start with its key."""
    connection.execute(update(process_instance).where(process_instance.c.id == instance_id).values(start_key=None))


def rules_for(connection: Connection, name: str) -> list[str]:
    """How messages of a name hold the properties of their correlation keys (see `engine.keys`)."""
    query = select(correlation_rule.c.properties).where(correlation_rule.c.name == name)
    return list(connection.execute(query.order_by(correlation_rule.c.hash)).scalars())


def add_rules(connection: Connection, rows: list[dict[str, Any]]) -> None:
    if rows:
        insert_missing(connection, correlation_rule, rows)


def has_expired(connection: Connection, now: datetime) -> bool:
    return connection.execute(select(message.c.id).where(message.c.expires_at <= now).limit(1)).first() is not None


def remove_expired(connection: Connection, now: datetime, limit: int = 1000) -> Sequence[AnyRow]:
    """Deletes what has expired; of it, what was never delivered and an instance had thrown, by instance."""
    columns = message.c
    some = select(columns.id).where(columns.expires_at <= now).order_by(columns.expires_at).limit(limit)
    gone = connection.execute(delete(message).where(columns.id.in_(some)).returning(*columns)).all()
    return sorted((row for row in gone if row.sender_id and row.delivered_at is None), key=lambda row: row.sender_id)


def listed(connection: Connection, *, name: str | None, correlation_key: str | None, now: datetime) -> list[Message]:
    """What has not expired, the oldest first."""
    query = select(message).where(message.c.expires_at > now)
    if name is not None:
        query = query.where(message.c.name == name)
    if correlation_key is not None:
        query = query.where(message.c.correlation_key == correlation_key)
    return [
        Message(
            id=row.id,
            name=row.name,
            correlation_key=row.correlation_key or None,
            message_id=row.message_id,
            state=MessageState.WAITING if row.delivered_at is None else MessageState.DELIVERED,
            published_at=row.published_at,
            published_by=row.published_by,
            expires_at=row.expires_at,
            delivered_at=row.delivered_at,
            receiver_id=row.receiver_id,
            sender_id=row.sender_id,
        )
        for row in connection.execute(query.order_by(message.c.id))
    ]


def has_history(connection: Connection, instance_id: str) -> bool:
    """Whether an instance is still there to have something added to its history."""
    query = select(process_instance.c.id).where(process_instance.c.id == instance_id)
    return connection.execute(query).first() is not None


def _in_order(address: Address, now: datetime) -> Select[Any]:
    """The oldest first: ids sort in the order in which they were given."""
    name, key = address
    query = select(message).join(message_key, message_key.c.message == message.c.id).where(message_key.c.name == name)
    if key is not None:
        query = query.where(message_key.c.key == key)
    return query.where(message.c.expires_at > now).order_by(message_key.c.message)


def _add_keys(connection: Connection, name: str, keys: Collection[str], id: str) -> None:
    if keys:
        connection.execute(insert(message_key), [{"name": name, "key": key, "message": id} for key in sorted(keys)])


def _lock(connection: Connection, statement: Any, wanted: set[tuple[int, int]]) -> None:
    if wanted and connection.dialect.name != "sqlite":
        names, stripes = zip(*sorted(wanted), strict=True)
        connection.execute(statement, {"names": list(names), "stripes": list(stripes)})


def _number(name: str) -> int:
    """A signed 32-bit number; names that share one wait for each other more often, that is all."""
    number = crc32(name.encode())
    return number - 2**32 if number >= 2**31 else number


def _stripe(key: str) -> int:
    return crc32(key.encode()) % _STRIPES
