"""Throwing events (10.5.5, 10.5.3): what one event definition throws, and the flow nodes that do it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from bpmn.model import EventDefinition, EventKind, FlowNode
from engine.events import MessageThrown, SignalThrown
from engine.interpreter.compiling import Compiler, text_of
from engine.interpreter.correlation import Correlation
from engine.interpreter.elements.flow_node import FlowNodeSpec
from engine.interpreter.elements.throwing import throw_error, throw_escalation
from engine.interpreter.errors import ActivityFailed
from engine.interpreter.payload import Payload
from engine.interpreter.token import Token
from engine.timing import TimerError, read_duration

if TYPE_CHECKING:
    from engine.interpreter.data_flow import DataFlow
    from engine.interpreter.program import Program

WAITS_FOR_OTHERS = (
    *(EventKind.MESSAGE, EventKind.SIGNAL, EventKind.ESCALATION, EventKind.ERROR, EventKind.TERMINATE),
    *(EventKind.MULTIPLE, EventKind.COMPENSATION, EventKind.CANCEL),
)


ENDS_SCOPES = (EventKind.SIGNAL, EventKind.ESCALATION, EventKind.ERROR, EventKind.TERMINATE)


TIME_TO_LIVE = ("messageTtl", "inbound.messageTtl")
"""The properties of an element that say how long its messages wait for a receiver."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Throw:
    """Throws one *event* from element *element_id*."""

    def __init__(
        self,
        compiler: Compiler,
        element_id: str,
        event: EventDefinition,
        line: int,
        time_to_live: timedelta | None = None,
    ) -> None:
        self.event = event
        self._element_id = element_id
        self._line = line
        self._time_to_live = time_to_live
        self._name = compiler.optional(event.name)
        self._code = compiler.optional(event.code)
        self._message = compiler.optional(event.message)
        self._correlation_key = compiler.optional(event.correlation_key)
        self._correlation = Correlation(compiler, event)
        self._payload = Payload(compiler, event.payload)

    def __call__(self, token: Token) -> None:
        """May end the scope that *token* stands in, and *token* with it."""
        self.prepare(token)()

    def prepare(self, token: Token) -> Callable[[], None]:
        """Evaluates all that can fail; what comes back throws."""
        workflow, payload = token.workflow, self._variables(token)
        match self.event.kind:
            case EventKind.MESSAGE:
                given = text_of(self._correlation_key(token)) if self._correlation_key else None
                key = given or self._correlation.sent(token, payload)
                name = self._text(token)
                message = MessageThrown(token.id, self._element_id, name, key, payload, self._time_to_live)
                return partial(workflow.emit, message)
            case EventKind.SIGNAL:
                return partial(self._broadcast, token, self._text(token), payload)
            case EventKind.ESCALATION:
                return partial(throw_escalation, token, self._code_of(token), payload)
            case EventKind.ERROR:
                message = text_of(self._message(token)) if self._message else None
                return partial(throw_error, token, self._code_of(token), message or "", payload)
            case EventKind.TERMINATE:
                return partial(_terminate, token)
            case _:
                return lambda: None

    def _broadcast(self, token: Token, name: str, payload: dict[str, Any]) -> None:
        """To all that wait in this instance; the engine tells the others."""
        token.workflow.emit(SignalThrown(token.id, self._element_id, name, payload))
        token.workflow.deliver_signal(name, payload)

    def _variables(self, token: Token) -> dict[str, Any]:
        if self.event.sends_all_variables:
            return dict(token.variables)
        if not self.event.payload and (data := _data_of(token)):
            return data.payload(token)
        return self._payload(token)

    def _text(self, token: Token) -> str:
        name = text_of(self._name(token)) if self._name else None
        if not name:
            raise ActivityFailed(
                "expression", f"The {self.event.kind} that '{self._element_id}' throws has no name.", self._line
            )
        return name

    def _code_of(self, token: Token) -> str:
        return (text_of(self._code(token)) if self._code else None) or ""


class ThrowEventSpec(FlowNodeSpec):
    """Intermediate throw event, end event, or send task that sends a message."""

    def __init__(self, program: Program, node: FlowNode, name: str | None = None) -> None:
        super().__init__(program, node, name)
        self.event = node.event or EventDefinition(EventKind.NONE)
        self.throws = self.event.kind in WAITS_FOR_OTHERS
        self.ends_scopes = any(e.kind in ENDS_SCOPES for e in self.event.parts or (self.event,))
        lives = _time_to_live(node)
        parts = self.event.parts or (self.event,)
        self.parts = tuple(Throw(self.compiler, node.id, each, node.line, lives) for each in parts)

    def execute(self, token: Token) -> bool:
        """False when what was thrown has ended the scope that the token stands in."""
        throws = [part.prepare(token) for part in self.parts]
        if self.ends_scopes:
            self.record_completion(token)
        for throw in throws:
            throw()
            if token.id not in token.workflow.tasks:
                return False
        return True

    def record_completion(self, token: Token) -> None:
        """Once: an event that may end its own scope is recorded before it throws."""
        if not token.is_recorded:
            super().record_completion(token)
            token.is_recorded = True


def _data_of(token: Token) -> DataFlow | None:
    """The data associations of a throwing event or task, also where it is looped."""
    if not token.spec.throws:
        return None
    return token.spec.data or (token.container.spec.data if token.container.spec.holds_instances else None)


def _time_to_live(node: FlowNode) -> timedelta | None:
    """How long what *node* sends waits for a receiver, where nobody takes it at once."""
    text = next((node.properties[name] for name in TIME_TO_LIVE if node.properties.get(name)), None)
    if text is None:
        return None
    try:
        return read_duration(text).after(_EPOCH) - _EPOCH
    except TimerError as problem:
        raise ActivityFailed("timer", f"The time to live of '{node.id}': {problem}", node.line) from problem


def _terminate(token: Token) -> None:
    """Ends all else in this scope (13.5.6); in the process scope, the instance."""
    container = token.container
    container.memory["terminated"] = True
    for start in container.spec.event_starts:
        start.disarm(container)
    token.workflow.clear(container, cause=token.spec.node.id, spare=token)
