"""What every flow node does: be entered, run, complete, leave by its outgoing flows.

Each element is a subclass in a file of its own and overrides what differs. The life of a token:

    entered -> READY -> execute() -> done at once, or STARTED until accept() brings its result
            -> write_result() -> output mappings -> choose_flows() -> successors entered -> removed

Listeners are told when it is prepared and before its outputs are mapped, or after (`elements.listeners`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from SpiffWorkflow.bpmn.specs.bpmn_task_spec import BpmnTaskSpec
from SpiffWorkflow.util.task import TaskState

from bpmn.model import FlowNode
from engine.commands import CompleteActivity, TriggerEvent
from engine.errors import Conflict
from engine.events import ActivityCancelled, ActivityCompleted, ContinuationCreated, FlowTaken
from engine.interpreter.compiling import Compiler, assign_local, assign_outward, priority_of
from engine.interpreter.errors import ActivityFailed
from engine.interpreter.payload import received
from engine.interpreter.token import Phase, Token

if TYPE_CHECKING:
    from engine.interpreter.data_flow import DataFlow
    from engine.interpreter.elements.catching import Catch
    from engine.interpreter.elements.event_subprocess import EventSubprocessStartSpec
    from engine.interpreter.elements.listeners import ListenersSpec
    from engine.interpreter.program import Program
    from engine.scripting import TaskView


END_AFTER_OUTPUTS = "end after outputs"


@dataclass(frozen=True, slots=True)
class Flow:
    id: str
    target: FlowNodeSpec
    condition: Callable[[Token], bool] | None
    listeners: ListenersSpec | None = None

    def take(self, container: Token, brings: dict[str, Any] | None = None) -> None:
        """A token goes along here to the target. *brings*: what an event that has come already has brought."""
        container.workflow.emit(FlowTaken(self.id))
        if self.listeners:
            self.listeners.tell_of_take(container, brings)
        else:
            self.deliver(container, brings)

    def deliver(self, container: Token, brings: dict[str, Any] | None) -> None:
        if brings is None:
            self.target.arrive(container, self)
        else:
            container.workflow.enter(self.target, container, self.id).memory.update(brings)


class FlowNodeSpec(BpmnTaskSpec):
    """*flows*: outgoing, in document order. *event_starts*: the start events of the event
    subprocesses inside. *throws*: runs only when nothing else can. *starts_through*: the instantiating gateway
    right before it.
    *built_in_names*: variables that the element itself provides to what it contains. *ending*: the events
    that listeners are told as it completes. *holds_instances*: what it contains are instances of one activity.
    *own_names*: variables of this scope and no outer one, whether they have a value or not. *data*: what it reads and
    writes by data associations; of a looped activity, its body."""

    throws = False
    holds_instances = False
    ending: tuple[str, ...] = ("end",)
    built_in_names: frozenset[str] = frozenset()
    own_names: frozenset[str] = frozenset()
    data: DataFlow | None = None

    def __init__(self, program: Program, node: FlowNode, name: str | None = None) -> None:
        super().__init__(program.spec, name or node.id, lane=node.lane, documentation=node.documentation)
        self.bpmn_id = node.id
        self.bpmn_name = node.name
        self.program = program
        self.node = node
        self.compiler = Compiler(program.services, node.line)
        self.input_mappings = self.compiler.assignments(node.inputs)
        self.output_mappings = self.compiler.assignments(node.outputs)
        self.saves_before, self.saves_after = node.save_point_before, node.save_point_after
        self._job_priority = self.compiler.optional(node.job_priority)
        self.kind = str(node.kind)
        self.flows: tuple[Flow, ...] = ()
        self.default_flow: Flow | None = None
        self.has_conditions = False
        self.event_starts: tuple[EventSubprocessStartSpec, ...] = ()
        self.starts_through: FlowNodeSpec | None = None
        self.listeners: ListenersSpec | None = None

    def link(self, flows: tuple[Flow, ...]) -> None:
        """Connects the outgoing flows once every node has its spec."""
        self.flows = flows
        self.default_flow = next((flow for flow in flows if flow.id == self.node.default_flow), None)
        self.has_conditions = self.default_flow is not None or any(flow.condition for flow in flows)
        for flow in flows:
            self.connect(flow.target)

    # --- what elements override ---

    def received(self, payload: Mapping[str, Any], part: int = 0) -> dict[str, Any]:
        """The variables that the *payload* of the event makes which starts an instance here; *part*: of a multiple
        event, the number of its trigger."""
        event = self.node.event
        if event is not None and event.parts:
            event = event.parts[part]
        found = received(payload, event.variable if event else None)
        return {**found, **self.data.received(payload)} if self.data else found

    def learn(self, root: Token, payload: Mapping[str, Any], part: int) -> None:
        """A message that starts the instance here says which conversation it is in."""

    def begin(self, root: Token, has_come: bool) -> None:
        """Starts the instance here. *has_come*: by the event that this node waits for."""
        if has_come and self.starts_through:
            self.starts_through.begin_with(root, self)
        else:
            root.workflow.enter(self, root)

    def begin_with(self, root: Token, event: FlowNodeSpec) -> None:
        """Of an instantiating gateway: *event* behind it has come."""
        raise Conflict(f"Element '{self.node.id}' does not wait for an event.")

    def prepare(self, token: Token) -> None:
        """Before the work: input mappings make local variables."""
        assign_local(token, self.input_mappings)

    def execute(self, token: Token) -> bool:
        """Does the work; True when it is done, False to wait for a command."""
        return True

    def accept(self, token: Token, command: CompleteActivity) -> None:
        """The work behind a waiting token is done."""
        raise Conflict(f"Element '{self.node.id}' does not wait for a result.")

    def trigger(self, token: Token, command: TriggerEvent) -> None:
        """The event that this token waits for has come."""
        raise Conflict(f"Element '{self.node.id}' does not wait for an event.")

    def write_result(self, token: Token) -> None:
        """Puts the result of the work into variables."""

    def go_on(self, token: Token) -> None:
        """The listeners that *token* waited for are done."""
        token.workflow.make_ready(token)

    def choose_flows(self, token: Token) -> tuple[Flow, ...]:
        """Which outgoing flows to take (13.2.1): all without a condition, all whose condition holds, and
        when none does the default."""
        if not self.has_conditions:
            return self.flows
        holding = [flow for flow in self.flows if flow.condition is not None and flow.condition(token)]
        default = None if holding else self.default_flow
        taken = tuple(
            flow
            for flow in self.flows
            if flow is default or flow in holding or (flow.condition is None and flow is not self.default_flow)
        )
        if not taken:
            raise self.no_flow()
        return taken

    def arrive(self, container: Token, flow: Flow | None) -> None:
        """A token comes in by *flow*."""
        workflow = container.workflow
        if self.node.start_quantity == 1:
            workflow.enter(self, container, flow.id if flow else None)
            return
        waiting = workflow.joins.get((container.id, self.node.id))
        token = waiting[0] if waiting else self.wait_for_more(container)
        token.memory["arrived"].append(flow.id if flow else None)
        workflow.touch(token)
        if len(token.memory["arrived"]) == self.node.start_quantity:
            self.fire_join(token)

    def wait_for_more(self, container: Token) -> Token:
        """A token that is entered when enough others have come."""
        token = container.workflow.place(self, container)
        token.memory["arrived"] = []
        token.wait()
        container.workflow.joins.setdefault((container.id, self.node.id), []).append(token)
        return token

    def fire_join(self, token: Token) -> None:
        """All have come that *token* waited for."""
        workflow = token.workflow
        workflow.forget_join(token)
        workflow.record_entry(token, token.memory["arrived"][-1])
        workflow.make_ready(token)

    def jumps_to(self) -> tuple[FlowNodeSpec, ...]:
        """Where a token goes from here other than by a sequence flow."""
        return ()

    def chosen(self, token: Token, event: FlowNodeSpec, payload: dict[str, Any]) -> None:
        """What *event* waited for on behalf of *token* has come."""
        raise Conflict(f"Element '{self.node.id}' does not wait for an event.")

    def catch_of(self, catcher: Token) -> Catch:
        """What *catcher* waits for."""
        raise NotImplementedError

    def can_fire_when_quiet(self, token: Token) -> bool:
        """Of a joining gateway: whether no further token can come, now that nothing else can go on."""
        return False

    def drained(self, token: Token) -> None:
        """The last token inside *token* has gone."""

    def collect(self, token: Token, inner: Token) -> None:
        """*inner* is about to leave *token*: takes over what it brings."""

    def child_left(self, token: Token, inner: Token) -> None:
        """*inner* has completed and is the last thing before it goes."""

    def stop_waiting(self, token: Token) -> None:
        """Withdraws what the token waited for: its job, user task, timer or subscription."""

    def built_in(self, token: Token, name: str) -> Any:
        raise KeyError(name)

    # --- what scripts are told ---

    @property
    def has_attached_events(self) -> bool:
        return False

    def heard(self, token: Token) -> str:
        """Of a listener: the event that *token* is told."""
        return ""

    def task_view(self, token: Token, event: str) -> TaskView | None:
        """Of a user task: what its listener to *event* may know of it."""
        return None

    # --- the seams of SpiffWorkflow that carry it ---

    def _run_hook(self, my_task: Token) -> bool | None:  # type: ignore[override]  # None: SpiffWorkflow's "started"
        """None leaves the token STARTED, True completes it."""
        if my_task.phase < Phase.EXECUTED:
            if self.saves_before and self._pauses(my_task, "before"):
                return None
            if my_task.phase < Phase.PREPARED:
                if self.data and not self._takes_data(my_task, self.data):
                    return None
                self.prepare(my_task)
                my_task.phase = Phase.PREPARED
            if self.listeners and not self.listeners.tell(my_task, "start"):
                return None
            if not self.execute(my_task):
                return None
            my_task.phase = Phase.EXECUTED
        return True

    def _on_complete(self, my_task: Token) -> None:
        token, workflow = my_task, my_task.workflow
        if token.phase < Phase.RESULT_WRITTEN:
            self.write_result(token)
            token.phase = Phase.RESULT_WRITTEN
        if not self._has_ended(token) or (self.saves_after and self._pauses(token, "after")):
            token._set_state(TaskState.STARTED)
            return
        flows = self.choose_flows(token)
        container = token.container
        container.spec.collect(container, token)
        workflow.touch(container)
        self.record_completion(token)
        for flow in flows:
            for _ in range(self.node.completion_quantity):
                flow.take(container)
        container.spec.child_left(container, token)
        if token.id in workflow.tasks:
            workflow.remove(token)

    def _has_ended(self, token: Token) -> bool:
        """Output mappings carry results outward, and the listeners are told; False while they are at it."""
        listeners = self.listeners
        if token.phase < Phase.OUTPUTS_MAPPED:
            if listeners:
                self._stop_catching(token, listeners)
                if not listeners.tell(token, *self.ending):
                    return False
            if self.data:
                self.data.deliver(token)
            assign_outward(token, self.output_mappings)
            token.phase = Phase.OUTPUTS_MAPPED
        return listeners is None or listeners.tell(token, END_AFTER_OUTPUTS)

    def _stop_catching(self, token: Token, listeners: ListenersSpec) -> None:
        """What has done its work is not interrupted any more."""
        for catcher in token.inner_tokens:
            if catcher.is_catcher and catcher.spec is not listeners:
                catcher.spec.stop_waiting(catcher)
                token.workflow.remove(catcher)

    def record_completion(self, token: Token) -> None:
        for catcher in token.inner_tokens:
            catcher.spec.stop_waiting(catcher)
        taken, given = (self.data.taken(token), self.data.given(token)) if self.data else ({}, {})
        token.workflow.emit(ActivityCompleted(token.id, self.node.id, taken or None, given or None))

    def _takes_data(self, token: Token, data: DataFlow) -> bool:
        """The data inputs become variables of the activity; False while they are missing."""
        if missing := data.missing(token):
            token.workflow.lacking.wait(token, missing)
            return False
        token.workflow.lacking.go_on(token)
        data.fill(token)
        return True

    def _pauses(self, token: Token, where: str) -> bool:
        """Whether the token stops at a save point here; it does so once, until `Continue` comes."""
        if token.memory.get("continued") == where:
            return False
        token.memory["paused"] = where
        token.workflow.emit(ContinuationCreated(token.id, self.node.id, self.job_priority(token)))
        return True

    def _on_cancel(self, my_task: Token) -> None:
        if self.listeners and my_task.is_entered and not my_task.is_catcher:
            self.listeners.tell_of_cancel(my_task)
        self.stop_waiting(my_task)
        if not my_task.is_catcher:
            if my_task.is_entered and not my_task.is_recorded:
                my_task.workflow.emit(ActivityCancelled(my_task.id, self.node.id, my_task.workflow.cause))
            my_task.workflow.forget_join(my_task)

    def _on_error(self, my_task: Token) -> None:
        """An incident; `LiveWorkflow.run` records it."""

    # --- helpers for elements ---

    def resume(self, token: Token) -> None:
        """The work is done: the token leaves when its turn comes."""
        token.phase = Phase.EXECUTED
        token.workflow.make_ready(token)

    def job_priority(self, token: Token) -> int:
        """Of the jobs that are the engine's own at *token*."""
        return priority_of(self._job_priority, token, self.node.line)

    def no_flow(self) -> ActivityFailed:
        return ActivityFailed(
            "flow",
            f"No outgoing flow of '{self.node.id}' can be taken: no condition holds and there is no default flow. "
            "Correct the variables or deploy a diagram with a default flow, then retry.",
            self.node.line,
        )
