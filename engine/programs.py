"""Deployed processes, compiled once and shared by their instances."""

from __future__ import annotations

import importlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Any

from bpmn.answers import answers_of
from bpmn.model import JobBinding, Process
from bpmn.reader import read_bpmn
from bpmn.secrets import Uses, uses_of
from engine.errors import InvalidInput, NotFound
from engine.model import ProcessDefinition
from engine.store import definitions
from engine.store.transaction import Store
from engine.store.types import Connection, Row


@dataclass(frozen=True, slots=True)
class Loaded:
    """A process definition ready to run. *program*: the interpreter's; *file*: its resource's name.
    *secrets*: what the jobs of each element may be handed; *answers*: what is made of what comes of them."""

    id: str
    key: str
    version: int
    deployment_id: str
    file: str
    process: Process
    program: Any
    secrets: Mapping[str, Uses] = field(default_factory=dict[str, Uses])
    answers: Mapping[str, JobBinding] = field(default_factory=dict[str, JobBinding])


class Programs:
    """A bounded cache by definition id."""

    def __init__(self, store: Store, size: int = 256) -> None:
        self._store = store
        self._interpreter: Any = None
        self._decisions: Any = None
        self._size = size
        self._loaded: OrderedDict[str, Loaded] = OrderedDict()
        self._lock = Lock()

    @property
    def interpreter(self) -> Any:
        """Imported when first needed: it is the most expensive part to import."""
        if self._interpreter is None:
            self._interpreter = importlib.import_module("engine.interpreter")
        return self._interpreter

    def get(self, definition_id: str, connection: Connection | None = None) -> Loaded:
        """Raises NotFound."""
        with self._lock:
            if (known := self._loaded.get(definition_id)) is not None:
                self._loaded.move_to_end(definition_id)
                return known
        loaded = self._load(definition_id, connection)
        self._remember(loaded)
        return loaded

    def keep(self, definition: ProcessDefinition, process: Process, program: Any) -> None:
        """Takes in what `compile` made of a process that is deployed now."""
        self._remember(_loaded(definition, process, program))

    def _remember(self, loaded: Loaded) -> None:
        with self._lock:
            self._loaded[loaded.id] = loaded
            self._loaded.move_to_end(loaded.id)
            while len(self._loaded) > self._size:
                self._loaded.popitem(last=False)

    def compile(self, process: Process, deployment_id: str) -> Any:
        """The interpreter's program for *process*; raises what it raises for one that it cannot run."""
        from engine.decisions import Decisions
        from engine.evaluation import services

        if self._decisions is None:
            self._decisions = Decisions(self._store)
        decide = partial(self._decisions.decide, deployment_id=deployment_id)
        return self.interpreter.Program(process, services(decide))

    def new_instance(self, loaded: Loaded, instance_id: str) -> Any:
        return self.interpreter.Instance.new(loaded.program, instance_id)

    def load_instance(self, loaded: Loaded, instance_id: str, parts: Any, variables: Any) -> Any:
        return self.interpreter.Instance.load(loaded.program, instance_id, parts, variables)

    def migrate(self, instance: Any, target: Loaded, command: Any) -> tuple[Any, list[Any]]:
        """Raises Conflict or InvalidInput; then *instance* is as it was."""
        try:
            return self.interpreter.migrate(instance, target.program, command)
        except self.interpreter.ActivityFailed as failure:
            raise InvalidInput(f"{target.file}: {failure.message}") from failure

    def advance(self, instance: Any, command: Any, stores: Any) -> list[Any]:
        return self.interpreter.advance(instance, command, stores)

    def _load(self, definition_id: str, connection: Connection | None) -> Loaded:
        if connection is None:
            with self._store.reading() as fresh:
                return self._load(definition_id, fresh)
        row = definitions.find_by_id(connection, definitions.PROCESSES, definition_id)
        if row is None:
            raise NotFound(f"There is no process definition '{definition_id}'.")
        file = definitions.find_resource(connection, row.deployment_id, row.resource_name)
        assert file is not None
        process = read_process(file.data, row.resource_name, row.key)
        program = self.compile(process, row.deployment_id)
        return _loaded(row, process, program)


def _loaded(row: ProcessDefinition | Row[Any], process: Process, program: Any) -> Loaded:
    return Loaded(
        row.id,
        row.key,
        row.version,
        row.deployment_id,
        row.resource_name,
        process,
        program,
        uses_of(process),
        answers_of(process),
    )


def read_process(data: bytes, file: str, key: str) -> Process:
    """The process *key* of a stored file. Raises NotFound when this reader no longer finds it there."""
    found, _ = read_bpmn(data, file)
    for process in found.processes if found else ():
        if process.key == key:
            return process
    raise NotFound(f"{file} no longer reads as a diagram with the process '{key}'.")
