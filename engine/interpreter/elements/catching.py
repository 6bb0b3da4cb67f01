"""Waiting for events: what one event definition waits for, and the flow nodes that do it (10.5.4, 10.5.6)."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bpmn.model import EventDefinition, EventKind, FlowNode, Timer
from engine.commands import TriggerEvent
from engine.events import SubscriptionClosed, SubscriptionOpened, TimerStarted, TimerStopped
from engine.interpreter.compiling import Compiler, Evaluate, text_of
from engine.interpreter.conditions import resolve
from engine.interpreter.correlation import Correlation
from engine.interpreter.elements.flow_node import FlowNodeSpec
from engine.interpreter.errors import ActivityFailed
from engine.interpreter.payload import received
from engine.interpreter.token import Token
from engine.timing import Schedule, TimerError, read_schedule

if TYPE_CHECKING:
    from engine.interpreter.data_flow import DataFlow
    from engine.interpreter.program import Program

SUBSCRIBED_KINDS = (EventKind.MESSAGE, EventKind.SIGNAL)
AWAITED_KINDS = (*SUBSCRIBED_KINDS, EventKind.TIMER, EventKind.CONDITIONAL)


class Catch:
    """Waits for one *event* on behalf of tokens at element *element_id*."""

    def __init__(self, compiler: Compiler, element_id: str, event: EventDefinition, line: int) -> None:
        self.event = event
        self._element_id = element_id
        self._line = line
        self._name = compiler.optional(event.name)
        self._correlation_key = compiler.optional(event.correlation_key)
        self.correlation = Correlation(compiler, event)
        self._timer_value = compiler.optional(event.timer.value) if event.timer else None
        self.condition = compiler.condition(event.condition)
        self.data: DataFlow | None = None

    def open(self, token: Token, context: Token | None = None) -> None:
        """Starts waiting; names and times are evaluated where *context* (else *token*) stands."""
        where = context or token
        if self.event.timer is not None:
            now = token.workflow.now
            with self._computing(self.event.timer):
                schedule = self._schedule(self.event.timer, where)
                first, repeats = schedule.first_due(now), schedule.repeats_from(now)
            if schedule.counts_days and repeats != 1:
                token.memory["first"] = first.isoformat()
            self._start_timer(token, first, repeats)
        elif self.event.kind is EventKind.CONDITIONAL:
            token.memory["waits"] = str(self.event.kind)
            token.workflow.conditions.watch(token)
        elif self.event.kind in SUBSCRIBED_KINDS:
            self._subscribe(token, where)

    def has_more_turns(self, fired: Token) -> bool:
        """Whether the cycle that *fired* waited for comes again."""
        if self.event.timer is None or self.event.timer.is_single:
            return False
        left = fired.memory["left"]
        return left is None or left > 1

    def reopen_timer(self, token: Token, fired: Token, context: Token) -> None:
        """The next turn of a cycle on *token*, counted from when *fired* was due."""
        assert self.event.timer is not None
        left, first = fired.memory["left"], fired.memory.get("first")
        origin = None
        if first is not None:
            token.memory["first"], origin = first, datetime.fromisoformat(first)
        with self._computing(self.event.timer):
            schedule = self._schedule(self.event.timer, context)
            due_at = schedule.next_due(datetime.fromisoformat(fired.memory["due"]), origin)
        self._start_timer(token, due_at, None if left is None else left - 1)

    def has_come(self, token: Token) -> None:
        """What *token* waited for has come; a timer is over by that, a subscription is closed."""
        if token.memory.get("waits") == "timer":
            del token.memory["waits"]
        self.close(token)

    def close(self, token: Token) -> None:
        """Stops waiting; does nothing for a token that does not wait."""
        waits = token.memory.pop("waits", None)
        resolve(token)
        if waits == "timer":
            token.workflow.emit(TimerStopped(token.id, self._element_id))
        elif waits in SUBSCRIBED_KINDS:
            token.workflow.emit(SubscriptionClosed(token.id, self._element_id))

    def receive(self, token: Token, payload: Mapping[str, Any]) -> dict[str, Any]:
        """The variables that the event's *payload* makes, which has come for *token*."""
        self.correlation.learn(token, payload)
        found = received(payload, self.event.variable)
        return {**found, **self.data.received(payload)} if self.data else found

    def renew(self, token: Token) -> None:
        """The conversation of what *token* waits for has a key now: only a message of that key will do."""
        if self._correlation_key is not None or "key" in token.memory or not (key := self.correlation.awaited(token)):
            return
        token.memory["key"] = key
        token.workflow.emit(SubscriptionClosed(token.id, self._element_id))
        name, kind = token.memory["name"], str(self.event.kind)
        token.workflow.emit(SubscriptionOpened(token.id, self._element_id, kind, name, key))

    def _schedule(self, timer: Timer, token: Token) -> Schedule:
        assert self._timer_value is not None
        return read_schedule(timer.kind, self._timer_value(token), timer.sunday)

    @contextmanager
    def _computing(self, timer: Timer) -> Generator[None]:
        """A time that cannot be computed is an incident."""
        try:
            yield
        except TimerError as problem:
            raise ActivityFailed("timer", str(problem), timer.value.line or self._line) from problem

    def _start_timer(self, token: Token, due_at: datetime, left: int | None) -> None:
        token.memory.update(waits="timer", due=due_at.isoformat(), left=left)
        token.workflow.emit(TimerStarted(token.id, self._element_id, due_at, token.spec.job_priority(token)))

    def _subscribe(self, token: Token, where: Token) -> None:
        name = self._text(self._name, where, f"The {self.event.kind} has no name")
        key = None
        if self._correlation_key is not None:
            key = self._text(self._correlation_key, where, "The correlation key is null")
        elif key := self.correlation.awaited(where):
            token.memory["key"] = key
        token.memory.update(waits=str(self.event.kind), name=name)
        token.workflow.emit(SubscriptionOpened(token.id, self._element_id, str(self.event.kind), name, key))

    def _text(self, evaluate: Evaluate | None, token: Token, problem: str) -> str:
        text = text_of(evaluate(token)) if evaluate else None
        if not text:
            raise ActivityFailed("expression", f"{problem}: '{self._element_id}' would wait for nothing.", self._line)
        return text


