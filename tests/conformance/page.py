"""docs/conformance.md out of the results."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from tests.conformance.explained import Explanation, explanation_of
from tests.conformance.groups import GROUPS
from tests.conformance.material import Group
from tests.conformance.refusals import by_reason
from tests.conformance.results import Result

_TEXT = """# Conformance

Written by `make conformance`, which runs test material of other people: diagrams, decision models, expressions and
files that break the standard. The material is not part of this project; it is used by path (`../shared/conformance`).
The same results, for machines, are in [conformance.json](conformance.json); a test fails when a case fails that is not
listed there as failing. The code is in [tests/conformance](../tests/conformance).

{summary}

How it is run: each of betsy's cases on an engine of its own, with a real store and a clock that is moved; its trace is
read from the history afterwards. Only betsy's script macros and its conditions are translated, as its authors do for
each engine. Decisions and expressions are compared as the kit says. Every file of an editor is read, and those with an
executable process are deployed, each on an engine of its own: a process is executable when it says so, or when it is
the only one of a file that says nothing. There is no bar for deploying, since a diagram that is only drawn is rightly
refused: those that are refused are counted below by what is missing, and listed.
{details}"""
_SHORT = 12  # a longer list is folded


def page(results: Mapping[str, Result]) -> str:
    """*results*: by name of the group."""
    run = [(group, results[group.name]) for group in GROUPS if group.name in results]
    rows = [_row(group, result) for group, result in run]
    return _TEXT.format(
        summary=_table(["What", "From", "Cases", "Pass", "Share", "Bar", "Met"], rows),
        details="".join(_details(group, result) for group, result in run if result.failed),
    )


def is_met(group: Group, result: Result) -> bool:
    return group.bar is None or result.share >= group.bar


def _row(group: Group, result: Result) -> list[str]:
    bar = "" if group.bar is None else f"{group.bar:.1%}"
    met = "" if group.bar is None else "yes" if is_met(group, result) else "**no**"
    return [group.title, group.source, f"{result.total:,}", f"{result.passed:,}", f"{result.share:.1%}", bar, met]


def _details(group: Group, result: Result) -> str:
    explained: dict[Explanation | None, list[tuple[str, str]]] = {}
    for case, why in result.failed.items():
        explained.setdefault(explanation_of(group.name, case, why), []).append((case, why))
    ordered = sorted(explained.items(), key=lambda item: (item[0] is not None, len(item[1])))
    parts = [_explained(explanation, cases) for explanation, cases in ordered]
    return f"\n## {group.title}\n" + _reasons(result) + "".join(parts)


def _reasons(result: Result) -> str:
    """Of files that are refused, what they miss."""
    rows = by_reason(result.failed)
    head = ["What is missing or wrong", "Rule", "Files", "Nothing else", "Marked executable"]
    return f"\n{_table(head, rows)}\n" if rows else ""


def _explained(explanation: Explanation | None, cases: Sequence[tuple[str, str]]) -> str:
    title = f"### {explanation.title}: {len(cases)}" if explanation else f"### To be mended: {len(cases)}"
    text = f"\n{explanation.text}\n" if explanation else ""
    table = _table(["Case", "Why it fails"], [[f"`{case}`", _cell(why)] for case, why in cases])
    if len(cases) > _SHORT:
        table = f"<details><summary>{len(cases)} cases</summary>\n\n{table}\n\n</details>"
    return f"\n{title}\n{text}\n{table}\n"


def _cell(text: str) -> str:
    """*text* as it is, in a cell of a table."""
    escaped = html.escape(text, quote=False).replace("](", "] (")
    return "".join(f"\\{letter}" if letter in "|*_`[" else letter for letter in escaped)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *rows])
