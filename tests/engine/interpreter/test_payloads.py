"""What arrives where an event is caught."""

import pytest
from story import NOW

from bpmn.reader import read_bpmn
from engine import commands, events
from engine.evaluation import services
from engine.interpreter import Instance, Program, advance

DIAGRAM = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t"
  xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core">
  <signal id="g" name="go"/>
  <process id="p" isExecutable="true">
    <startEvent id="S"/><sequenceFlow id="f1" sourceRef="S" targetRef="F"/><parallelGateway id="F"/>
    <sequenceFlow id="f2" sourceRef="F" targetRef="C"/>
    <intermediateCatchEvent id="C"><signalEventDefinition signalRef="g"><extensionElements>{catch}
      </extensionElements></signalEventDefinition></intermediateCatchEvent>
    <sequenceFlow id="f3" sourceRef="F" targetRef="T"/>
    <intermediateThrowEvent id="T"><signalEventDefinition signalRef="g"><extensionElements>
      <spiffworkflow:payloadExpression>{throw}</spiffworkflow:payloadExpression>
      </extensionElements></signalEventDefinition></intermediateThrowEvent>
    <sequenceFlow id="f4" sourceRef="C" targetRef="E"/><endEvent id="E"/>
    <sequenceFlow id="f5" sourceRef="T" targetRef="E2"/><endEvent id="E2"/>
  </process></definitions>"""
INTO = "<spiffworkflow:variableName>got</spiffworkflow:variableName>"


@pytest.mark.parametrize(
    ("throw", "catch", "expected"),
    [
        ("{'a': n, 'b': 2}", "", {"a": 1, "b": 2}),
        ("{'a': n, 'b': 2}", INTO, {"got": {"a": 1, "b": 2}}),
        ("n", INTO, {"got": 1}),
        ("n + 1", INTO, {"got": 2}),
        ("n + 1", "", {"payload": 2}),
    ],
)
def test_a_whole_payload_arrives_by_its_names_or_in_the_variable_that_catches_it(throw, catch, expected):
    xml = DIAGRAM.format(throw=throw, catch=catch)
    model, findings = read_bpmn(xml.encode(), "payload.bpmn")
    assert model is not None
    assert [str(each) for each in findings] == []

    def no_decision(*_):
        raise AssertionError

    instance = Instance.new(Program(model.processes[0], services(no_decision)), "i")
    happened = advance(instance, commands.Start(at=NOW, variables={"n": 1}))
    changed = {e.name: e.after for e in happened if isinstance(e, events.VariableChanged) and e.name != "n"}

    assert changed == expected
