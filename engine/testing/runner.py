"""Runs scenarios, one after another or in parallel, and says what became of each."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from enum import StrEnum
from multiprocessing import get_context
from pathlib import Path

from bpmn.expressions import ExpressionError
from bpmn.rules import supported
from engine.errors import DeploymentRefused, EngineError
from engine.testing import looking
from engine.testing.expectations import mismatches
from engine.testing.format import Expectation, Scenario, ScenarioFile, Step
from engine.testing.reader import read_scenario_file
from engine.testing.source import ScenarioFileError
from engine.testing.stage import MAIN, Stage
from engine.testing.verbs import begin, perform


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"  # it could not be run to its end: a wrong file, something not supported, a defect


@dataclass(frozen=True, slots=True)
class Taken:
    """What a scenario touched of one process of one model file: for the coverage."""

    elements: frozenset[str]
    flows: frozenset[str]


@dataclass(frozen=True, slots=True)
class Result:
    """*step*: where it ended, None when it passed; *incidents*: open in the end. *is_wrong_file*: the file, not
    the process, is at fault. *taken*: by (model file, process key)."""

    file: str
    name: str
    line: int
    outcome: Outcome
    step: str | None = None
    message: str = ""
    path: tuple[str, ...] = ()
    incidents: tuple[str, ...] = ()
    is_wrong_file: bool = False
    taken: Mapping[tuple[str, str], Taken] = field(default_factory=dict[tuple[str, str], Taken])

    def where(self) -> list[str]:
        """What helps to see why it did not pass: the path taken so far, and what is stuck."""
        stuck = [f"open incident at {incident}" for incident in self.incidents]
        return [f"path so far: {' > '.join(self.path) or 'nothing was entered'}", *stuck]

    def as_json(self) -> dict[str, str | None]:
        return {
            "file": self.file,
            "name": self.name,
            "outcome": str(self.outcome),
            "step": self.step,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class Task:
    """One scenario to run; *index* None stands for the file's `deploy_error`."""

    file: Path
    name: str
    line: int
    index: int | None
    save_restore: bool = False


def plan_runs(
    files: Iterable[Path], *, save_restore: bool, is_chosen: Callable[[str], bool]
) -> tuple[list[Task], list[Result]]:
    """What is to be run, and an error for every file that is wrong."""
    tasks: list[Task] = []
    wrong: list[Result] = []
    for file in files:
        try:
            plan = read_scenario_file(file)
        except ScenarioFileError as problem:
            wrong.append(_wrong_file(file, problem))
            continue
        tasks += [task for task in tasks_of(plan, save_restore=save_restore) if is_chosen(f"{file.name}::{task.name}")]
    return tasks, wrong


def tasks_of(plan: ScenarioFile, *, save_restore: bool) -> list[Task]:
    of_file = [Task(plan.path, plan.path.name, 1, None, save_restore)] if plan.deploy_error is not None else []
    scenarios = enumerate(plan.scenarios)
    return of_file + [Task(plan.path, each.name, each.line, index, save_restore) for index, each in scenarios]


def run_all(tasks: Sequence[Task], *, workers: int = 1, stop_at_first: bool = False) -> Iterator[Result]:
    """The results as they come; with *workers* above 1 in processes of their own."""
    runs = map(run_task, tasks) if workers <= 1 else _in_parallel(tasks, workers)
    for result in runs:
        yield result
        if stop_at_first and result.outcome is not Outcome.PASSED:
            return


def _in_parallel(tasks: Sequence[Task], workers: int) -> Iterator[Result]:
    number = min(workers, len(tasks) or 1)
    with ProcessPoolExecutor(number, mp_context=get_context("spawn"), initializer=_without_log) as pool:
        running = {pool.submit(run_task, task): task for task in tasks}
        try:
            for future in as_completed(running):
                yield _result_of(future, running[future])
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _without_log() -> None:
    """A failing job is often what a scenario is about: the result tells, not the log."""
    logging.getLogger("engine").addHandler(logging.NullHandler())
    logging.getLogger("engine").propagate = False


def _result_of(future: Future[Result], task: Task) -> Result:
    try:
        return future.result()
    except BrokenExecutor:
        message = "the process that ran it, or another one beside it, has died. Run it without -n to see more."
        return Result(str(task.file), task.name, task.line, Outcome.ERROR, None, message)


def run_task(task: Task) -> Result:
    """Never raises: whatever goes wrong is the result."""
    try:
        plan = read_scenario_file(task.file)
        if task.index is None:
            return _run_deploy_error(plan, task)
        return run_scenario(plan, plan.scenarios[task.index], save_restore=task.save_restore)
    except ScenarioFileError as problem:
        return _wrong_file(task.file, problem, task.name)


def _wrong_file(file: Path, problem: ScenarioFileError, name: str | None = None) -> Result:
    return Result(str(file), name or file.name, problem.line, Outcome.ERROR, None, str(problem), is_wrong_file=True)


