"""The live part of one process instance: its token tree, the ready queue, and what has changed.

A SpiffWorkflow workflow whose loop, completion and saving are ours: ready tokens stand in a queue instead
of being searched for in the tree, a token's state is looked at again before it runs, and what is finished
is forgotten.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from SpiffWorkflow.bpmn.util.subworkflow import BpmnBaseWorkflow
from SpiffWorkflow.util.task import TaskState

from engine.commands import Command, TriggerEvent
from engine.errors import BpmnError, Conflict
from engine.events import UNSET, ActivityEntered, Event, IncidentRaised, InstanceEnded, VariableChanged
from engine.interpreter.conditions import Conditions
from engine.interpreter.elements.throwing import throw_error
from engine.interpreter.errors import ActivityFailed
from engine.interpreter.lacking import Lacking
from engine.interpreter.stores import NoStores, StoresInUse
from engine.interpreter.token import Phase, Token
from engine.interpreter.values import same

if TYPE_CHECKING:
    from engine.interpreter.elements.flow_node import FlowNodeSpec
    from engine.interpreter.program import Program


class LiveWorkflow(BpmnBaseWorkflow):
    """*joins*: tokens that wait at a joining gateway, by (container id, gateway id), oldest first.
    *side*: bulky values kept apart from the token that owns them, each a saved part of its own.
    *members*: the ids of the tokens in each saved part."""

    tasks: dict[int, Token]

    def __init__(self, program: Program) -> None:
        super().__init__(program.spec, deserializing=True)
        self.program = program
        self.instance_id = ""
        self.business_key: str | None = None
        self.next_id = 1
        self.command: Command | None = None
        self.events: list[Event] = []
        self.joins: dict[tuple[int, str], list[Token]] = {}
        self.side: dict[int, Any] = {}
        self.members: dict[int, dict[int, None]] = {}
        self.changed_parts: set[int] = set()
        self.changed_variables: dict[tuple[int, str], Any] = {}
        self.is_ended = False
        self.going_on: Token | None = None  # a multi-instance body that throws without being interrupted by it
        self.cause = ""
        self.emptied: dict[int, None] | None = None  # scopes that were left empty, while tokens are moved by hand
        self.conditions = Conditions(self)
        self.lacking = Lacking(self)
        self.stores = StoresInUse(NoStores())
        self._ready: deque[Token] = deque()
        self._throwing: deque[Token] = deque()
        self.task_tree = Token(self, program.root, None, 0)
        self.task_tree._state = TaskState.STARTED

    @property
    def root(self) -> Token:
        return self.task_tree

    @property
    def now(self) -> datetime:
        assert self.command is not None
        return self.command.at

    # --- the queue ---

    def next_ready(self) -> Token | None:
        """The next token to run. Throwing events wait until nothing else can go on, so that whoever is
        on the way to a catching event is there before the throw."""
        if self.conditions.are_due:
            self.conditions.fire()
        if self.lacking.is_due:
            self.lacking.look_again()
        while self._ready or self._throwing:
            token = (self._ready or self._throwing).popleft()
            if token._state == TaskState.READY:
                return token
        return self._next_join()

    def make_ready(self, token: Token) -> None:
        token._set_state(TaskState.READY)
        (self._throwing if token.spec.throws and token.phase < Phase.EXECUTED else self._ready).append(token)

    def _next_join(self) -> Token | None:
        """A joining gateway that no further token can reach, now that nothing else can go on; the one that
        has waited longest."""
        if self.joins:
            waiting = [token for tokens in self.joins.values() for token in tokens]
            for token in sorted(waiting, key=lambda each: each.id):
                if token.spec.can_fire_when_quiet(token):
                    token.spec.fire_join(token)
                    return self._ready.popleft()
        self.lacking.report()
        return None

    def run(self, token: Token) -> None:
        """One step of *token*. What fails in it is an incident there and leaves the others going."""
        try:
            token.run()
        except ActivityFailed as failure:
            token._set_state(TaskState.ERROR)
            self.emit(IncidentRaised(token.id, token.spec.node.id, failure.kind, failure.message, failure.line))
        except BpmnError as error:
            throw_error(token, error.code, error.message, error.variables)

    # --- tokens ---

    def enter(self, spec: FlowNodeSpec, container: Token, flow_id: str | None = None) -> Token:
        """A new token at *spec*, inside *container*, ready to run."""
        token = self.place(spec, container)
        self.record_entry(token, flow_id)
        self.make_ready(token)
        return token

    def place(self, spec: FlowNodeSpec, container: Token) -> Token:
        """A new token that counts as being in *container* but has not been entered yet."""
        token = Token(self, spec, container, self._draw_id())
        container.open_children += 1
        self.changed_parts.add(token.part_id)
        return token

    def record_entry(self, token: Token, flow_id: str | None = None) -> None:
        token.is_entered = True
        node = token.spec.node
        self.emit(ActivityEntered(token.id, node.id, token.spec.kind, token._parent or 0, flow_id, node.name))

    def catcher(self, spec: FlowNodeSpec, host: Token) -> Token:
        """A token that waits for an event on behalf of *host*."""
        token = Token(self, spec, host, self._draw_id())
        token.is_catcher = True
        token._set_state(TaskState.WAITING)
        return token

    def _draw_id(self) -> int:
        """Part 0, which keeps the next id, is saved with whatever part the token is in."""
        drawn = self.next_id
        self.next_id += 1
        self.changed_parts.add(0)
        return drawn

    def remove(self, token: Token) -> None:
        """Takes *token*, finished, out of the tree, and its variables and catchers with it."""
        for child in token.inner_tokens:  # catchers: whatever else stood inside has gone before
            self.remove(child)
        for name in token.data:
            self.changed_variables[token.id, name] = UNSET
        self.touch(token)
        del self.tasks[token.id]
        self.conditions.forget(token)
        self.lacking.forget(token)
        self.members[token.part_id].pop(token.id)
        container = token.container
        container._children.pop(token.id, None)
        if not token.is_catcher:
            container.open_children -= 1
            if not container.open_children and container.is_open:
                self.drained(container)

    def drained(self, container: Token) -> None:
        """Nothing stands in *container* any more; while tokens are moved by hand that may be for a moment."""
        if self.emptied is None:
            container.spec.drained(container)
        else:
            self.emptied[container.id] = None

    def touch(self, token: Token) -> None:
        self.changed_parts.add(token.part_id)

    def own_part(self, token: Token) -> None:
        """From here on *token* and what it contains are saved apart from its container."""
        self.members[token.part_id].pop(token.id)
        token.part_id = token.id
        self.members[token.id] = {token.id: None}
        self.changed_parts.add(token.id)

    def discard(self, token: Token) -> None:
        """Takes a token that was never entered out of the tree."""
        token._set_state(TaskState.COMPLETED)
        self.forget_join(token)
        self.remove(token)

    def set_side(self, part_id: int, value: Any) -> None:
        self.side[part_id] = value
        self.changed_parts.add(part_id)

    def drop_side(self, part_id: int) -> None:
        if self.side.pop(part_id, None) is not None:
            self.changed_parts.add(part_id)

    def open_token(self, activity_id: int) -> Token:
        """Raises Conflict when no token of that id waits here any more."""
        token = self.tasks.get(activity_id)
        if token is None or not token.is_open or token.id == 0:
            raise Conflict(f"Activity {activity_id} has ended already; nothing is waiting there.")
        return token

    # --- variables ---

    def set_variable(self, token: Token, name: str, value: Any) -> None:
        """Sets *name* where it exists or is drawn, looking outward from *token*, else in the process scope."""
        self.set_variable_from(token, name, value, token.id)

    def set_variable_from(self, token: Token, name: str, value: Any, writer: int) -> None:
        for owner in token.scopes():
            if name in owner.data or name in owner.spec.own_names:
                break
        else:
            owner = self.root
        self.set_local(owner, name, value, writer)

    def set_variables(self, token: Token, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            self.set_variable(token, name, value)

    def set_local(self, owner: Token, name: str, value: Any, writer: int) -> None:
        before = owner.data.get(name, UNSET)
        if before is not UNSET and same(before, value):
            return
        owner.data[name] = value
        self.changed_variables[owner.id, name] = value
        self.lacking.variable_changed()
        self.conditions.variable_changed(owner.id, name, before is UNSET)
        self.emit(VariableChanged(owner.id, name, before, value, writer))

    def save_locals(self, token: Token) -> None:
        """The variables that *token* was given as they were once are saved, but are no news."""
        for name, value in token.data.items():
            self.changed_variables[token.id, name] = value

    # --- the record ---

    def emit(self, event: Event) -> None:
        self.events.append(event)

    def end(self, outcome: str, error_code: str | None = None, error_message: str = "", reason: str = "") -> None:
        """The instance is over; nothing stands in it any more."""
        self.is_ended = True
        self.completed = True
        self._ready.clear()
        self._throwing.clear()
        self.changed_parts.add(0)
        self.emit(InstanceEnded(outcome, error_code, error_message, reason))

    def shut(
        self, outcome: str, cause: str, *, error_code: str | None = None, error_message: str = "", reason: str = ""
    ) -> None:
        """Cancels all that stands in the instance and ends it."""
        self.root._set_state(TaskState.COMPLETED)
        self.clear(self.root, cause)
        self.end(outcome, error_code, error_message, reason)

    def clear(self, container: Token, cause: str, spare: Token | None = None) -> None:
        """Cancels all that stands in *container*, except *spare*; newest first."""
        for token in reversed(container.inner_tokens):
            if token is not spare and not token.is_catcher:
                self.withdraw(token, cause)

    def withdraw(self, token: Token, cause: str) -> None:
        self.cause = cause
        token.cancel()

    def forget_join(self, token: Token) -> None:
        """*token* does not wait at a joining gateway any more, if it did."""
        key = (token.container.id, token.spec.node.id)
        waiting = self.joins.get(key)
        if waiting and token in waiting:
            waiting.remove(token)
            if not waiting:
                del self.joins[key]

    def deliver_signal(self, name: str, payload: Mapping[str, Any]) -> None:
        """To every token of this instance that waits for it now."""
        waiting = [t for t in self.tasks.values() if t.memory.get("waits") == "signal" and t.memory["name"] == name]
        for token in waiting:
            if token.id in self.tasks:
                token.spec.trigger(token, TriggerEvent(at=self.now, activity_id=token.id, variables=payload))
