"""User task: waits for a person (10.3.3.3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bpmn.model import FlowNode, UserTaskBinding
from engine.commands import CompleteActivity
from engine.errors import Conflict
from engine.events import UserTaskClosed, UserTaskCreated
from engine.interpreter.compiling import check_priority, text_of
from engine.interpreter.elements.activity import ActivitySpec
from engine.interpreter.errors import ActivityFailed
from engine.interpreter.token import Token
from engine.scripting import TaskView
from engine.timing import TimerError, read_date, read_duration

if TYPE_CHECKING:
    from engine.interpreter.program import Program

DEFAULT_PRIORITY = 50
_TASK_EVENTS = frozenset({"create", "assignment", "update", "complete", "delete"})


class UserTaskSpec(ActivitySpec):
    ending = ("complete", "end")

    def __init__(self, program: Program, node: FlowNode, name: str | None = None) -> None:
        super().__init__(program, node, name)
        task = node.binding if isinstance(node.binding, UserTaskBinding) else UserTaskBinding()
        self.title = self.compiler.optional(task.title)
        self.assignee = self.compiler.optional(task.assignee)
        self.candidate_users = self.compiler.optional(task.candidate_users)
        self.candidate_groups = self.compiler.optional(task.candidate_groups)
        self.due_date = self.compiler.optional(task.due_date)
        self.follow_up_date = self.compiler.optional(task.follow_up_date)
        self.priority = self.compiler.optional(task.priority)
        self.form_key = (task.form.form_id or task.form.key) if task.form else None
        self.has_lane_for_group = not (task.assignee or task.candidate_users or task.candidate_groups)

    def execute(self, token: Token) -> bool:
        """Listeners to its creation are done before anybody sees the task."""
        if self.listeners and not self.listeners.tell(token, "create"):
            return False
        created = self._task(token)
        if self.listeners and created.assignee and not self.listeners.tell(token, "assignment"):
            return False
        if self.listeners:
            self.listeners.await_timeouts(token)
        token.memory["task"] = True
        token.workflow.emit(created)
        return False

    def accept(self, token: Token, command: CompleteActivity) -> None:
        """The task is closed by whoever completed it; listeners to that and what follows may take longer."""
        super().accept(token, command)
        del token.memory["task"]
        token.workflow.emit(UserTaskClosed(token.id, "completed"))

    def reassigned(self, token: Token, assignee: str | None) -> None:
        """Somebody has been given the task, or it has been taken away."""
        if not self.waits_for_result(token):
            raise Conflict(f"The task '{self.node.id}' is not open.")
        token.memory["assignee"] = assignee
        token.workflow.touch(token)
        if self.listeners:
            self.listeners.tell_again(token, "update")
            self.listeners.tell_again(token, "assignment")

    def task_view(self, token: Token, event: str) -> TaskView | None:
        if event not in _TASK_EVENTS:
            return None
        task = self._task(token)
        return TaskView(
            assignee=token.memory.get("assignee", task.assignee),
            priority=task.priority,
            due_at=task.due_at,
            follow_up_at=task.follow_up_at,
            can_change=event == "create" and not self.waits_for_result(token),
        )

    def _task(self, token: Token) -> UserTaskCreated:
        """As drawn, and as listeners to its creation have changed it."""
        drawn, changed = self._drawn_task(token), token.memory.get("set")
        if not changed:
            return drawn
        return replace(
            drawn,
            assignee=(text_of(changed["assignee"]) or None) if "assignee" in changed else drawn.assignee,
            priority=self._priority(changed["priority"]) if "priority" in changed else drawn.priority,
            due_at=self._moment(token, changed["dueDate"]) if "dueDate" in changed else drawn.due_at,
            follow_up_at=self._moment(token, changed["followUpDate"])
            if "followUpDate" in changed
            else drawn.follow_up_at,
            candidate_users=(*drawn.candidate_users, *_names(changed.get("candidateUsers"))),
            candidate_groups=(*drawn.candidate_groups, *_names(changed.get("candidateGroups"))),
        )

    def _drawn_task(self, token: Token) -> UserTaskCreated:
        groups = _names(self.candidate_groups(token)) if self.candidate_groups else ()
        if self.has_lane_for_group and self.node.lane:
            groups = (self.node.lane,)
        return UserTaskCreated(
            token.id,
            self.node.id,
            (text_of(self.title(token)) if self.title else self.node.name) or self.node.id,
            assignee=(text_of(self.assignee(token)) or None) if self.assignee else None,
            candidate_users=_names(self.candidate_users(token)) if self.candidate_users else (),
            candidate_groups=groups,
            due_at=self._moment(token, self.due_date(token)) if self.due_date else None,
            follow_up_at=self._moment(token, self.follow_up_date(token)) if self.follow_up_date else None,
            priority=self._priority(self.priority(token)) if self.priority else DEFAULT_PRIORITY,
            form_key=self.form_key,
            scopes=token.scope_ids(),
        )

    def waits_for_result(self, token: Token) -> bool:
        return "task" in token.memory

    def stop_waiting(self, token: Token) -> None:
        if "task" in token.memory:
            token.workflow.emit(UserTaskClosed(token.id, "cancelled"))

    def _priority(self, value: Any) -> int:
        text = text_of(value)
        try:
            priority = int(text) if text else DEFAULT_PRIORITY
        except ValueError:
            raise ActivityFailed(
                "expression", f"'{text}' is no whole number for the priority.", self.node.line
            ) from None
        check_priority(priority, self.node.line)
        return priority

    def _moment(self, token: Token, value: Any) -> datetime | None:
        """A date, or a duration from now on."""
        if value is None or value == "":
            return None
        try:
            if isinstance(value, str) and value.strip().startswith("P"):
                return read_duration(value).after(token.workflow.now)
            return read_date(value)
        except TimerError as problem:
            raise ActivityFailed("expression", str(problem), self.node.line) from problem


def _names(value: Any) -> tuple[str, ...]:
    """From a list, or from text with commas between the names."""
    if value is None:
        return ()
    parts: Iterable[Any] = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else [value]
    return tuple(name for part in parts if (name := (text_of(part) or "").strip()))
