"""Finding records by conditions, in one committed state of the database."""

from __future__ import annotations

from typing import Any

from engine.model import ActivityRecord, Incident, JobRecord, ProcessDefinition, ProcessInstance, UserTask
from engine.searching import Condition, DeploymentRecord, Located, Search, Variable
from engine.store import searching
from engine.store.transaction import Store


class Finder:
    """Each method: the records that a search asks for. Raises InvalidInput for a field or operator there is not."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def definitions(self, search: Search) -> list[ProcessDefinition]:
        return self._find("definitions", search)

    def deployments(self, search: Search) -> list[DeploymentRecord]:
        return self._find("deployments", search)

    def instances(self, search: Search) -> list[ProcessInstance]:
        return self._find("instances", search)

    def tasks(self, search: Search) -> list[Located[UserTask]]:
        """Open and closed."""
        return self._find("tasks", search)

    def activities(self, search: Search) -> list[Located[ActivityRecord]]:
        """Of the history, without what went in and came out."""
        return self._find("activities", search)

    def variables(self, search: Search) -> list[Located[Variable]]:
        """Those of scopes that live, and of the processes that have ended."""
        return self._find("variables", search)

    def incidents(self, search: Search) -> list[Located[Incident]]:
        """Open and resolved; open ones of no instance too."""
        return self._find("incidents", search)

    def jobs(self, search: Search) -> list[Located[JobRecord]]:
        """Those to be done, timers included."""
        return self._find("jobs", search)

    def count(self, kind: str, *conditions: Condition) -> int:
        """How many records of *kind*, a method's name, fulfil all *conditions*."""
        with self._store.reading() as connection:
            return searching.count(connection, searching.kind_of(connection, kind), conditions)

    def _find(self, kind: str, search: Search) -> list[Any]:
        with self._store.reading() as connection:
            return searching.find(connection, searching.kind_of(connection, kind), search)
