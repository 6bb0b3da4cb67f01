"""Deploys an example in a dialect and plays its scenarios: what the page says of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from engine.errors import DeploymentRefused
from engine.testing.format import ScenarioFile
from engine.testing.reader import read_scenario_file
from engine.testing.runner import Outcome, run_scenario
from engine.testing.stage import Stage
from tests.elements.dialects import Dialect
from tests.elements.example import Example
from tests.elements.files import FOLDER, bpmn_path, scenario_path


@dataclass(frozen=True)
class Played:
    """*refusal*: the words that deploying was refused with, '' where it runs. *failures*: of its scenarios."""

    refusal: str = ""
    failures: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        return f"refused: {self.refusal}" if self.refusal else "runs"


def play(example: Example, dialect: Dialect, *, save_restore: bool = False, most: int | None = None) -> Played:
    """Never raises for what the engine does: that is told in the failures. *most*: scenarios to play."""
    plan = read_scenario_file(scenario_path(example, dialect))
    models = (bpmn_path(example, dialect), *(FOLDER / example.id / name for name in example.files))
    plan = replace(plan, models=models)
    expected = example.refused.get(dialect.name)
    if expected is not None:
        refusal = _refusal(plan)
        is_right = re.search(expected, refusal) is not None
        return Played(refusal, () if is_right else (f"expected a refusal that matches '{expected}'",))
    results = [run_scenario(plan, scenario, save_restore=save_restore) for scenario in plan.scenarios[:most]]
    wrong = [result for result in results if result.outcome is not Outcome.PASSED]
    refusal = next((result.message for result in wrong if result.step == "deploy"), "")
    told = [f"{each.name}, {each.step}: {each.message}; {'; '.join(each.where())}" for each in wrong]
    return Played(refusal, tuple(told))


def _refusal(plan: ScenarioFile) -> str:
    with Stage(plan) as stage:
        try:
            stage.deploy()
        except DeploymentRefused as refusal:
            return "; ".join(finding.message for finding in refusal.findings if finding.severity == "error")
    return ""
