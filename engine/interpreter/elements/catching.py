"""What it takes to wait for an event: a timer or a subscription, opened and closed for one token (10.5.4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bpmn.model import EventDefinition, Timer
from engine.events import SubscriptionClosed, SubscriptionOpened, TimerStarted, TimerStopped
from engine.interpreter.compiling import Compiler, Evaluate, text_of
from engine.interpreter.errors import ActivityFailed
from engine.interpreter.token import Token
from engine.timing import Schedule, TimerError, read_schedule


class Catch:
    """Waits for *event* on behalf of tokens at element *element_id*."""

    def __init__(self, compiler: Compiler, element_id: str, event: EventDefinition, line: int) -> None:
        self.kind = event.kind
        self._element_id = element_id
        self._event = event
        self._line = line
        self._name = compiler.optional(event.name)
        self._correlation_key = compiler.optional(event.correlation_key)
        self._value = compiler.optional(event.timer.value) if event.timer else None

    def open(self, token: Token, context: Token | None = None) -> None:
        """Starts waiting; names and times are evaluated where *context* (else *token*) stands."""
        where = context or token
        if self._event.timer is not None:
            schedule = self.schedule(where)
            self._start_timer(token, schedule.first_due(token.workflow.now), schedule.repeats)
        else:
            self._subscribe(token, where)

    def reopen_timer(self, token: Token, fired: Token) -> bool:
        """The next turn of a cycle on *token*, counted from when *fired* was due; False after the last."""
        left = fired.memory["left"]
        if self._event.timer is None or (left is not None and left <= 1):
            return False
        schedule = self.schedule(token.container)
        due_at = schedule.next_due(datetime.fromisoformat(fired.memory["due"]))
        self._start_timer(token, due_at, None if left is None else left - 1)
        return True

    def has_come(self, token: Token) -> None:
        """What *token* waited for has come; a timer is over by that, a subscription is closed."""
        if token.memory.get("waits") == "timer":
            del token.memory["waits"]
        self.close(token)

    def close(self, token: Token) -> None:
        """Stops waiting; does nothing for a token that does not wait."""
        waits = token.memory.pop("waits", None)
        if waits == "timer":
            token.workflow.emit(TimerStopped(token.id, self._element_id))
        elif waits:
            token.workflow.emit(SubscriptionClosed(token.id, self._element_id))

    def receive(self, token: Token, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """The variables that the event's *payload* makes."""
        if self._event.variable:
            return {self._event.variable: dict(payload)}
        return payload

    def schedule(self, token: Token) -> Schedule:
        timer = self._event.timer
        assert isinstance(timer, Timer)
        assert self._value is not None
        try:
            return read_schedule(timer.kind, self._value(token))
        except TimerError as problem:
            raise ActivityFailed("timer", str(problem), timer.value.line or self._line) from problem

    def _start_timer(self, token: Token, due_at: datetime, left: int | None) -> None:
        token.memory.update(waits="timer", due=due_at.isoformat(), left=left)
        token.workflow.emit(TimerStarted(token.id, self._element_id, due_at))

    def _subscribe(self, token: Token, where: Token) -> None:
        name = self._text(self._name, where, f"The {self.kind} has no name")
        assert name is not None
        key = None
        if self._correlation_key is not None:
            key = self._text(self._correlation_key, where, "The correlation key is null")
        token.memory.update(waits=str(self.kind), name=name)
        token.workflow.emit(SubscriptionOpened(token.id, self._element_id, str(self.kind), name, key))

    def _text(self, evaluate: Evaluate | None, token: Token, problem: str) -> str:
        text = text_of(evaluate(token)) if evaluate else None
        if not text:
            raise ActivityFailed("expression", f"{problem}: '{self._element_id}' would wait for nothing.", self._line)
        return text
