"""The pytest plugin: collects *.scenario.yaml, and offers the fixture `scenario`.

Imports the engine only where a scenario is run: the plugin is loaded into every pytest run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from engine.testing.fixture import Theatre
    from engine.testing.runner import Task

_SUFFIX = ".scenario.yaml"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("fermata").addoption(
        "--no-save-restore",
        action="store_true",
        default=False,
        help="keep process instances in memory between the transitions of a scenario",
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.name.endswith(_SUFFIX):
        return ScenarioModule.from_parent(parent, path=file_path)
    return None


class ScenarioModule(pytest.File):
    def collect(self) -> Iterable[pytest.Item]:
        from engine.testing.reader import read_scenario_file
        from engine.testing.runner import tasks_of
        from engine.testing.source import ScenarioFileError

        try:
            plan = read_scenario_file(self.path)
        except ScenarioFileError as problem:
            raise self.CollectError(str(problem)) from problem
        for task in tasks_of(plan, save_restore=not self.config.getoption("--no-save-restore")):
            yield ScenarioItem.from_parent(self, name=task.name, task=task)


class ScenarioFailure(Exception):
    """A scenario that did not pass."""


class ScenarioItem(pytest.Item):
    def __init__(self, *, task: Task, **rest: Any) -> None:
        super().__init__(**rest)
        self.task = task

    def runtest(self) -> None:
        from engine.testing.runner import Outcome, run_task

        result = run_task(self.task)
        if result.outcome is not Outcome.PASSED:
            raise ScenarioFailure("\n".join([f"at {result.step}", result.message, *result.where()]))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, ScenarioFailure):
            return f"{self.path}:{self.task.line}: {self.name}\n{excinfo.value}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.task.line - 1, self.name


@pytest.fixture
def scenario(request: pytest.FixtureRequest) -> Iterator[Theatre]:
    """Deploys and plays processes with a virtual clock on a store of its own; paths are beside the test file."""
    from engine.testing.fixture import Theatre

    save_restore = not request.config.getoption("--no-save-restore")
    with Theatre(request.path.parent, save_restore=save_restore) as theatre:
        yield theatre
