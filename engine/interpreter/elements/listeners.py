"""Listeners: scripts and handlers that are told what happens at a flow node, a flow or the process.

They are told one after the other, and what they listen to goes on when the last is done. Each is a token of
its own inside the activity that it listens to, so that its job has an id of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bpmn.model import FlowNode, Listener, NodeKind, SequenceFlow
from engine.commands import CompleteActivity
from engine.errors import Conflict
from engine.events import JobStopped
from engine.interpreter.elements.flow_node import END_AFTER_OUTPUTS, FlowNodeSpec
from engine.interpreter.elements.job_offer import JobOffer
from engine.interpreter.elements.timeout import TimeoutSpec
from engine.interpreter.token import Phase, Token

if TYPE_CHECKING:
    from engine.interpreter.program import Program

TAKE = "take"
_DELETED, _CANCELLED = "deleted", "cancelled"  # what is told of an activity that is interrupted


class ListenersSpec(FlowNodeSpec):
    """All listeners of one *node*, by event. *flows*: of a sequence flow's listeners, the flow itself."""

    def __init__(self, program: Program, node: FlowNode, listeners: tuple[Listener, ...]) -> None:
        told = FlowNode(id=node.id, kind=node.kind, name=node.name, line=node.line)
        super().__init__(program, told, name=f"{node.id} (listeners)")
        self.by_event: dict[str, list[_Told]] = {}
        self.timeouts: list[TimeoutSpec] = []
        for listener in listeners:
            event = END_AFTER_OUTPUTS if listener.after_outputs else listener.event
            if listener.timer:
                event = f"{listener.event} {len(self.timeouts) + 1}"
                self.timeouts.append(TimeoutSpec(program, node, listener, event))
            self.by_event.setdefault(event, []).append(_Told(self, listener))
        ends = [each for each in self.by_event.get("end", ()) if each.listener.on_cancel]
        self.by_event[_CANCELLED] = ends
        self.by_event[_DELETED] = [*self.by_event.get("delete", ()), *ends]

    def tell(self, host: Token, *events: str) -> bool:
        """Tells *events*, in order and each once, of *host*; False while listeners are at it, and when they are
        done `go_on` is called of its spec."""
        told = host.memory.setdefault("told", [])
        for event in events:
            if event in self.by_event and event not in told:
                told.append(event)
                self.tell_again(host, event)
            if self._is_busy(host):
                host.memory["blocked"] = True
                host.workflow.touch(host)
                return False
        return True

    def tell_again(self, host: Token, event: str) -> None:
        """Tells of what may happen to *host* several times; *host* does not wait for it."""
        if self._is_busy(host):
            host.memory.setdefault("to_tell", []).append(event)
            host.workflow.touch(host)
        elif self.by_event.get(event):
            self._next(host.workflow.catcher(self, host), event, 0)

    def await_timeouts(self, host: Token) -> None:
        """From now on, what listens to the time that *host* is open."""
        for timeout in self.timeouts:
            timeout.arm(host)

    def tell_of_take(self, container: Token, brings: dict[str, Any] | None) -> None:
        """A token is on the flow, in *container*; it arrives when the listeners have been told."""
        self._next(container.workflow.place(self, container), TAKE, 0, brings)

    def tell_of_cancel(self, host: Token) -> None:
        """*host* is interrupted, with no time to wait: its listeners are told in the scope that outlives it. Where
        the whole instance ends there is none, and nobody is told."""
        event = _DELETED if "task" in host.memory else _CANCELLED
        survivor = next((scope for scope in host.scopes() if scope is not host and scope.is_open), None)
        has_ended = "end" in host.memory.get("told", ())
        if survivor is not None and self.by_event[event] and host.phase >= Phase.PREPARED and not has_ended:
            self._next(host.workflow.place(self, survivor), event, 0)

    def accept(self, token: Token, command: CompleteActivity) -> None:
        if token.memory.pop("job", None) is None:
            raise Conflict(f"No listener of '{self.node.id}' waits for a result now.")
        self._told(token).write(token, dict(command.variables))
        self.resume(token)

    def stop_waiting(self, token: Token) -> None:
        token.workflow.emit(JobStopped(token.id))

    def heard(self, token: Token) -> str:
        return self._told(token).listener.event

    def _run_hook(self, my_task: Token) -> bool | None:  # type: ignore[override]  # None: SpiffWorkflow's "started"
        told = self._told(my_task)
        if told.script:
            told.script(my_task)
        elif told.offer and my_task.phase < Phase.EXECUTED:
            my_task.workflow.emit(told.offer(my_task))
            my_task.memory["job"] = True
            return None
        return True

    def _on_complete(self, my_task: Token) -> None:
        """The next listener has its turn, or else what listened to goes on."""
        workflow, where, is_inside = my_task.workflow, my_task.container, my_task.is_catcher
        event, number = my_task.memory["event"], my_task.memory["number"] + 1
        is_last = number == len(self.by_event[event])
        if not is_last:
            brings = my_task.memory.get("brings")
            later = workflow.catcher(self, where) if is_inside else workflow.place(self, where)
            self._next(later, event, number, brings)
        elif event == TAKE:
            self.flows[0].deliver(where, my_task.memory.get("brings"))
        workflow.remove(my_task)
        if is_last and is_inside:
            self._go_on(where)

    def _go_on(self, host: Token) -> None:
        while later := host.memory.get("to_tell"):
            self.tell_again(host, later.pop(0))
            if self._is_busy(host):
                return
        if host.memory.pop("blocked", False):
            host.spec.go_on(host)

    def _next(self, token: Token, event: str, number: int, brings: dict[str, Any] | None = None) -> None:
        token.memory.update(event=event, number=number)
        if brings is not None:
            token.memory["brings"] = brings
        token.workflow.make_ready(token)

    def _told(self, token: Token) -> _Told:
        return self.by_event[token.memory["event"]][token.memory["number"]]

    def _is_busy(self, host: Token) -> bool:
        return any(each.spec is self and each.is_catcher for each in host.inner_tokens)


class _Told:
    """One listener: a script, or a job that is offered to a handler."""

    def __init__(self, spec: FlowNodeSpec, listener: Listener) -> None:
        self.listener = listener
        self.script = spec.compiler.script(listener.script) if listener.script else None
        self.offer = JobOffer(spec.compiler, spec.node, listener.job) if listener.job else None

    def write(self, token: Token, variables: dict[str, object]) -> None:
        """What the handler has returned; into the activity itself where that is how the diagram means it."""
        for name, value in variables.items():
            if self.listener.is_local:
                token.workflow.set_local(token.container, name, value, token.id)
            else:
                token.workflow.set_variable(token, name, value)


def listeners_of_flow(program: Program, flow: SequenceFlow) -> ListenersSpec | None:
    if not flow.listeners:
        return None
    return ListenersSpec(program, FlowNode(id=flow.id, kind=NodeKind.TASK, line=flow.line), flow.listeners)
