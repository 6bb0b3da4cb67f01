"""Messages on their way: to whom they go, where they wait, and when those that waited are delivered.

A message goes to one that waits for it, else to the start events; with a time to live it waits, else it is lost.
What begins to wait looks for messages in its own transaction (see `engine.store.messages` for the locks).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any

from engine import events as e
from engine.arrivals import trigger_start
from engine.commands import Command, TriggerEvent
from engine.deferred import defer
from engine.errors import EngineError
from engine.interpreter.errors import ActivityFailed
from engine.live import Live
from engine.model import Correlation, Publication, PublicationOutcome
from engine.session import FollowUp, Received, Session
from engine.starting import needs_all
from engine.store import messages as stored
from engine.store.jobs import is_deferred
from engine.store.subscriptions import StartWaiting, Waiting, find_starts, find_waiting, is_open, message_starts
from engine.store.types import Row

log = logging.getLogger("engine.messages")


_TRIES = 100
"""How many of those that wait are tried, the oldest first, before a message is taken not to fit anybody."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """*keys*: the correlation keys that it can be found by; *correlation_key*: the one it was given, if any.
    *expires_at*: until when it waits, None for not at all. *sender*: the activity that threw it."""

    name: str
    keys: tuple[str, ...]
    payload: Mapping[str, Any]
    at: datetime
    by: str
    correlation_key: str | None = None
    expires_at: datetime | None = None
    message_id: str | None = None
    sender: tuple[str, int, str] | None = None


class _Begun(Enum):
    STARTED = auto()
    KEPT = auto()  # until the other triggers of the start event come
    NOT = auto()


def publish(session: Session, message: Outgoing) -> Publication:
    """Delivers a message now, or keeps it until it expires. One with the id of an earlier one that has not expired
    is that one, and does nothing."""
    session.unit.flush()
    given = message.correlation_key or stored.NO_KEY
    if message.message_id is not None:
        known = stored.find_same(session.connection, message.name, given, message.message_id, message.at)
        if known is not None:
            return Publication(PublicationOutcome.DUPLICATE, id=known)
    received = _deliver_now(session, message)
    if received is None and message.expires_at is not None:
        stored.lock_for_publishing(session.connection, message.name, message.keys)
        received = _deliver_now(session, message)
    if received is not None:
        id = _remember(session, message, received) if message.message_id and message.expires_at else None
        return Publication(PublicationOutcome.DELIVERED, received, id)
    if message.expires_at is None:
        return Publication(PublicationOutcome.DROPPED)
    return Publication(PublicationOutcome.STORED, id=_store(session, message, message.keys or (stored.NO_KEY,)))


def serve_opened(session: Session, opened: Sequence[FollowUp]) -> None:
    """Delivers what has waited for the subscriptions that were opened in this transaction."""
    addresses = {(item.event.name, item.event.correlation_key) for item in opened}
    stored.lock_for_waiting(session.connection, addresses)
    names = {name for name in sorted({name for name, _ in addresses}) if stored.has_any(session.connection, name)}
    for item in opened:
        if item.event.name in names:
            _serve(session, item.live, item.event, item.command)


def serve_after_end(session: Session, ended: Live, at: datetime) -> None:
    """The next message starts an instance of the process that was occupied with this key."""
    key = ended.row.start_key
    if key is None:
        return
    session.unit.flush()
    stored.free_start_key(session.connection, ended.id)
    starts = message_starts(session.connection, ended.row.process_key)
    stored.lock_for_waiting(session.connection, [(name, key) for name, _ in starts])
    for name, start in starts:
        if _start_next(session, name, start, key, at):
            return


def _start_next(session: Session, name: str, start: StartWaiting, key: str, at: datetime) -> bool:
    """Whether a message of *key* has started an instance. Those that cannot are passed over and wait on: for a newer
    version of the process, or for the end of the next instance."""
    last_id = ""
    for _ in range(_TRIES):
        row = stored.next_waiting(session.connection, (name, key), at, after=last_id)
        if row is None:
            return False
        last_id = row.id
        if _try_to_start(session, start, row, key, at) is _Begun.STARTED:
            return True
    return False


def serve_deployed(session: Session, process_key: str, at: datetime) -> None:
    """Delivers what has waited for the message start events of a new version."""
    starts = message_starts(session.connection, process_key)
    stored.lock_for_waiting(session.connection, [(name, None) for name, _ in starts])
    for name, start in starts:
        for row in stored.waiting(session.connection, name, at):
            keys = stored.keys_of(session.connection, row.id)
            key = next((each for each in keys if each != stored.NO_KEY), None)
            if key is None or not stored.is_taken(session.connection, process_key, key):
                _try_to_start(session, start, row, key, at)


def deliver_or_defer(session: Session, instance_id: str, command: Received) -> bool:
    """Delivers; to a suspended instance when it is activated. False when the command no longer fits."""
    live = session.live(instance_id)
    if live.is_suspended:
        defer(session.unit, live, command)
        return True
    try:
        session.receive(instance_id, command)
    except EngineError as refusal:
        fields = {"instance_id": instance_id, "command": type(command).__name__, "error": type(refusal).__name__}
        log.warning("a follow-up was refused", extra=fields)
        return False
    return True


def _deliver_now(session: Session, message: Outgoing) -> Correlation | None:
    for each in find_waiting(session.connection, "message", message.name, keys=message.keys, limit=_TRIES):
        if has_its_message(session, each.instance_id, each.activity_id, each.element_id):
            continue
        command = TriggerEvent(at=message.at, actor=message.by, activity_id=each.activity_id, variables=message.payload)
        if deliver_or_defer(session, each.instance_id, command):
            note_received(session.live(each.instance_id), message.name, message.at, message.by, each)
            return Correlation(matched=(each.instance_id,))
    started: list[str] = []
    kept: list[str] = []
    for start in find_starts(session.connection, "message", message.name):
        if _is_occupied(session, start, message):
            continue
        try:
            live = _start(session, start, message)
        except (EngineError, ActivityFailed) as refusal:
            if message.sender is None:  # who publishes it is told
                raise
            note_not_started(start, refusal, sender_id=message.sender[0])
            continue
        started += [live.id] if live else []
        kept += [] if live else [start.process_key]
    return Correlation(started=tuple(started), kept=tuple(kept)) if started or kept else None


def has_its_message(session: Session, instance_id: str, activity_id: int, element_id: str) -> bool:
    """Whether the instance keeps one already that closes this subscription: it came while the instance was suspended,
    and waits until that goes on and a worker hands it over; or the instance could not take it in, until that is
    retried."""
    live = session.live(instance_id)
    if live.is_new or not is_deferred(session.connection, live.id, activity_id):
        return False
    node = session.programs.get(live.row.definition_id, session.connection).process.node(element_id)
    return node.is_interrupting or needs_all(node)


def _is_occupied(session: Session, start: StartWaiting, message: Outgoing) -> bool:
    """With a key, and time to wait for its turn, a message starts nothing while an instance of that key runs."""
    key = _start_key(message)
    return key is not None and stored.is_taken(session.connection, start.process_key, key)


def _start_key(message: Outgoing) -> str | None:
    return message.keys[0] if message.keys and (message.sender is None or message.expires_at is not None) else None


def _start(session: Session, start: StartWaiting, message: Outgoing) -> Live | None:
    live = trigger_start(
        session,
        start,
        message.payload,
        at=message.at,
        by=message.by,
        key=message.keys[0] if message.keys else None,
        start_key=_start_key(message),
    )
    if live is not None:
        note_received(live, message.name, message.at, message.by, start)
    return live


def _serve(session: Session, live: Live, event: e.SubscriptionOpened, cause: Command) -> None:
    """One subscription gets what waits for it, the oldest first, for as long as it is open."""
    session.unit.flush()
    place = (live.id, event.activity_id, event.element_id, event.name)
    while not live.has_ended and is_open(session.connection, *place):
        if session.refused or has_its_message(session, live.id, event.activity_id, event.element_id):
            return  # one is enough for when it goes on
        row = stored.take(session.connection, (event.name, event.correlation_key), live.id, cause.at)
        if row is None:
            return
        command = TriggerEvent(
            at=cause.at, actor=row.published_by, activity_id=event.activity_id, variables=stored.payload_of(row)
        )
        if live.is_suspended:  # its tokens were moved by hand
            defer(session.unit, live, command)
        else:
            session.receive(live.id, command)
        live.log(
            cause.at,
            "message.correlated",
            row.published_by,
            event.activity_id,
            event.element_id,
            {"name": row.name, "message": row.id},
        )
        session.unit.flush()


def _try_to_start(session: Session, start: StartWaiting, row: Row[Any], key: str | None, at: datetime) -> _Begun:
    """Starts an instance with a message that waits; where that fails, it waits on."""
    keys, payload = stored.keys_of(session.connection, row.id), stored.payload_of(row)
    if not stored.claim(session.connection, row.id, None, at):
        return _Begun.NOT
    try:
        live = trigger_start(session, start, payload, at=at, by=row.published_by, key=key, start_key=key)
    except (EngineError, ActivityFailed) as refusal:
        note_not_started(start, refusal, message_id=row.id)
        stored.put_back(session.connection, row, keys)
        return _Begun.NOT
    if live is None:
        return _Begun.KEPT
    detail = {"name": row.name, "message": row.id}
    live.log(at, "message.correlated", row.published_by, element_id=start.element_id, detail=detail)
    session.unit.flush()
    stored.set_receiver(session.connection, row.id, live.id)
    return _Begun.STARTED


def note_not_started(start: StartWaiting, refusal: Exception, **ids: str) -> None:
    """What the refusal says is left out, since it may have values of what came."""
    fields = {"process_key": start.process_key, "definition_id": start.definition_id, "element_id": start.element_id}
    log.error("what came could not start its process", extra=fields | ids | {"error": type(refusal).__name__})


def note_received(live: Live, name: str, at: datetime, by: str, receiver: Waiting | StartWaiting) -> None:
    activity_id = receiver.activity_id if isinstance(receiver, Waiting) else None
    live.log(at, "message.correlated", by, activity_id, receiver.element_id, {"name": name})


def _remember(session: Session, message: Outgoing, received: Correlation) -> str:
    """So that a second one with the same id is known."""
    receiver = next(iter(received.matched + received.started), None)
    return _store(session, message, (), {"delivered_at": message.at, "receiver_id": receiver})


def _store(session: Session, message: Outgoing, keys: Sequence[str], delivery: Mapping[str, Any] | None = None) -> str:
    sender_id, activity_id, element_id = message.sender or (None, None, None)
    id = session.next_id()
    row = {
        "id": id,
        "name": message.name,
        "correlation_key": message.correlation_key or stored.NO_KEY,
        "message_id": message.message_id,
        "payload": dict(message.payload),
        "published_at": message.at,
        "published_by": message.by,
        "expires_at": message.expires_at,
        "delivered_at": None,
        "receiver_id": None,
        "sender_id": sender_id,
        "sender_activity_id": activity_id,
        "sender_element_id": element_id,
    }
    stored.add(session.connection, row | dict(delivery or {}), keys)
    return id
