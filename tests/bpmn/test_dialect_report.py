"""Each extension that a file has, and what becomes of it."""

from bpmn.dialect_report import report_dialect

DIAGRAM = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t"
  xmlns:camunda="http://camunda.org/schema/1.0/bpmn" xmlns:modeler="http://camunda.org/schema/modeler/1.0"
  xmlns:bioc="http://bpmn.io/schema/bpmn/biocolor/1.0" xmlns:bpmndi="http://www.omg.org/spec/BPMN/20100524/DI"
  modeler:executionPlatform="Camunda Platform" modeler:executionPlatformVersion="7.20" modeler:zoom="2">
  <process id="p" isExecutable="true">
    <startEvent id="s" camunda:asyncBefore="true"/>
    <sequenceFlow id="f" sourceRef="s" targetRef="a"/>
    <serviceTask id="a" camunda:topic="t" camunda:modelerTemplate="x" camunda:unheard="1">
      <extensionElements><camunda:field name="n" stringValue="v" other="w"/>
        <camunda:what deep="1"><camunda:inner/></camunda:what></extensionElements>
    </serviceTask>
    <sequenceFlow id="g" sourceRef="a" targetRef="b"/>
    <serviceTask id="b" camunda:topic="u"/>
    <sequenceFlow id="h" sourceRef="b" targetRef="c"/>
    <callActivity id="c" calledElement="q" camunda:variableMappingClass="M" camunda:caseRef="k"/>
  </process>
  <bpmndi:BPMNDiagram><bpmndi:BPMNPlane><bpmndi:BPMNShape bpmnElement="a" bioc:stroke="red"/></bpmndi:BPMNPlane>
  </bpmndi:BPMNDiagram>
</definitions>"""


def test_every_extension_is_listed_with_its_standing_and_how_often_it_occurs():
    found = {usage.name: usage for usage in report_dialect(DIAGRAM.encode(), "test.bpmn")}

    assert {name: usage.standing.value for name, usage in found.items()} == {
        "modeler:executionPlatform": "honoured",
        "modeler:executionPlatformVersion": "honoured",
        "modeler:zoom": "ignored",
        "camunda:asyncBefore": "honoured",
        "camunda:topic": "honoured",
        "camunda:modelerTemplate": "ignored",
        "camunda:unheard": "not honoured",
        "camunda:field": "honoured",
        "camunda:field name": "honoured",
        "camunda:field stringValue": "honoured",
        "camunda:field other": "not honoured",
        "camunda:what": "not honoured",
        "camunda:variableMappingClass": "refused",
        "camunda:caseRef": "refused",
        "bioc:stroke": "ignored",
    }
    topic = found["camunda:topic"]
    assert (topic.file, topic.at, topic.count, topic.line) == ("test.bpmn", "serviceTask", 2, 8)
    assert found["camunda:field"].at == "serviceTask"


def test_what_is_no_bpmn_file_has_no_extensions():
    assert report_dialect(b"<a/>", "test.bpmn") == []
