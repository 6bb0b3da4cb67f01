"""Everything that the editors write is known, and what becomes of it is what docs/dialects.md says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bpmn.dialect_report import Standing, Usage, report_dialect
from bpmn.model import Severity
from bpmn.reader import read_bpmn

FOLDER = Path(__file__).parent / "vocabulary"
PAGE = (Path(__file__).parents[3] / "docs" / "dialects.md").read_text(encoding="utf-8")
DIALECTS = {"camunda": "Camunda 7", "zeebe": "Camunda 8", "spiffworkflow": "SpiffWorkflow"}
STANDINGS = {str(standing) for standing in Standing}


def said_of(dialect: str) -> dict[str, set[str]]:
    """Extension -> what the page says becomes of it (of `camunda:in businessKey` too, where it has its own line)."""
    section = PAGE.split(f"\n## {DIALECTS[dialect]}\n")[1].split("\n## ")[0]
    said: dict[str, set[str]] = {}
    for names, standing in re.findall(r"^\| (`.*?`) \| (\w+) \|", section, re.MULTILINE):
        assert standing in STANDINGS
        for name in re.findall(r"`([^`]+)`", names):
            said.setdefault(name, set()).add(standing)
    return said


def usages(file: str) -> list[Usage]:
    return report_dialect((FOLDER / file).read_bytes(), file)


def all_usages(dialect: str) -> list[Usage]:
    return usages(f"{dialect}.bpmn") + usages(f"{dialect}-refused.bpmn")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_page_says_of_everything_what_becomes_of_it(dialect: str) -> None:
    said = said_of(dialect)
    wrong: list[str] = []
    for usage in all_usages(dialect):
        element = usage.name.partition(" ")[0]
        expected = said.get(usage.name, set()) | said.get(element, set())
        may_be_ignored = usage.standing is Standing.IGNORED and (
            element.endswith(":properties") or element == "spiffworkflow:allowGuest"
        )
        if str(usage.standing) not in expected and not may_be_ignored:
            wrong.append(f"{usage.name} at {usage.at}, line {usage.line}: {usage.standing}, the page says {expected}")

    assert wrong == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_page_names_nothing_that_no_diagram_here_has(dialect: str) -> None:
    found = {
        (usage.name, str(usage.standing)) for usage in usages(f"{dialect}.bpmn") + usages(f"{dialect}-refused.bpmn")
    }

    missing = {(name, each) for name, standings in said_of(dialect).items() for each in standings} - found
    assert missing == set()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_diagram_with_everything_that_is_honoured_or_ignored_is_not_refused(dialect: str) -> None:
    file = f"{dialect}.bpmn"
    _, findings = read_bpmn((FOLDER / file).read_bytes(), file)

    assert {str(usage.standing) for usage in usages(file)} == {"honoured", "ignored"}
    assert [str(each) for each in findings if each.severity is Severity.ERROR or each.rule == "not-honoured"] == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_that_is_refused_is_an_error_on_its_line_with_a_remedy(dialect: str) -> None:
    file = f"{dialect}-refused.bpmn"
    _, findings = read_bpmn((FOLDER / file).read_bytes(), file)
    errors = {each.line: each.message for each in findings if each.severity is Severity.ERROR}

    refused = [usage for usage in usages(file) if usage.standing is Standing.REFUSED]
    assert refused
    assert [f"{each.name}, line {each.line}" for each in refused if each.line not in errors] == []
    assert [message for message in errors.values() if message.count(". ") < 1] == []
