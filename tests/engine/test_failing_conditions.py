"""A conditional event whose condition fails is an incident that operators see, retry and cure."""

from __future__ import annotations

from engine.engine import Engine
from engine.model import Resource

DIAGRAM = b"""<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t"
    xmlns:camunda="http://camunda.org/schema/1.0/bpmn">
  <process id="p" isExecutable="true">
    <startEvent id="S"/><userTask id="Work"/><endEvent id="E"/><endEvent id="Late"/>
    <boundaryEvent id="Large" attachedToRef="Work">
      <conditionalEventDefinition><condition>${amount - 1 &gt; 5}</condition></conditionalEventDefinition>
    </boundaryEvent>
    <sequenceFlow id="a" sourceRef="S" targetRef="Work"/><sequenceFlow id="b" sourceRef="Work" targetRef="E"/>
    <sequenceFlow id="c" sourceRef="Large" targetRef="Late"/>
  </process>
</definitions>"""


def test_it_is_told_with_its_place_and_cured_by_the_variable(engine: Engine) -> None:
    engine.deploy(Resource("p.bpmn", DIAGRAM))
    instance = engine.start("p", variables={"amount": "much"})

    (incident,) = engine.read.incidents(instance.id)
    assert (incident.element_id, incident.kind, incident.location) == ("Large", "expression", "p.bpmn:6")
    assert "amount - 1" in incident.message
    assert [task.element_id for task in engine.read.tasks()] == ["Work"]

    engine.retry(incident.id)
    (again,) = engine.read.incidents(instance.id)
    assert again.id != incident.id

    engine.set_variables(instance.id, {"amount": 9})
    assert engine.read.incidents(instance.id) == []
    assert engine.read.instance(instance.id).has_ended


def test_it_ends_with_what_waits(engine: Engine) -> None:
    engine.deploy(Resource("p.bpmn", DIAGRAM))
    instance = engine.start("p", variables={"amount": "much"})

    (task,) = engine.read.tasks()
    engine.complete(task.id)

    assert engine.read.incidents(instance.id) == []
    assert engine.read.instance(instance.id).has_ended
