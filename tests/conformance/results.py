"""The results as they are kept in docs/conformance.json: what a later run is held against."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.conformance.material import Outcome

DOCS = Path(__file__).resolve().parents[2] / "docs"
FILE = "conformance.json"


@dataclass(frozen=True, slots=True)
class Result:
    """*failed*: why, by case."""

    total: int = 0
    failed: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def passed(self) -> int:
        return self.total - len(self.failed)

    @property
    def share(self) -> float:
        return self.passed / self.total if self.total else 0.0

    def lost_since(self, before: Result) -> dict[str, str]:
        """What fails here and did not fail before."""
        return {case: why for case, why in self.failed.items() if case not in before.failed}

    def won_since(self, before: Result) -> list[str]:
        return [case for case in before.failed if case not in self.failed]


def result_of(outcomes: Sequence[Outcome]) -> Result:
    return Result(len(outcomes), {outcome.case: outcome.why for outcome in outcomes if not outcome.passed})


def kept(folder: Path = DOCS) -> dict[str, Result]:
    """By name of the group; empty before the first run."""
    if not (folder / FILE).exists():
        return {}
    groups = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return {name: Result(group["total"], group["failed"]) for name, group in groups.items()}


def keep(results: Mapping[str, Result], folder: Path) -> None:
    groups = {
        name: {"total": result.total, "passed": result.passed, "failed": dict(result.failed)}
        for name, result in results.items()
    }
    (folder / FILE).write_text(json.dumps(groups, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
