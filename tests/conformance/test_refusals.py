"""Refused files are counted by what is missing in them."""

from __future__ import annotations

from bpmn.model import Finding
from tests.conformance.refusals import by_reason, rules_in, told

TIMER = Finding("a.bpmn", 7, "timer", "The timer has no time.")
SCRIPT = Finding("a.bpmn", 3, "expression-syntax", "In groovy.")


def test_what_is_missing_is_told_before_what_the_engine_cannot_do():
    why = told([SCRIPT, TIMER], ["expression-syntax"], is_marked=True)

    assert why == "[timer, expression-syntax] line 7: The timer has no time."
    assert rules_in(why) == ["timer", "expression-syntax"]


def test_files_are_counted_by_rule_and_by_whether_they_say_that_they_are_executable():
    failed = {
        "a": told([SCRIPT, TIMER], [], is_marked=True),
        "b": told([TIMER], [], is_marked=False),
        "c": "traceback: KeyError",
    }

    assert [row[1:] for row in by_reason(failed)] == [
        ["`timer`", "2", "1", "1"],
        ["`expression-syntax`", "1", "0", "1"],
    ]
