"""Who may do what in the pages. The whole answer is here, and in docs/web.md.

Administrators may do everything. Everybody who is logged in may read definitions, instances and their
history. Tasks are shown to, and worked on by, their assignee and candidates; one that names nobody waits
for an administrator. Where a process names candidate starters, only those start it.
"""

from __future__ import annotations

from engine.errors import NotAllowed
from engine.model import Person, ProcessDefinition, UserTask

OPERATORS = "operators"  # the group that may retry incidents, cancel instances, start batches


def may_start(person: Person, definition: ProcessDefinition) -> bool:
    if not definition.is_startable:
        return False
    if person.is_admin or not (definition.starter_users or definition.starter_groups):
        return True
    return person.name in definition.starter_users or not set(definition.starter_groups).isdisjoint(person.groups)


def may_operate(person: Person) -> bool:
    return person.is_admin or OPERATORS in person.groups


def is_candidate(person: Person, task: UserTask) -> bool:
    return person.name in task.candidate_users or not set(task.candidate_groups).isdisjoint(person.groups)


def may_see(person: Person, task: UserTask) -> bool:
    return person.is_admin or person.name == task.assignee or is_candidate(person, task)


def may_claim(person: Person, task: UserTask) -> bool:
    return task.closed_at is None and task.assignee is None and may_see(person, task)


def may_complete(person: Person, task: UserTask) -> bool:
    return task.closed_at is None and person.name == task.assignee


def may_take_over(person: Person, task: UserTask) -> bool:
    return person.is_admin and task.closed_at is None and task.assignee not in (None, person.name)


def require(is_allowed: bool, message: str) -> None:
    """Raises NotAllowed with *message* unless *is_allowed*."""
    if not is_allowed:
        raise NotAllowed(message)
