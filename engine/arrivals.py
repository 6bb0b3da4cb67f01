"""Start events whose trigger has come: they start an instance, or wait for their other triggers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bpmn.model import EventKind
from engine.commands import Start
from engine.live import Live
from engine.session import Session
from engine.starting import needs_all, triggers_of
from engine.store.arrivals import ANY_KEY, arrive
from engine.store.subscriptions import StartWaiting


def trigger_start(
    session: Session,
    start: StartWaiting,
    payload: Mapping[str, Any],
    *,
    at: datetime,
    by: str,
    key: str | None = None,
    business_key: str | None = None,
    start_key: str | None = None,
) -> Live | None:
    """The instance that starts now; None while a parallel multiple start event waits for its other triggers.

    *key*: only what arrives under the same one belongs together. *start_key*: as in `Session.create`.
    """
    node = session.programs.get(start.definition_id, session.connection).process.node(start.element_id)

    def begin(arrived: Mapping[int, Mapping[str, Any]]) -> Live:
        command = Start(
            at=at,
            actor=by,
            variables=payload,
            start_event=start.element_id,
            arrivals=tuple(sorted(arrived.items(), key=lambda each: each[0])),
        )
        return session.create(start.definition_id, command, business_key=business_key, start_key=start_key)

    if not needs_all(node):
        return begin({start.part: payload})
    row = {
        "id": session.next_id(),
        "process_key": start.process_key,
        "element_id": start.element_id,
        "part": start.part,
        "key": key or ANY_KEY,
        "payload": dict(payload),
        "arrived_at": at,
    }
    triggers = triggers_of(node)
    is_message = triggers[start.part].kind is EventKind.MESSAGE
    with session.connection.begin_nested():  # what has arrived before stays where the process cannot start
        found = arrive(session.connection, row, parts=len(triggers), is_counted=is_message)
        return None if found is None else begin(found)
