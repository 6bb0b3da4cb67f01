"""Everything that can be looked at, as records of engine.model. Reads change nothing."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from bpmn.model import Process
from engine.clock import Clock
from engine.deployments import definition_of
from engine.errors import NotFound
from engine.forms import FormDescription
from engine.forms.finding import FormFinder
from engine.jobs.presence import ALIVE
from engine.keys import Key, text_of_key
from engine.model import (
    ActivityRecord,
    AgentStep,
    CleanupRecord,
    DataStoreChange,
    DataStoreValue,
    History,
    Incident,
    JobRecord,
    Message,
    Page,
    ProcessDefinition,
    ProcessInstance,
    Slice,
    UserTask,
    WorkerRecord,
)
from engine.programs import Programs
from engine.store import data_stores, definitions, history, history_pages, lists, messages, retention, workers
from engine.store.instances import scoped_variables
from engine.store.transaction import Store


class Reader:
    def __init__(self, store: Store, programs: Programs, forms: FormFinder, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._programs = programs
        self._forms = forms

    # definitions

    def definitions(self, latest_only: bool = True) -> list[ProcessDefinition]:
        """By name; all versions, newest first, unless *latest_only*."""
        with self._store.reading() as connection:
            return [definition_of(row) for row in definitions.all_processes(connection, latest_only)]

    def definition(self, key_or_id: str) -> ProcessDefinition:
        """A version by its id, or the newest of a key. Raises NotFound."""
        with self._store.reading() as connection:
            row = definitions.find_by_id(connection, definitions.PROCESSES, key_or_id)
            row = row or definitions.find(connection, definitions.PROCESSES, key_or_id)
        if row is None:
            raise NotFound(f"There is no process definition '{key_or_id}'.")
        return definition_of(row)

    def process(self, definition_id: str) -> Process:
        """The diagram's meaning. Raises NotFound."""
        return self._programs.get(definition_id).process

    def xml(self, definition_id: str) -> bytes:
        """The diagram, byte for byte as it was deployed. Raises NotFound."""
        definition = self.definition(definition_id)
        return self.resource(definition.deployment_id, definition.resource_name)

    def resource(self, deployment_id: str, name: str) -> bytes:
        """A deployed file. Raises NotFound."""
        with self._store.reading() as connection:
            row = definitions.find_resource(connection, deployment_id, name)
        if row is None:
            raise NotFound(f"Deployment '{deployment_id}' has no file '{name}'.")
        return row.data

    def form(self, definition_id: str, element_id: str | None = None) -> FormDescription | None:
        """The form of a user task, or of the start (None); None where there is none. Raises NotFound."""
        return self._forms.of_element(definition_id, element_id)

    def start_form(self, definition_id: str) -> FormDescription | None:
        """The form that starts an instance; None where there is none. Raises NotFound."""
        return self._forms.of_element(definition_id, None)

    def task_form(self, task_id: str) -> FormDescription | None:
        """A user task's form, filled with the variables that the task sees. Raises NotFound."""
        task = self.task(task_id)
        variables = self.visible_variables(task.instance_id, task.activity_id)
        definition_id = self.instance(task.instance_id).definition_id
        return self._forms.of_element(definition_id, task.element_id, variables, form_key=task.form_key)

    # instances

    def instances(
        self,
        key: str | None = None,
        state: str | None = None,
        business_key: str | None = None,
        text: str | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> Page[ProcessInstance]:
        """Newest first. *text*: part of the business key, the process's name or key, or the id."""
        with self._store.reading() as connection:
            return lists.instances(
                connection, key=key, state=state, business_key=business_key, text=text, limit=limit, offset=offset
            )

    def instance(self, instance_id: str) -> ProcessInstance:
        """Raises NotFound."""
        with self._store.reading() as connection:
            found = lists.instance(connection, instance_id)
        if found is None:
            raise NotFound(f"There is no process instance '{instance_id}'.")
        return found

    def revision(self, instance_id: str) -> str:
        """Another text when anything of the instance has changed since, at the cost of one small query.

        Raises NotFound.
        """
        with self._store.reading() as connection:
            found = lists.revision(connection, instance_id)
        if found is None:
            raise NotFound(f"There is no process instance '{instance_id}'.")
        return "-".join(str(part) for part in found)

    def children(self, instance_id: str) -> list[ProcessInstance]:
        """The instances that this one called, oldest first."""
        with self._store.reading() as connection:
            return lists.children(connection, instance_id)

    def active(self, instance_id: str) -> list[ActivityRecord]:
        """The activity instances that have not ended, in order of entry."""
        with self._store.reading() as connection:
            return history.activities(connection, instance_id, open_only=True)

    def variables(self, instance_id: str, scope_id: int = 0) -> dict[str, Any]:
        """The variables of one scope; the process's own by default, also after the end."""
        with self._store.reading() as connection:
            return dict(scoped_variables(connection, [(instance_id, scope_id)]).get((instance_id, scope_id), {}))

    def visible_variables(self, instance_id: str, activity_id: int) -> dict[str, Any]:
        """The variables that an activity sees: its own, and those of the scopes around it."""
        with self._store.reading() as connection:
            scopes = history.scopes_around(connection, instance_id, activity_id)
            found = scoped_variables(connection, [(instance_id, scope) for scope in scopes])
        visible: dict[str, Any] = {}
        for scope in reversed(scopes):
            visible |= found.get((instance_id, scope), {})
        return visible

    def variables_at(self, instance_id: str, activity_id: int) -> dict[str, Any]:
        """The variables that an activity could see as it was entered, from the history. Raises NotFound."""
        with self._store.reading() as connection:
            found = history.variables_at(connection, instance_id, activity_id)
        if found is None:
            raise NotFound(f"Instance '{instance_id}' has no activity {activity_id}.")
        return found

    # work

    def tasks(
        self,
        user: str | None = None,
        groups: Collection[str] = (),
        scope: str = "all",
        instance_id: str | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> Page[UserTask]:
        """Open user tasks. *scope*: mine (claimed by *user*), groups (free, for *user* or *groups*), or all."""
        if scope not in ("mine", "groups", "all"):
            raise ValueError(f"scope '{scope}': mine, groups or all.")
        with self._store.reading() as connection:
            return lists.tasks(
                connection,
                user=user,
                groups=groups,
                scope=scope,
                instance_id=instance_id,
                limit=limit,
                offset=offset,
            )

    def task(self, task_id: str) -> UserTask:
        """Open or closed. Raises NotFound."""
        with self._store.reading() as connection:
            found = lists.task(connection, task_id)
        if found is None:
            raise NotFound(f"There is no user task '{task_id}'.")
        return found

    def jobs(self, instance_id: str | None = None, state: str | None = None) -> list[JobRecord]:
        """Jobs and timers that are still to be done, by due time."""
        with self._store.reading() as connection:
            return lists.jobs(connection, instance_id=instance_id, state=state)

    def incidents(self, instance_id: str | None = None, open_only: bool = True) -> list[Incident]:
        """Oldest first."""
        with self._store.reading() as connection:
            return lists.incidents(connection, instance_id=instance_id, open_only=open_only)

    def open_incidents(self, newest_first: bool = True, limit: int = 50, offset: int = 0) -> Page[Incident]:
        """Those of all instances."""
        with self._store.reading() as connection:
            return lists.open_incidents(connection, newest_first=newest_first, limit=limit, offset=offset)

    def workers(self) -> list[WorkerRecord]:
        """Those that run jobs, on whichever machine; one that fell silent is told of for an hour."""
        with self._store.reading() as connection:
            return workers.listed(connection, self._clock.now() - ALIVE)

    def held_jobs(self, limit: int = 100) -> list[JobRecord]:
        """The jobs that workers are busy with, by worker."""
        with self._store.reading() as connection:
            return workers.held_jobs(connection, limit)

    def data_stores(self) -> list[DataStoreValue]:
        """The data stores that have a value, by key."""
        with self._store.reading() as connection:
            return data_stores.everything(connection)

    def data_store(self, key: str) -> DataStoreValue:
        """Raises NotFound where it has no value."""
        with self._store.reading() as connection:
            found = data_stores.find(connection, key)
        if found is None:
            raise NotFound(f"Data store '{key}' has no value.")
        return found

    def data_store_changes(self, key: str) -> list[DataStoreChange]:
        """Who gave a data store which value, oldest first."""
        with self._store.reading() as connection:
            return data_stores.changes(connection, key)

    # messages

    def messages(self, name: str | None = None, correlation_key: Key = None) -> list[Message]:
        """What was published with a time to live that has not passed, the oldest first: waiting or delivered."""
        key = text_of_key(correlation_key)
        with self._store.reading() as connection:
            return messages.listed(connection, name=name, correlation_key=key, now=self._clock.now())

    # history

    def history(self, instance_id: str) -> History:
        """Everything recorded of one instance, of one moment. Raises NotFound."""
        with self._store.reading() as connection:
            instance = lists.instance(connection, instance_id)
            if instance is None:
                raise NotFound(f"There is no process instance '{instance_id}'.")
            return History(
                instance=instance,
                activities=tuple(history.activities(connection, instance_id)),
                flows_taken=history.flows(connection, instance_id),
                variable_changes=tuple(history.variable_changes(connection, instance_id)),
                job_attempts=tuple(history.job_attempts(connection, instance_id)),
                log=tuple(history.log_entries(connection, instance_id)),
                incidents=tuple(lists.incidents(connection, instance_id=instance_id, open_only=False)),
                agent_steps=tuple(history.agent_steps(connection, instance_id=instance_id)),
            )

    def history_part(self, instance_id: str, part: str, after: str | None = None, limit: int = 50) -> Slice[Any]:
        """A page of one list of the history: activities (without inputs and outputs), variable_changes, job_attempts
        or log. *after*: `next` of the page before. Raises NotFound, InvalidInput."""
        with self._store.reading() as connection:
            if lists.instance(connection, instance_id) is None:
                raise NotFound(f"There is no process instance '{instance_id}'.")
            items, following = history_pages.page(connection, history_pages.PARTS[part], instance_id, after, limit)
        return Slice(tuple(items), following)

    def agent_steps(self, instance_id: str | None = None, job_id: str | None = None) -> list[AgentStep]:
        """An agent's saved steps, in order."""
        with self._store.reading() as connection:
            return history.agent_steps(connection, instance_id=instance_id, job_id=job_id)

    def cleanups(self, limit: int = 50) -> list[CleanupRecord]:
        """What was removed because it had been kept long enough, the newest first."""
        with self._store.reading() as connection:
            return retention.records(connection, limit)
