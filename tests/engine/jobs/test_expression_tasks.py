"""A service task written as an expression: a handler's where there is one, else just evaluated (Camunda 7)."""

from decimal import Decimal

import pytest

from engine.engine import Engine
from engine.model import Resource

DIAGRAM = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL"
    xmlns:camunda="http://camunda.org/schema/1.0/bpmn" id="d" targetNamespace="t">
  <process id="p" isExecutable="true">
    <startEvent id="S"/><serviceTask id="T" camunda:expression="{}" camunda:resultVariable="result"/><endEvent id="E"/>
    <sequenceFlow id="a" sourceRef="S" targetRef="T"/><sequenceFlow id="b" sourceRef="T" targetRef="E"/>
  </process>
</definitions>"""


def run(engine: Engine, expression: str) -> str:
    engine.deploy(Resource("p.bpmn", DIAGRAM.format(expression).encode()))
    instance = engine.start("p", variables={"amount": 21, "names": ["ann", "ben"], "name": "ann"})
    engine.work()
    return instance.id


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("${amount * 2}", 42),
        ("#{true}", True),
        ("Hello ${name}", "Hello ann"),
        ("${names.size()}", 2),
        ("${amount > 20 ? 'much' : 'little'}", "much"),
        ("${amount / 2}", Decimal("10.5")),
    ],
)
def test_what_needs_only_variables_is_evaluated(engine: Engine, expression: str, value: object) -> None:
    instance_id = run(engine, expression)

    assert engine.read.variables(instance_id)["result"] == value
    assert engine.read.instance(instance_id).has_ended


def test_a_handler_of_that_name_goes_first(engine: Engine) -> None:
    engine.handler("names.size")(lambda job: {"counted": True})

    instance_id = run(engine, "${names.size()}")

    assert engine.read.variables(instance_id)["result"] == {"counted": True}


def test_what_wants_a_bean_is_an_incident_that_names_it(engine: Engine) -> None:
    instance_id = run(engine, "${calculator.double(amount)}")

    (incident,) = engine.read.incidents(instance_id)
    assert incident.kind == "unbound"
    assert "'calculator.double(amount)' or 'calculator.double', 'calculator'" in incident.message
