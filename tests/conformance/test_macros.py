"""Betsy's macros and conditions in the engine's languages."""

from __future__ import annotations

import pytest

from tests.conformance.macros import runnable

DIAGRAM = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"><process id="p">
<scriptTask id="t"><script>{script}</script></scriptTask>
<sequenceFlow id="f"><conditionExpression>{condition}</conditionExpression></sequenceFlow></process></definitions>"""


def translated(script: str = "", condition: str = "true") -> str:
    return runnable(DIAGRAM.format(script=script, condition=condition).encode()).decode()


@pytest.mark.parametrize(
    ("macro", "script"),
    [("SCRIPT_task1", "pass"), ("INCREMENT_INTEGER_VARIABLE", "integerVariable = integerVariable + 1")],
)
def test_what_a_script_can_do_is_a_script(macro, script):
    assert f"<script>{script}</script>" in translated(script=macro)


@pytest.mark.parametrize("macro", ["WAIT_TEN_SECONDS", "THROW_ERROR"])
def test_what_takes_time_or_throws_is_a_job(macro):
    assert f'<serviceTask id="t" implementation="{macro}"/>' in translated(script=macro)


@pytest.mark.parametrize("condition", ['test.contains("a")', 'test.contains("a")>', '\n  test.contains("a")'])
def test_a_condition_is_wrapped_as_its_authors_wrap_it(condition):
    assert '<conditionExpression>${test.contains("a")}</conditionExpression>' in translated(condition=condition)