class CatchingSpec(FlowNodeSpec):
    """A node that catches on behalf of a host: what arms it, and what `came` does, is the subclass's.

    *catches*: one, or one for each part of a multiple event. For each of them a catcher token waits inside
    the host; errors and escalations need none, they find their catcher by looking outward.
    """

    def __init__(self, program: Program, node: FlowNode, name: str | None = None) -> None:
        super().__init__(program, node, name)
        self.event = node.event or EventDefinition(EventKind.NONE)
        self.catches = tuple(Catch(self.compiler, node.id, e, node.line) for e in self.event.parts or (self.event,))
        self.needs_all = self.event.kind is EventKind.PARALLEL_MULTIPLE
        self.codes = [(e, self.compiler.optional(e.code)) for e in self.event.parts or (self.event,)]

    def learn(self, root: Token, payload: Mapping[str, Any], part: int) -> None:
        self.catches[part].correlation.learn(root, payload)

    def arm(self, host: Token) -> None:
        """Catchers inside *host* begin to wait, in the place of those that an incident has left there."""
        self.disarm(host)
        for number, catch in enumerate(self.catches):
            if catch.event.kind in AWAITED_KINDS:
                catcher = host.workflow.catcher(self, host)
                catcher.memory["part"] = number
                catch.open(catcher, context=host)

    def disarm(self, host: Token) -> None:
        """The catchers of this node inside *host* are withdrawn."""
        for catcher in host.inner_tokens:
            if catcher.is_catcher and catcher.spec is self:
                self.stop_waiting(catcher)
                host.workflow.remove(catcher)

    def trigger(self, token: Token, command: TriggerEvent) -> None:
        """What the catcher *token* waits for has come."""
        host = token.container
        payload = self.catch_of(token).receive(token, command.variables)
        if self.needs_all:
            self.catch_of(token).has_come(token)
            token.memory["payload"] = payload
            token.workflow.touch(token)
            others = [each for each in host.inner_tokens if each.is_catcher and each.spec is self]
            if any("payload" not in each.memory for each in others):
                return
            payload = {name: value for each in others for name, value in each.memory["payload"].items()}
        self.came(host, token, payload)

    def came(self, host: Token, catcher: Token, payload: dict[str, Any]) -> None:
        """All that the host waits for here has come."""
        raise NotImplementedError

    def catch_of(self, catcher: Token) -> Catch:
        return self.catches[catcher.memory.get("part", 0)]

    def caught_definition(self, host: Token, kind: EventKind, code: str) -> tuple[EventDefinition, bool] | None:
        """The part that catches an error or escalation of *code*, and whether it names just this code."""
        catch_all = None
        for event, evaluate in self.codes:
            if event.kind is not kind:
                continue
            if evaluate is None:
                catch_all = (event, False)
            elif text_of(evaluate(host)) == code:
                return event, True
        return catch_all

    def wait_again(self, catcher: Token) -> None:
        """After a catch that interrupts nothing: a cycle's next turn has a catcher of its own (so that each
        turn is a job of its own), a subscription stays open, a condition is watched on."""
        host, workflow, catch = catcher.container, catcher.workflow, self.catch_of(catcher)
        if catch.event.kind is not EventKind.TIMER:
            return
        catch.has_come(catcher)
        if catch.has_more_turns(catcher):
            again = workflow.catcher(self, host)
            again.memory["part"] = catcher.memory["part"]
            catch.reopen_timer(again, catcher, host)
        workflow.remove(catcher)

    def write_result(self, token: Token) -> None:
        payload = token.memory.get("payload") or {}
        if self.output_mappings and self.node.outputs_isolate:
            for name, value in payload.items():
                token.workflow.set_local(token, name, value, token.id)
        else:
            token.workflow.set_variables(token, payload)

    def stop_waiting(self, token: Token) -> None:
        if token.is_catcher:
            self.catch_of(token).close(token)
