"""Where one scenario plays: a fresh store, a virtual clock, stubs, and names for the instances."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from bpmn.model import FlowElements, JobBinding
from engine.application import Application, HandlerDeclaration, load_application
from engine.clock import VirtualClock
from engine.errors import Conflict, NotFound
from engine.model import JobState, ProcessDefinition, ProcessInstance
from engine.testing.format import ScenarioFile, Stub
from engine.testing.fresh import fresh_database, open_engine
from engine.testing.source import ScenarioFileError
from engine.testing.stubs import Stubs

if TYPE_CHECKING:
    from engine.engine import Engine

MAIN = "main"
EVERYTHING = 1_000_000
_MOST_MOMENTS = 20_000  # at which something is due within one advance
_MOST_JOBS = 20_000  # that run without the clock moving


class Stage:
    """Use as a context manager; `deploy` first.

    *save_restore*: every job has a transaction of its own, which loads its instance from the store and
    saves it there; else jobs that are due together may share one.
    """

    def __init__(self, plan: ScenarioFile, *, save_restore: bool = False) -> None:
        self.plan = plan
        self.save_restore = save_restore
        self.clock = VirtualClock(plan.now)
        self.stubs = Stubs(plan.stubs)
        self.names: dict[str, str] = {}
        self.definitions: tuple[ProcessDefinition, ...] = ()
        self._application: Application | None = None
        self._handlers: tuple[HandlerDeclaration, ...] = ()
        self._topics: set[str] = set()
        self._rank: dict[str, int] = {}  # ids of instances in the order in which they appeared
        self._noticed: set[str] = set()
        self._database = fresh_database()
        self.engine: Engine = open_engine(self._database, self.clock)

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.engine.close()
        shutil.rmtree(self._database.parent, ignore_errors=True)

    # deploying

    def deploy(self, models: Sequence[Path] | None = None, handlers: Path | None = None) -> None:
        """Deploys *models* (default: the file's) with the functions in *handlers* (default: the file's).

        Raises DeploymentRefused, and ApplicationError for handlers that cannot be imported.
        """
        code = handlers or self.plan.handlers
        if code is not None:
            self._application = load_application(code.parent).with_handlers(code.name)
            self._handlers = self._application.handlers()
        self._register()
        self.definitions += self.engine.deploy(*(models or self.plan.models), by="scenario").definitions
        self._leave_topics_to_workers()

    def put_stub(self, name: str, stub: Stub) -> None:
        self.stubs.put(name, stub)
        if self._topics & self.stubs.names:  # it was left to workers elsewhere so far
            self._topics -= self.stubs.names
            self._reopen()
        self.stubs.register(self.engine)

    def _reopen(self) -> None:
        self.all_instances()  # ranks them now: a new engine's ids need not sort after the old one's
        self.engine.close()
        self.engine = open_engine(self._database, self.clock)
        self._register()

    def _register(self) -> None:
        """The real handlers and the agents of the folder, but for what is stubbed; the stubs.

        Agents answer from their scripts: a scenario is repeatable and costs nothing."""
        if self._application is not None:
            left_out = self.stubs.names
            self._application.register(self.engine, except_names=left_out, handlers=self._handlers, is_offline=True)
        self.stubs.register(self.engine)
        for topic in self._topics:
            self.engine.register_external(topic)

    def _leave_topics_to_workers(self) -> None:
        """An external task's topic that nobody here handles waits for an `external` step."""
        agents = self._application.settings.agents.keys() if self._application else ()
        handled = self.stubs.names | {handler.name for handler in self._handlers} | set(agents)
        for definition in self.definitions:
            for binding in _job_bindings(self.engine.read.process(definition.id).elements):
                if binding.written_as == "topic" and not handled & set(binding.names):
                    self._topics.add(binding.type)
        for topic in self._topics:
            self.engine.register_external(topic)

    @property
    def process_key(self) -> str:
        """The process to start: the one named, or the only one. Raises ScenarioFileError."""
        if self.plan.process is not None:
            return self.plan.process
        keys = [each.key for each in self.definitions if not self.engine.read.process(each.id).is_global_task]
        if len(keys) != 1:
            message = (
                f"the models hold {len(keys)} executable processes. Add 'process:' with one of: {', '.join(keys)}."
            )
            raise ScenarioFileError(str(self.plan.path), 1, message)
        return keys[0]

    # time and jobs

    def settle(self) -> None:
        """Runs what is due until all is quiet, unless jobs are held."""
        if not self.plan.hold_jobs:
            self.run_jobs()

    def run_jobs(self) -> None:
        """Raises Conflict when it never comes to rest."""
        at_once = 1 if self.save_restore else _MOST_JOBS
        ran = 0
        while count := self.engine.work(until_idle=True, limit=at_once):
            ran += count
            if ran >= _MOST_JOBS:
                raise Conflict(f"{ran:,} jobs have run and more are due: the process does not come to rest.")

    def advance_to(self, moment: datetime) -> None:
        """Moves the clock from one due time to the next, so that what follows from one counts from it.

        Raises ValueError for a moment that has passed, Conflict when too much is due.
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
        else:
            raise Conflict(f"More than {_MOST_MOMENTS:,} timers are due one after another. Advance by less.")
        self.clock.move_to(moment)

    def _next_due(self, until: datetime) -> datetime | None:
        now = self.clock.now()
        due = [job.due_at for job in self.engine.read.jobs(state=JobState.AVAILABLE)]
        earliest = self.engine.next_due()  # knows of timer start events, too
        if earliest is not None:
            due.append(earliest)
        return min((moment for moment in due if now < moment <= until), default=None)

    # instances

    def all_instances(self) -> list[ProcessInstance]:
        """Every instance there ever was, in the order in which they appeared."""
        instances = self.engine.read.instances(limit=EVERYTHING).items
        for new in sorted((each for each in instances if each.id not in self._rank), key=_by_start):
            self._rank[new.id] = len(self._rank)
        return sorted(instances, key=lambda instance: self._rank[instance.id])

    def rank(self, instance_id: str) -> int:
        """Its place in that order."""
        return self._rank.get(instance_id, len(self._rank))

    def running(self) -> list[ProcessInstance]:
        return [instance for instance in self.all_instances() if not instance.has_ended]

    def notice_new_instances(self, name: str | None = None, first: str | None = None) -> None:
        """Names the root instances that have appeared: the very first is main, *name* goes to *first* or the first."""
        roots = [each.id for each in self.all_instances() if each.id not in self._noticed and each.parent_id is None]
        self._noticed.update(roots)
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
        """Where to look for an element: the named instance and its children; unnamed: main's first, then all."""
        if name is not None:
            return self.family(name)
        ids = self.family() if MAIN in self.names else []
        return [*ids, *(instance.id for instance in self.running() if instance.id not in ids)]


def _by_start(instance: ProcessInstance) -> tuple[datetime, str]:
    return instance.started_at, instance.id


def _job_bindings(elements: FlowElements) -> Iterator[JobBinding]:
    for node in elements.walk():
        if isinstance(node.binding, JobBinding):
            yield node.binding
