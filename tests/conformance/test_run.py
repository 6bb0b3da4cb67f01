"""What `make conformance` does with its results: a case that got lost is told, and not written over."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.conformance.material import Group, Outcome, outcome
from tests.conformance.results import Result, kept
from tests.conformance.run import run


def group_of(*outcomes: Outcome, bar: float | None = None) -> Group:
    def cases() -> Iterator[Outcome]:
        yield from outcomes

    return Group("betsy", "Standard tests", "somebody", bar, cases)


GOOD, BAD = Outcome("gateways/Fork"), Outcome("gateways/Fork", "expected [a|b], passed []")
OTHER = Outcome("gateways/Join", "")


@pytest.fixture
def conformance(tmp_path) -> Callable[..., int]:
    return lambda *outcomes, accept=False, bar=None: run([group_of(*outcomes, bar=bar)], tmp_path, accept=accept)


def test_the_results_are_written_for_machines_and_for_people(conformance, tmp_path):
    assert conformance(BAD, OTHER) == 0

    assert kept(tmp_path) == {"betsy": Result(2, {"gateways/Fork": "expected [a|b], passed []"})}
    assert "| `gateways/Fork` | expected \\[a\\|b], passed \\[] |" in (tmp_path / "conformance.md").read_text()


def test_a_case_that_fails_now_and_passed_before_is_told_and_nothing_is_written(conformance, tmp_path, capsys):
    conformance(GOOD, OTHER)

    assert conformance(BAD, OTHER) == 1
    assert "lost: betsy: gateways/Fork: expected [a|b]" in capsys.readouterr().out
    assert kept(tmp_path)["betsy"].failed == {}


def test_a_loss_that_is_accepted_is_written(conformance, tmp_path):
    conformance(GOOD, OTHER)

    assert conformance(BAD, OTHER, accept=True) == 0
    assert list(kept(tmp_path)["betsy"].failed) == ["gateways/Fork"]


def test_a_case_that_passes_now_is_told(conformance, capsys):
    conformance(BAD, OTHER)

    assert conformance(GOOD, OTHER) == 0
    assert "won: betsy: gateways/Fork" in capsys.readouterr().out


def test_a_missed_bar_is_written_and_ends_with_a_failure(conformance, tmp_path, capsys):
    assert conformance(BAD, OTHER, bar=0.8) == 1

    assert "Below the bar: betsy" in capsys.readouterr().out
    assert "| 50.0% | 97.6% | **no** |" in (tmp_path / "conformance.md").read_text()


def test_an_exception_fails_its_case_only():
    def broken() -> str:
        raise KeyError("x")

    assert outcome("gateways/Fork", broken).why == "traceback: KeyError: 'x'"
