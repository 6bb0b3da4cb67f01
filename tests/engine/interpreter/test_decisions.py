"""What becomes of a decision's result."""

from types import SimpleNamespace

import pytest
from story import Story, program

from engine import events

TASK = '<startEvent id="S"/><businessRuleTask id="D" camunda:decisionRef="risk" camunda:resultVariable="r"{}/><userTask id="U"/>'


def decided(value: object, output: str | None, mapping: str | None = None) -> Story:
    def decide(*_: object) -> SimpleNamespace:
        return SimpleNamespace(value=value, rules=("rule-1",), inputs={"amount": 900}, output=output, required=())

    attribute = f' camunda:mapDecisionResult="{mapping}"' if mapping else ""
    return Story(program(TASK.format(attribute), "S D U", decide=decide))


@pytest.mark.parametrize(
    ("mapping", "value", "output", "expected"),
    [
        (None, "high", "level", [{"level": "high"}]),
        (None, [{"a": 1, "b": 2}, {"a": 3, "b": 4}], None, [{"a": 1, "b": 2}, {"a": 3, "b": 4}]),
        (None, None, "level", []),
        ("singleEntry", "high", "level", "high"),
        ("singleResult", "high", "level", {"level": "high"}),
        ("singleResult", {"a": 1, "b": 2}, None, {"a": 1, "b": 2}),
        ("collectEntries", ["x", "y"], "level", ["x", "y"]),
    ],
)
def test_the_result_is_mapped_as_the_diagram_says(mapping, value, output, expected):
    assert decided(value, output, mapping).variables == {"r": expected}


def test_the_rules_that_fired_and_what_they_looked_at_are_recorded():
    (evaluated,) = decided("high", "level").of(events.DecisionEvaluated)

    assert (evaluated.decision_id, evaluated.rules, evaluated.inputs) == ("risk", ("rule-1",), {"amount": 900})
    assert evaluated.element_id == "D"


def test_several_results_where_one_is_expected_are_an_incident():
    (incident,) = decided(["x", "y"], "level", "singleEntry").incidents

    assert "2 results" in incident.message
