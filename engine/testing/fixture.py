"""Scenarios written in Python: what the pytest fixture `scenario` gives."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from engine.application import load_application
from engine.clock import VirtualClock
from engine.model import InstanceState, ProcessInstance
from engine.testing import looking
from engine.testing.format import DEFAULT_NOW, Behaviour, ScenarioFile, Step
from engine.testing.stage import Stage
from engine.testing.verbs import perform

if TYPE_CHECKING:
    from engine.engine import Engine

_END_EVENT = "endEvent"


class Theatre:
    """Deploys and plays processes: time is virtual, jobs run at once in this thread, nothing sleeps.

    *folder*: where the paths given to `deploy` start.
    """

    def __init__(self, folder: Path, *, now: datetime = DEFAULT_NOW, save_restore: bool = True) -> None:
        self.folder = folder
        plan = ScenarioFile(folder / "scenario", (), None, None, {}, now, False, None, ())
        self._stage = Stage(plan, save_restore=save_restore)

    def __enter__(self) -> Theatre:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stage.__exit__(kind, error, trace)

    @property
    def engine(self) -> Engine:
        return self._stage.engine

    @property
    def clock(self) -> VirtualClock:
        return self._stage.clock

    @property
    def stub_calls(self) -> Mapping[str, int]:
        return self._stage.stubs.calls

    def deploy(self, *paths: str, handlers: str | None = None) -> Theatre:
        """Deploys files together, or an application's folder with its handlers. Raises DeploymentRefused."""
        files = [self.folder / path for path in paths]
        code = self.folder / handlers if handlers else None
        for application in (load_application(folder) for folder in files if folder.is_dir()):
            files = [*(file for file in files if not file.is_dir()), *application.models]
            default = application.folder / "handlers.py"
            code = code or (default if default.is_file() else None)
        self._stage.deploy(files, code)
        return self

    def stub(
        self,
        name: str,
        returns: Any = None,
        *,
        fail: str | None = None,
        error: str | None = None,
        error_variables: Mapping[str, Any] | None = None,
    ) -> Theatre:
        """From here on the jobs of type *name* return, fail with a message, or raise a BPMN error code."""
        bpmn_error = None if error is None else (error, "", error_variables or {})
        self._stage.put_stub(name, (Behaviour(returns=returns, fail=fail, error=bpmn_error),))
        return self

    def start(self, process: str, *, business_key: str | None = None, **variables: Any) -> Play:
        """Starts an instance and lets it go on until it waits."""
        instance = self.engine.start(process, variables=variables, business_key=business_key)
        self._settle()
        return Play(self._stage, instance.id)

    def advance(self, **duration: float) -> None:
        """Moves the clock by what `timedelta` takes (days=2, hours=1); what is due runs, in due order."""
        self.advance_to(self.clock.now() + timedelta(**duration))

    def advance_to(self, moment: datetime) -> None:
        """Raises ValueError for a moment that has passed."""
        self._stage.advance_to(moment)
        self._settle()

    def message(self, name: str, *, business_key: str | None = None, correlate: Any = None, **variables: Any) -> None:
        """Raises NotFound when nothing waits for it."""
        options = {"variables": variables, "business_key": business_key, "correlate": correlate}
        perform(self._stage, Step(0, 0, "message", name, options))
        self._settle()

    def signal(self, name: str, **variables: Any) -> None:
        perform(self._stage, Step(0, 0, "signal", name, {"variables": variables}))
        self._settle()

    def instances(self, process: str) -> list[Play]:
        """All instances of a process, oldest first."""
        found = [each for each in self._stage.all_instances() if each.process_key == process]
        return [Play(self._stage, each.id) for each in found]

    def _settle(self) -> None:
        self._stage.notice_new_instances()
        self._stage.settle()
        self._stage.notice_new_instances()


class Play:
    """One process instance under test."""

    def __init__(self, stage: Stage, instance_id: str) -> None:
        self.id = instance_id
        self._stage = stage
        self._name = f"instance {instance_id}"
        stage.names[self._name] = instance_id

    @property
    def record(self) -> ProcessInstance:
        return self._stage.instance(self._name)

    @property
    def state(self) -> InstanceState:
        return self.record.state

    @property
    def has_ended(self) -> bool:
        return self.record.has_ended

    @property
    def variables(self) -> Mapping[str, Any]:
        return self._stage.engine.read.variables(self.id)

    @property
    def path(self) -> list[str]:
        """The flow nodes entered, in order."""
        return looking.path(self._stage, self._name)

    @property
    def passed(self) -> list[str]:
        """The flow nodes that tokens have passed through, in order; an end event is not passed but reached."""
        visits = looking.activities(self._stage, self._name)
        return [each.element_id for each in visits if each.outcome == "completed" and each.kind != _END_EVENT]

    @property
    def ended_at(self) -> list[str]:
        """The end events reached, in order."""
        visits = looking.activities(self._stage, self._name)
        return [each.element_id for each in visits if each.outcome == "completed" and each.kind == _END_EVENT]

    @property
    def waiting_at(self) -> list[str]:
        """The elements at which its tokens wait, sorted; those of called processes included."""
        running = [each for each in self._stage.running() if each.id in self._stage.family(self._name)]
        return sorted(element for instance in running for element in looking.active_in(self._stage, instance))

    @property
    def incidents(self) -> list[str]:
        """The messages of its open incidents."""
        return [incident.message for incident in looking.open_incidents(self._stage, self._name)]

    def complete(self, task: str, **variables: Any) -> None:
        """Completes its open user task *task*. Raises NotFound, saying which are open."""
        self._do("complete", task, {"variables": variables})

    def submit_form(self, task: str, **values: str) -> None:
        """Completes a user task with what a person typed. Raises InvalidInput with what its form refuses."""
        self._do("submit_form", task, {"variables": values})

    def claim(self, task: str, user: str) -> None:
        self._do("claim", task, {"user": user})

    def message(self, name: str, **variables: Any) -> None:
        self._do("message", name, {"variables": variables})

    def cancel(self) -> None:
        self._do("cancel", None, {})

    def _do(self, verb: str, value: Any, options: Mapping[str, Any]) -> None:
        perform(self._stage, Step(0, 0, verb, value, options, self._name))
        self._stage.settle()
        self._stage.notice_new_instances()
