"""What somebody may do who asks from outside of the pages: a person, or a program by its token.

The rights are those of the pages (webapp.permissions); what only programs do (WORK) and what pages do not offer
(DEPLOY) is for administrators and for tokens that say so.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.model import Person, ProcessDefinition, UserTask
from engine.scopes import Scope
from engine.searching import Condition
from webapp import permissions


@dataclass(frozen=True, slots=True)
class Rights:
    """Of a person, of a token, or of a token that acts for a person and may do no more than both.

    *scopes*: of the token; None where there is none. *name*: whom the history names."""

    name: str
    person: Person | None = None
    scopes: frozenset[Scope] | None = None

    def require(self, scope: Scope) -> None:
        """Raises NotAllowed."""
        permissions.require(self._may(scope), f"{self.name} may not do this: it takes the right to '{scope}'.")

    def require_delete(self) -> None:
        """What removes history is for administrators, and for tokens of programs."""
        may = self.has(Scope.OPERATE) and (self.person is None or self.person.is_admin)
        permissions.require(may, f"{self.name} may not remove history: administrators may.")

    def require_start(self, definition: ProcessDefinition) -> None:
        is_startable = self.person is None or permissions.may_start(self.person, definition)
        permissions.require(self.has(Scope.START) and is_startable, f"{self.name} may not start {definition.key}.")

    def may_see(self, task: UserTask) -> bool:
        return self.person is None or permissions.may_see(self.person, task)

    def visible_tasks(self) -> tuple[Condition, ...]:
        """What narrows a list of tasks down to those that may be seen."""
        if self.person is None or self.person.is_admin:
            return ()
        return (Condition("visible_to", (self.person.name, self.person.groups)),)

    def require_work_on(self, task: UserTask) -> None:
        """Its assignee may, its candidates while nobody has claimed it, and administrators."""
        person = self.person
        is_theirs = person is None or person.is_admin or task.assignee == person.name
        if person is not None and task.assignee is None:
            is_theirs = is_theirs or permissions.is_candidate(person, task)
        self._require_task(is_theirs, task)

    def require_claim(self, task: UserTask, user: str) -> None:
        """For oneself, or as an administrator for anybody."""
        person = self.person
        self._require_task(person is None or person.is_admin or user == person.name, task)

    def require_assign(self, task: UserTask) -> None:
        self._require_task(self.person is None or self.person.is_admin or task.assignee == self.person.name, task)

    def _require_task(self, is_theirs: bool, task: UserTask) -> None:
        permissions.require(self.has(Scope.TASKS) and is_theirs, f"{self.name} may not do this with task {task.id}.")

    def _may(self, scope: Scope) -> bool:
        if not self.has(scope):
            return False
        if self.person is None or self.person.is_admin:
            return True
        return scope is not Scope.DEPLOY and permissions.may_operate(self.person)

    def has(self, scope: Scope) -> bool:
        return self.scopes is None or scope in self.scopes
