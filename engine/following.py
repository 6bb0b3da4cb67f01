"""What one instance's step means for others: calls and their ends, messages, signals. Same transaction."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine import events as e
from engine.arrivals import trigger_start
from engine.commands import Cancel, Command, CompleteActivity, Start, ThrowError, ThrowEscalation, TriggerEvent
from engine.deferred import hold_call
from engine.errors import Conflict, EngineError
from engine.interpreter.errors import ActivityFailed
from engine.keys import keys_of
from engine.live import Live
from engine.messages import Outgoing, deliver_or_defer, note_not_started, publish, serve_after_end, serve_opened
from engine.model import InstanceState, PublicationOutcome
from engine.session import DEPTH_LIMIT, Caller, FollowUp, Session
from engine.store import definitions
from engine.store.subscriptions import find_starts, find_waiting

FOLLOW_UP_LIMIT = 10_000
"""In one transaction; more is taken for instances that call or wake each other without an end."""

log = logging.getLogger("engine.following")


def follow(session: Session) -> None:
    """Works the agenda until it is empty. Raises Conflict when it never will be."""
    opened: list[FollowUp] = []
    for _ in range(FOLLOW_UP_LIMIT):
        if not session.agenda:
            if not opened:
                return
            serve_opened(session, opened)
            opened = []
            continue
        item = session.agenda.popleft()
        session.trace = item.live.trace
        match item.event:
            case e.SubscriptionOpened():
                opened.append(item)
            case e.ProcessCalled():
                call(session, item.live, item.event, item.command.at)
            case e.CalledProcessStopped(activity_id=activity_id):
                _stop_called(session, item, activity_id)
            case e.InstanceEnded():
                _report_to_caller(session, item, item.event)
                serve_after_end(session, item.live, item.command.at)
            case e.EscalationLeft():
                _escalate_to_caller(session, item, item.event)
            case e.MessageThrown():
                _send_message(session, item, item.event)
            case e.SignalThrown(name=name, variables=variables):
                broadcast(session, name, variables, item.command, thrower=item.live.id)
            case _:
                raise TypeError(f"Nothing follows from {type(item.event).__name__}.")
    raise Conflict(f"More than {FOLLOW_UP_LIMIT} instances would start or go on in one step: they wake each other.")


def broadcast(
    session: Session, name: str, variables: Mapping[str, Any], cause: Command, thrower: str | None = None
) -> int:
    """A signal goes to everything that waits for it, in every instance, and to start events; how many.

    Within the instance *thrower* the interpreter has delivered it already.
    """
    session.unit.flush()
    found = find_waiting(session.connection, "signal", name, any_key=True)
    waiting = [each for each in found if each.instance_id != thrower]
    session.load(each.instance_id for each in waiting)
    received = 0
    for each in waiting:
        command = TriggerEvent(
            at=cause.at,
            actor=cause.actor,
            activity_id=each.activity_id,
            variables=variables,
        )
        received += deliver_or_defer(session, each.instance_id, command)
    for start in find_starts(session.connection, "signal", name):
        try:
            trigger_start(session, start, variables, at=cause.at, by=cause.actor)
        except (EngineError, ActivityFailed) as refusal:  # no reason for the others not to hear it
            note_not_started(start, refusal)
        else:
            received += 1
    return received


def call(session: Session, live: Live, event: e.ProcessCalled, at: datetime) -> None:
    """Starts the process that an activity of *live* calls; an incident there when it cannot be started."""
    row = definitions.find(
        session.connection,
        definitions.PROCESSES,
        event.process_key,
        binding=event.version_binding,
        version=event.version,
        deployment_id=session.programs.get(live.row.definition_id, session.connection).deployment_id,
    )
    problem = None
    if row is None:
        wanted = definitions.wanted(event.version_binding, event.version)
        problem = f"There is no process '{event.process_key}'{wanted} to call. Deploy it, then retry."
    elif live.row.depth >= DEPTH_LIMIT:
        problem = f"Processes call each other more than {DEPTH_LIMIT} levels deep. Correct the diagram."
    if row is None or problem is not None:
        hold_call(session.unit, live, event, at, problem or "")
        return
    caller = Caller(live.id, event.activity_id, live.row.depth)
    start = Start(at=at, actor=f"instance:{live.id}", variables=event.variables)
    business_key = event.business_key if event.business_key is not None else live.row.business_key
    try:
        session.create(row.id, start, business_key=business_key, caller=caller)
    except (EngineError, ActivityFailed) as refusal:
        hold_call(session.unit, live, event, at, str(refusal))


def _stop_called(session: Session, item: FollowUp, activity_id: int) -> None:
    for child_id in session.children_of(item.live.id, activity_id):
        if not session.live(child_id).has_ended:
            reason = f"its caller {item.live.id} no longer waits for it"
            session.deliver(child_id, Cancel(at=item.command.at, actor=item.command.actor, reason=reason))


def _report_to_caller(session: Session, item: FollowUp, event: e.InstanceEnded) -> None:
    child = item.live
    if child.row.parent_id is None or child.row.parent_activity_id is None:
        return
    command = _answer(child, item.command, event)
    if command is not None and not session.live(child.row.parent_id).has_ended:
        deliver_or_defer(session, child.row.parent_id, command)


def _escalate_to_caller(session: Session, item: FollowUp, event: e.EscalationLeft) -> None:
    """An escalation that this instance does not catch; without a caller it changes nothing."""
    child = item.live
    if child.row.parent_id is None or child.row.parent_activity_id is None:
        return
    command = ThrowEscalation(
        at=item.command.at,
        actor=f"instance:{child.id}",
        activity_id=child.row.parent_activity_id,
        code=event.code,
        variables=event.variables,
    )
    if not session.live(child.row.parent_id).has_ended:
        deliver_or_defer(session, child.row.parent_id, command)


def _answer(child: Live, cause: Command, event: e.InstanceEnded) -> CompleteActivity | ThrowError | None:
    activity_id = child.row.parent_activity_id or 0
    actor = f"instance:{child.id}"
    match child.row.state:
        case InstanceState.COMPLETED | InstanceState.TERMINATED:
            variables = child.process_variables()
            return CompleteActivity(at=cause.at, actor=actor, activity_id=activity_id, variables=variables)
        case InstanceState.FAILED:
            code, message = event.error_code or "", event.error_message
            return ThrowError(at=cause.at, actor=actor, activity_id=activity_id, code=code, message=message)
        case _:
            return None  # cancelled: by its caller, who knows


def _send_message(session: Session, item: FollowUp, event: e.MessageThrown) -> None:
    """To the one that has waited longest, else to a start event; else it waits as long as the diagram says, or is
    lost (BPMN 2.0.2, 10.5.1)."""
    at, live = item.command.at, item.live
    message = Outgoing(
        name=event.name,
        keys=_keys(session, event, at),
        payload=event.variables,
        at=at,
        by=f"instance:{live.id}",
        correlation_key=event.correlation_key,
        expires_at=at + event.time_to_live if event.time_to_live else None,
        sender=(live.id, event.activity_id, event.element_id),
    )
    publication = publish(session, message)
    detail: dict[str, Any] = {"name": event.name, "correlation_key": event.correlation_key}
    if publication.outcome is PublicationOutcome.DROPPED:
        live.log(at, "message.lost", "system", event.activity_id, event.element_id, detail)
    elif publication.outcome is PublicationOutcome.STORED:
        detail |= {"message": publication.id, "expires_at": message.expires_at}
        live.log(at, "message.stored", "system", event.activity_id, event.element_id, detail)


def _keys(session: Session, event: e.MessageThrown, at: datetime) -> tuple[str, ...]:
    """By the sender's diagram, and by those of others that say how they read the message."""
    keys = keys_of(session.connection, event.name, None, event.variables, at)
    return tuple(dict.fromkeys((event.correlation_key, *keys))) if event.correlation_key else keys
