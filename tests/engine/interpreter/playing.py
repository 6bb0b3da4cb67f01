"""One run of the interpreter, played by actions and told as the oracle tells its own."""

from __future__ import annotations

from collections import Counter
from copy import copy, deepcopy
from typing import Any

from oracle import Action
from story import Story

from bpmn.model import Process
from engine import commands, events
from engine.interpreter import Program, Services


class Run:
    """The interpreter's run, told as the oracle's is. The log is checked as it grows."""

    def __init__(self, process: Process, services: Services, *, saves: bool) -> None:
        self.process = process
        self.story = Story(Program(process, services), saves=saves, n=0, seen=0)

    def copy(self) -> Run:
        """Another run that goes on from here."""
        other = copy(self)
        other.story = copy(self.story)
        other.story.log = list(self.story.log)
        other.story.parts = deepcopy(self.story.parts)
        other.story.stored = dict(self.story.stored)
        return other

    @property
    def actions(self) -> list[Action]:
        """What can be done now to what waits."""
        tasks = {("complete", each.element_id) for each in self._open_tasks()}
        return sorted({*tasks, *(("trigger", each.element_id) for each in self._open_catchers())})

    def do(self, action: Action, **variables: Any) -> None:
        match action:
            case ("complete", element):
                self._do(commands.CompleteActivity, self._open_task(element), variables=variables)
            case ("error", element, code):
                self._do(commands.ThrowError, self._open_task(element), code=code)
            case ("retry", element):
                stopped = [each.activity_id for each in self.story.incidents if each.element_id == element]
                self._do(commands.RetryActivity, min(stopped))
            case (_, element):
                self._do(commands.TriggerEvent, self._open_catcher(element))

    def _do(self, command: type[commands.Command], activity_id: int, **data: Any) -> None:
        happened = self.story.do(command, activity_id=activity_id, **data)
        kinds = [type(event) for event in happened]
        assert events.InstanceEnded not in kinds[:-1], "nothing happens after the end"

    def _open_task(self, element: str) -> int:
        return min(each.activity_id for each in self._open_tasks() if each.element_id == element)

    def _open_tasks(self) -> list[events.UserTaskCreated]:
        closed = {each.activity_id for each in self.story.of(events.UserTaskClosed)}
        stopped = {each.activity_id for each in self.story.incidents}
        return [e for e in self.story.of(events.UserTaskCreated) if e.activity_id not in closed | stopped]

    def _open_catcher(self, element: str) -> int:
        return min(each.activity_id for each in self._open_catchers() if each.element_id == element)

    def _open_catchers(self) -> list[Any]:
        closed = {each.activity_id for each in self.story.of(events.SubscriptionClosed)}
        opened = [each for each in self.story.of(events.SubscriptionOpened) if each.activity_id not in closed]
        return [*opened, *self.story.timers()]

    @property
    def waiting_at(self) -> Counter[str]:
        return Counter(self.story.waiting_at)

    @property
    def incidents(self) -> Counter[str]:
        stopped = {
            each.activity_id: each.element_id for each in self.story.incidents if self._is_open(each.activity_id)
        }
        return Counter(stopped.values())

    @property
    def at_joins(self) -> Counter[tuple[str, str]]:
        return Counter((record[1], flow) for record in self.saved_tokens for flow in record[-1].get("arrived", ()))

    @property
    def saved_tokens(self) -> list[list[Any]]:
        return [record for part in self.story.parts.values() for record in part.get("t", ())]

    def _is_open(self, activity_id: int) -> bool:
        ended = (*self.story.of(events.ActivityCompleted), *self.story.of(events.ActivityCancelled))
        return activity_id not in {each.activity_id for each in ended}