def _run_deploy_error(plan: ScenarioFile, task: Task) -> Result:
    pattern = plan.deploy_error or ""
    message = f"expected a refusal that matches '{pattern}', but deploying succeeded"
    with Stage(plan) as stage:
        try:
            stage.deploy()
        except DeploymentRefused as refusal:
            if re.search(pattern, str(refusal)):
                return Result(str(plan.path), task.name, task.line, Outcome.PASSED)
            message = f"expected a refusal that matches '{pattern}', actual:\n{refusal}"
    return Result(str(plan.path), task.name, task.line, Outcome.FAILED, "deploy", message)


def run_scenario(plan: ScenarioFile, scenario: Scenario, *, save_restore: bool = False) -> Result:
    """Raises ScenarioFileError only; everything else is in the result."""
    with Stage(plan, save_restore=save_restore) as stage:
        return _Run(stage, scenario).result()


class _Failed(Exception):
    """The process is not as expected."""


class _Run:
    def __init__(self, stage: Stage, scenario: Scenario) -> None:
        self.stage = stage
        self.scenario = scenario
        self.at = "deploy"

    def result(self) -> Result:
        try:
            self._play()
        except DeploymentRefused as refusal:
            is_lacking = any(finding.rule == supported.RULE for finding in refusal.findings)
            return self._ended(Outcome.ERROR if is_lacking else Outcome.FAILED, str(refusal))
        except (_Failed, EngineError, ExpressionError) as problem:
            return self._ended(Outcome.FAILED, str(problem))
        except ScenarioFileError:
            raise
        except Exception as problem:  # a defect of the engine or a handler file: the other scenarios still run
            detail = "".join(traceback.format_exception(problem)[-4:])
            return self._ended(Outcome.ERROR, f"{type(problem).__name__}: {problem}\n{detail}")
        return self._ended(Outcome.PASSED, "")

    def _play(self) -> None:
        self.stage.deploy()
        self.at = "start"
        begin(self.stage, self.scenario.start)
        self._quieten()
        for step in self.scenario.steps:
            self.at = f"{step.title}, line {step.line}"
            self._step(step)
        if self.scenario.expect is not None:
            self.at = f"expect, line {self.scenario.expect.line}"
            self._check(self.scenario.expect, None)

    def _step(self, step: Step) -> None:
        if step.fails is None:
            perform(self.stage, step)
        else:
            self._must_be_refused(step, step.fails)
        self._quieten()
        if step.expect is not None:
            self._check(step.expect, step.instance)

    def _must_be_refused(self, step: Step, pattern: str) -> None:
        before = looking.fingerprint(self.stage)
        try:
            perform(self.stage, step)
        except (EngineError, ExpressionError) as refusal:
            if not re.search(pattern, str(refusal)):
                raise _Failed(f"fails: expected a message that matches '{pattern}', actual: {refusal}") from refusal
        else:
            raise _Failed(f"fails: expected a refusal that matches '{pattern}', but the step succeeded")
        if looking.fingerprint(self.stage) != before:
            raise _Failed("fails: the step was refused as expected, but it has changed something")

    def _quieten(self) -> None:
        self.stage.settle()
        self.stage.notice_new_instances()

    def _check(self, expectation: Expectation, name: str | None) -> None:
        found = mismatches(self.stage, expectation, name)
        if found:
            raise _Failed("\n".join(found))

    def _ended(self, outcome: Outcome, message: str) -> Result:
        is_passed = outcome is Outcome.PASSED
        return Result(
            file=str(self.stage.plan.path),
            name=self.scenario.name,
            line=self.scenario.line,
            outcome=outcome,
            step=None if is_passed else self.at,
            message=message,
            path=self._path(),
            incidents=() if is_passed else self._incidents(),
            taken=_taken(self.stage),
        )

    def _path(self) -> tuple[str, ...]:
        return tuple(looking.path(self.stage)) if MAIN in self.stage.names else ()

    def _incidents(self) -> tuple[str, ...]:
        found = self.stage.engine.read.incidents(open_only=True)
        return tuple(f"{incident.element_id}: {incident.message}" for incident in found)


def _taken(stage: Stage) -> dict[tuple[str, str], Taken]:
    """What all instances of the scenario touched, by model file and process."""
    files = {model.name: str(model) for model in stage.plan.models}
    resources = {definition.id: definition.resource_name for definition in stage.definitions}
    taken: dict[tuple[str, str], Taken] = {}
    for instance in stage.all_instances():
        resource = resources.get(instance.definition_id, "")
        key = (files.get(Path(resource).name, resource), instance.process_key)
        history = stage.engine.read.history(instance.id)
        before = taken.get(key, Taken(frozenset(), frozenset()))
        taken[key] = Taken(
            before.elements | {activity.element_id for activity in history.activities},
            before.flows | set(history.flows_taken),
        )
    return taken
