"""Messages, signals and conditions from outside: to whom they go, and what they start."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from engine.arrivals import trigger_start
from engine.clock import Clock
from engine.commands import Start, TriggerEvent
from engine.errors import Conflict, InvalidInput, NotFound
from engine.following import broadcast
from engine.keys import Key, keys_of, text_of_key
from engine.messages import Outgoing, has_its_message, note_received, publish
from engine.model import Correlation, Publication
from engine.road import Road
from engine.session import Session
from engine.starting import ANY_NAME, condition_holds, triggers_of
from engine.store.codec import check_key, normalise
from engine.store.subscriptions import StartWaiting, Waiting, agree, find_starts, find_waiting
from engine.store.transaction import Overtaken, Store

LONGEST_LIFE = timedelta(days=36_525)
"""Of a message that is kept: a century."""
_SOME = 100
"""How many of those that wait are looked at where one is wanted."""


class Correlator:
    def __init__(self, store: Store, road: Road, clock: Clock) -> None:
        self._store = store
        self._road = road
        self._clock = clock

    def correlate(
        self,
        message: str,
        *,
        correlation_key: Key,
        business_key: str | None,
        correlation_keys: Mapping[str, Any],
        variables: Mapping[str, Any],
        by: str,
        instance_id: str | None,
        to_all: bool,
        local_keys: Mapping[str, Any],
    ) -> Correlation:
        payload = normalise(variables)
        wanted, local = normalise(correlation_keys), normalise(local_keys)
        given = _checked(message, correlation_key, business_key)

        def work(session: Session) -> Correlation:
            waiting = find_waiting(
                session.connection,
                "message",
                message,
                keys=keys_of(session.connection, message, given, payload, self._clock.now()),
                business_key=business_key,
                instance_id=instance_id,
                variables=wanted,
                local_variables=local,
                limit=None if to_all or wanted or local else _SOME,
            )
            if local:
                session.load(each.instance_id for each in waiting)
                waiting = [each for each in waiting if _has_locally(session, each, local)]
            if not to_all and any(each.has_key for each in waiting):  # it is theirs rather than anybody's
                waiting = [each for each in waiting if each.has_key]
            starts = find_starts(session.connection, "message", message) if instance_id is None else []
            self._check(message, waiting, starts, to_all)
            session.load(each.instance_id for each in waiting)
            waiting = self._free(session, message, waiting, starts)
            for each in waiting:
                self._deliver(session, message, each, payload, by)
            matched = tuple(dict.fromkeys(each.instance_id for each in waiting))
            if waiting and not to_all:
                return Correlation(matched)
            key = given or business_key
            started = [self._start(session, message, each, payload, key, business_key, by) for each in starts]
            kept = [start.process_key for start, id in zip(starts, started, strict=True) if id is None]
            return Correlation(matched, tuple(each for each in started if each), tuple(kept))

        return self._road.travel(work)

    def publish(
        self,
        message: str,
        *,
        correlation_key: Key,
        variables: Mapping[str, Any],
        ttl: timedelta,
        message_id: str | None,
        by: str,
    ) -> Publication:
        payload = normalise(variables)
        given = _checked(message, correlation_key, message_id)
        if ttl < timedelta():
            raise InvalidInput(f"A message cannot live for {ttl}. Give it a time to live of zero or more.")
        if ttl > LONGEST_LIFE:
            raise InvalidInput(f"A message cannot live for {ttl}. Give it up to {LONGEST_LIFE.days} days.")

        def work(session: Session) -> Publication:
            at = self._clock.now()
            outgoing = Outgoing(
                name=message,
                keys=keys_of(session.connection, message, given, payload, at),
                payload=payload,
                at=at,
                by=by,
                correlation_key=given,
                expires_at=at + ttl if ttl else None,
                message_id=message_id,
            )
            return publish(session, outgoing)

        return self._road.travel(work)

    def signal(self, name: str, *, variables: Mapping[str, Any], by: str) -> int:
        payload = normalise(variables)
        check_key(name, "signal name")

        def work(session: Session) -> int:
            cause = Start(at=self._clock.now(), actor=by)
            return broadcast(session, name, payload, cause)

        return self._road.travel(work)

    def evaluate_conditions(self, *, variables: Mapping[str, Any], by: str) -> tuple[str, ...]:
        payload = normalise(variables)

        def work(session: Session) -> tuple[str, ...]:
            at = self._clock.now()
            started: list[str] = []
            for start in find_starts(session.connection, "conditional", ANY_NAME):
                node = session.programs.get(start.definition_id, session.connection).process.node(start.element_id)
                if condition_holds(triggers_of(node)[start.part], payload, at):
                    live = trigger_start(session, start, payload, at=at, by=by)
                    started += [live.id] if live else []
            return tuple(started)

        return self._road.travel(work)

    def _check(self, message: str, waiting: list[Waiting], starts: list[StartWaiting], to_all: bool) -> None:
        if not waiting and not starts:
            raise NotFound(
                f"Nobody waits for message '{message}' with these keys, and no process starts with it. "
                "Check the name, the correlation key and the business key."
            )
        for each in waiting:
            if each.is_suspended:
                raise Conflict(f"Process instance '{each.instance_id}', which waits for '{message}', is suspended.")
        several = waiting or starts
        if len(several) > 1 and not to_all:
            count = f"{_SOME} or more" if len(several) == _SOME else len(several)
            who = ", ".join(f"'{getattr(each, 'instance_id', each.process_key)}'" for each in several[:5])
            raise Conflict(
                f"{count} wait for message '{message}': {who}. Narrow it down by correlation_key, "
                "business_key or instance_id, or send it to all."
            )

    def _free(
        self, session: Session, message: str, waiting: list[Waiting], starts: list[StartWaiting]
    ) -> list[Waiting]:
        """Those that do not keep one already. Raises Conflict where that leaves nobody."""
        free = [
            each
            for each in waiting
            if not has_its_message(session, each.instance_id, each.activity_id, each.element_id)
        ]
        if waiting and not free and not starts:
            raise Conflict(
                f"Process instance '{waiting[0].instance_id}', which waits for '{message}', has got one already, which "
                "it has not taken in yet. Retry its incident if it has one, else try again in a moment."
            )
        return free

    def _deliver(self, session: Session, message: str, waiting: Waiting, payload: Mapping[str, Any], by: str) -> None:
        at = self._clock.now()
        command = TriggerEvent(at=at, actor=by, activity_id=waiting.activity_id, variables=payload)
        try:
            session.receive(waiting.instance_id, command)
        except Conflict as refusal:  # it went on between the look and the lock, or by this message's first delivery
            raise Overtaken(str(refusal)) from refusal
        note_received(session.live(waiting.instance_id), message, at, by, waiting)

    def _start(
        self,
        session: Session,
        message: str,
        start: StartWaiting,
        payload: Mapping[str, Any],
        key: str | None,
        business_key: str | None,
        by: str,
    ) -> str | None:
        """The id of the new instance; None while the start event waits for more."""
        at = self._clock.now()
        live = trigger_start(session, start, payload, at=at, by=by, key=key, business_key=business_key)
        if live is None:
            return None
        note_received(live, message, at, by, start)
        return live.id


def _has_locally(session: Session, waiting: Waiting, wanted: Mapping[str, Any]) -> bool:
    live = session.live(waiting.instance_id)
    return not live.has_ended and agree(live.instance.local(waiting.activity_id), wanted)


def _checked(message: str, correlation_key: Key, other_key: str | None) -> str | None:
    """The correlation key as one text. Raises InvalidInput."""
    check_key(message, "message name")
    given = text_of_key(correlation_key)
    for key in (given, other_key):
        if key is not None:
            check_key(key, "key of a message")
    return given
