"""Where one scenario plays: a fresh store, a virtual clock, stubs, and names for the instances."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from bpmn.model import FlowElements, JobBinding
from engine.application import load_application
from engine.clock import VirtualClock
from engine.errors import NotFound
from engine.model import JobState, ProcessDefinition, ProcessInstance
from engine.testing.format import ScenarioFile
from engine.testing.fresh import fresh_engine
from engine.testing.source import ScenarioFileError
from engine.testing.stubs import Stubs

if TYPE_CHECKING:
    from engine.engine import Engine

MAIN = "main"
EVERYTHING = 1_000_000
_MOST_MOMENTS = 100_000  # moments at which something is due within one advance


class Stage:
    """Use as a context manager; `deploy` first."""

    def __init__(self, plan: ScenarioFile, *, save_restore: bool = False) -> None:
        self.plan = plan
        self.clock = VirtualClock(plan.now)
        self.engine: Engine = fresh_engine(self.clock, save_restore=save_restore)
        self.stubs = Stubs(self.engine, plan.stubs)
        self.names: dict[str, str] = {}
        self.definitions: tuple[ProcessDefinition, ...] = ()
        self._seen: set[str] = set()

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.engine.close()

    # deploying

    def deploy(self) -> None:
        """Raises DeploymentRefused, and ApplicationError for handlers that cannot be imported."""
        if self.plan.handlers is not None:
            self._register_handlers(self.plan.handlers)
        self.definitions = self.engine.deploy(*self.plan.models, by="scenario").definitions
        self._leave_topics_to_workers()

    def _register_handlers(self, file: Path) -> None:
        """The real handlers and the agents of the folder, but for what is stubbed."""
        application = load_application(file.parent).with_handlers(file.name)
        application.register(self.engine, except_names=self.stubs.names)

    def _leave_topics_to_workers(self) -> None:
        """An external task's topic that nobody here handles waits for an `external` step."""
        for definition in self.definitions:
            for binding in _job_bindings(self.engine.read.process(definition.id).elements):
                if binding.written_as == "topic" and not self._has_handler(binding):
                    self.engine.register_external(binding.type)

    def _has_handler(self, binding: JobBinding) -> bool:
        return any(name in self.engine.registry for name in binding.names)

    @property
    def process_key(self) -> str:
        """The process to start: the one named, or the only one. Raises ScenarioFileError."""
        if self.plan.process is not None:
            return self.plan.process
        keys = [definition.key for definition in self.definitions]
        if len(keys) != 1:
            raise ScenarioFileError(
                str(self.plan.path),
                1,
                f"the models hold {len(keys)} executable processes. Add 'process:' with one of: {', '.join(keys)}.",
            )
        return keys[0]

    # time and jobs

    def settle(self) -> None:
        """Runs what is due until all is quiet, unless jobs are held."""
        if not self.plan.hold_jobs:
            self.run_jobs()

    def run_jobs(self) -> None:
        self.engine.work(until_idle=True)

    def advance_to(self, moment: datetime) -> None:
        """Moves the clock from one due time to the next, so that what follows from one counts from it.

        Raises ValueError for a moment that has passed.
        """
        if moment < self.clock.now() or self.plan.hold_jobs:
            self.clock.move_to(moment)
            return
        self.run_jobs()
        for _ in range(_MOST_MOMENTS):
            due = self._next_due(moment)
            if due is None:
                break
            self.clock.move_to(due)
            self.run_jobs()
        self.clock.move_to(moment)
        self.run_jobs()

    def _next_due(self, until: datetime) -> datetime | None:
        now = self.clock.now()
        due = [job.due_at for job in self.engine.read.jobs(state=JobState.AVAILABLE)]
        earliest = self.engine.next_due()  # knows of timer start events, too
        if earliest is not None:
            due.append(earliest)
        return min((moment for moment in due if now < moment <= until), default=None)

    # instances

    def all_instances(self) -> list[ProcessInstance]:
        """Every instance there ever was, oldest first."""
        instances = self.engine.read.instances(limit=EVERYTHING).items
        return sorted(instances, key=lambda instance: (instance.started_at, instance.id))

    def running(self) -> list[ProcessInstance]:
        return [instance for instance in self.all_instances() if not instance.has_ended]

    def notice_new_instances(self, name: str | None = None, first: str | None = None) -> None:
        """Names the root instances that have appeared: the very first is main, *name* goes to *first* or the first."""
        new = [instance.id for instance in self.all_instances() if instance.id not in self._seen]
        roots = [instance.id for instance in self.all_instances() if instance.id in new and instance.parent_id is None]
        self._seen.update(new)
        if first is not None and first in roots:
            roots = [first, *(root for root in roots if root != first)]
        if roots:
            self.names.setdefault(MAIN, roots[0])
            if name is not None:
                self.names[name] = roots[0]

    def instance_id(self, name: str | None = None) -> str:
        """Raises NotFound for a name that no start has given."""
        wanted = name or MAIN
        if wanted not in self.names:
            known = ", ".join(self.names) or "none has been started"
            raise NotFound(f"There is no instance '{wanted}'. Known: {known}.")
        return self.names[wanted]

    def instance(self, name: str | None = None) -> ProcessInstance:
        return self.engine.read.instance(self.instance_id(name))

    def family(self, name: str | None = None) -> list[str]:
        """The named instance and those it called, at any depth."""
        ids = [self.instance_id(name)]
        for parent in ids:
            ids.extend(child.id for child in self.engine.read.children(parent))
        return ids

    def places(self, name: str | None) -> list[str]:
        """Where to look for an element: in the named instance and its children; unnamed: in main's first, then all."""
        if name is not None:
            return self.family(name)
        ids = self.family() if MAIN in self.names else []
        return [*ids, *(instance.id for instance in self.running() if instance.id not in ids)]


def _job_bindings(elements: FlowElements) -> Iterator[JobBinding]:
    for node in elements.walk():
        if isinstance(node.binding, JobBinding):
            yield node.binding
