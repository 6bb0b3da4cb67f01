"""One live activity instance, or a catcher that waits on its behalf: a SpiffWorkflow task.

The task tree is the containment tree: a token's parent is the subprocess, multi-instance body or (the
root) process instance that it stands in, not the flow node it came from. Finished tokens leave the tree,
so an instance that has done 10,000 steps is as large as one that has done ten.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

if TYPE_CHECKING:
    from engine.interpreter.elements.flow_node import FlowNodeSpec
    from engine.interpreter.workflow import LiveWorkflow

OPEN = TaskState.READY | TaskState.STARTED | TaskState.WAITING | TaskState.ERROR


class Phase:
    """How far a token has come; a retry takes up where it failed."""

    ENTERED, PREPARED, EXECUTED, RESULT_WRITTEN, OUTPUTS_MAPPED = range(5)


class Token(Task):
    """*id*: the activity id. *data*: its local variables, if it is a variable scope. *phase*: see `Phase`.

    *memory* is what its element keeps between two commands (plain values, saved with the token).
    *host_id*: of a catcher, the token on whose behalf it waits. *open_children*: how many tokens (catchers
    not counted) stand inside. *part_id*: the saved part of the instance that this token belongs to.
    """

    # The stock constructor draws a random id and reads the clock; `advance` must do neither.
    def __init__(self, workflow: LiveWorkflow, spec: FlowNodeSpec, parent: Token | None, token_id: int) -> None:
        self.id = token_id
        self.workflow = workflow
        self.spec = self.task_spec = spec
        self.data = {}
        self.memory: dict[str, Any] = {}
        self.triggered = False
        self.thread_id = 0
        self.last_state_change = 0.0
        self.phase = Phase.ENTERED
        self.is_catcher = False
        self.is_entered = False
        self.is_recorded = False
        self.open_children = 0
        self.part_id = 0
        self._state = TaskState.READY
        self._children: dict[int, None] = {}
        workflow.tasks[token_id] = self
        if parent is None:
            self._parent = None
        else:
            self._parent = parent.id
            self.part_id = parent.part_id
            parent._children[token_id] = None
            workflow.members.setdefault(self.part_id, {})[token_id] = None

    @property
    def container(self) -> Token:
        """The token this one stands in. The root has none (KeyError)."""
        return self.workflow.tasks[self._parent]  # type: ignore[index]

    @property
    def internal_data(self) -> dict[str, Any]:  # type: ignore[override]  # SpiffWorkflow's name for it
        return self.memory

    @property
    def is_open(self) -> bool:
        return bool(self._state & OPEN)

    @property
    def inner_tokens(self) -> list[Token]:
        """The tokens inside, catchers included, in order of entry."""
        if not self._children:
            return []
        tasks = self.workflow.tasks
        return [tasks[child] for child in self._children]

    @property
    def variables(self) -> VisibleVariables:
        return VisibleVariables(self)

    def scopes(self) -> list[Token]:
        """This token and those it stands in, innermost first."""
        found: list[Token] = []
        token: Token | None = self
        tasks = self.workflow.tasks
        while token is not None:
            found.append(token)
            token = tasks.get(token._parent) if token._parent is not None else None
        return found

    def seen(self) -> dict[str, Any]:
        """All variables that it sees, by value at this moment."""
        found: dict[str, Any] = {}
        for scope in reversed(self.scopes()):
            if scope.spec.built_in_names:  # which may hide a variable further out
                return dict(self.variables)
            found |= scope.data
        return found

    def scope_ids(self) -> tuple[int, ...]:
        """The ids of those scopes that hold variables, innermost first; the process scope (0) always."""
        return tuple([scope.id for scope in self.scopes() if scope.data or scope.id == 0])

    def run(self) -> None:  # type: ignore[override]
        """One step. As SpiffWorkflow's, whose specs could assign something after theirs."""
        try:
            is_done = self.spec._run_hook(self)
        except Exception:
            self.error()
            raise
        if is_done:
            self.complete()
        else:
            self._set_state(TaskState.STARTED)

    def _set_state(self, value: int) -> None:
        self._state = value
        self.workflow.changed_parts.add(self.part_id)

    def wait(self) -> None:
        self._set_state(TaskState.WAITING)

    def cancel(self) -> None:
        """Ends this token and all inside it; the record names the innermost first."""
        subtree = self._subtree()
        cancelled = [token for token in subtree if token.is_open]
        for token in cancelled:
            token._set_state(TaskState.CANCELLED)
        for token in reversed(cancelled):
            token.spec._on_cancel(token)
        for token in reversed(subtree):
            self.workflow.remove(token)

    def _subtree(self) -> list[Token]:
        """This token and all below it, outer before inner (no recursion: nesting may be deep)."""
        found: list[Token] = [self]
        for token in found:
            found.extend(token.inner_tokens)
        return found


class VisibleVariables(Mapping[str, Any]):
    """What an expression at *token* sees: its own variables, then those of each scope around it."""

    __slots__ = ("_token",)

    def __init__(self, token: Token) -> None:
        self._token = token

    def __getitem__(self, name: str) -> Any:
        token = self._token
        tasks = token.workflow.tasks
        while True:
            if name in token.data:
                return token.data[name]
            if name in token.spec.built_in_names:
                return token.spec.built_in(token, name)
            if token._parent is None:
                raise KeyError(name)
            token = tasks[token._parent]

    @property
    def facts(self) -> Mapping[str, Any]:
        """What an expression may ask besides variables: of the instance, and of where its token stands."""
        token, workflow = self._token, self._token.workflow
        return {
            "id": workflow.instance_id,
            "processInstanceId": workflow.instance_id,
            "processBusinessKey": workflow.business_key,
            "businessKey": workflow.business_key,
            "processDefinitionKey": workflow.program.process.key,
            "currentActivityId": token.spec.node.id,
            "currentActivityName": token.spec.node.name,
        }

    def __iter__(self) -> Iterator[str]:
        seen: set[str] = set()
        for scope in self._token.scopes():
            for name in scope.data:
                if name not in seen:
                    seen.add(name)
                    yield name

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        try:
            self[cast("str", name)]
        except KeyError:
            return False
        return True
