"""How grave a finding is, and what is none."""

from __future__ import annotations

from bpmn.model import Severity

START_AND_END = '<startEvent id="s"/><endEvent id="e"/>'


def flow(flow_id: str, source: str, target: str, condition: str = "") -> str:
    inside = f"<conditionExpression>{condition}</conditionExpression>" if condition else ""
    return f'<sequenceFlow id="{flow_id}" sourceRef="{source}" targetRef="{target}">{inside}</sequenceFlow>'


def test_a_default_flow_that_is_missing_is_only_told(read):
    story = read(
        START_AND_END
        + '<exclusiveGateway id="x"/>'
        + flow("a", "s", "x")
        + flow("b", "x", "e", "y > 1")
        + flow("c", "x", "e", "y &lt; 1")
    )

    assert [(finding.rule, finding.severity) for finding in story.findings] == [("conditions", Severity.INFO)]


def choice(gateway: str, *conditions: str) -> str:
    out = [flow(f"f{place}", "x", "e", condition) for place, condition in enumerate(conditions)]
    return START_AND_END + f'<{gateway} id="x" camunda:asyncBefore="false"/>' + flow("a", "s", "x") + "".join(out)


def test_in_camunda_the_last_flow_without_a_condition_is_the_default(read):
    assert read(choice("exclusiveGateway", "${y}", "")).errors == set()
    assert read(choice("exclusiveGateway", "", "${y}")).errors == {"conditions"}
    assert read(choice("exclusiveGateway", "${y}", "", "")).errors == {"conditions"}


def test_in_camunda_an_inclusive_gateway_always_takes_a_flow_without_a_condition(read):
    story = read(choice("inclusiveGateway", "${y}", ""))

    assert (story.errors, story.warnings) == (set(), {"conditions"})


def test_lists_that_lost_a_flow_are_only_told_in_a_dialect(read):
    ends = '<startEvent id="s"><outgoing>a</outgoing><outgoing>gone</outgoing></startEvent><endEvent id="e"/>'

    assert read(ends + flow("a", "s", "e")).errors == {"flow-not-listed"}
    assert read(ends + flow("a", "s", "e"), attributes='camunda:diagramRelationId="1"').errors == set()


def test_a_message_flow_in_the_list_of_a_node_is_only_told(read):
    lists = '<task id="x"><incoming>a</incoming><incoming>m</incoming><outgoing>b</outgoing></task>'
    ends = '<startEvent id="s"><outgoing>a</outgoing></startEvent><endEvent id="e"><incoming>b</incoming></endEvent>'
    pools = (
        '<collaboration id="c"><participant id="other"/><participant id="own" processRef="p"/>'
        '<messageFlow id="m" sourceRef="other" targetRef="x"/></collaboration>'
    )

    story = read(ends + lists + flow("a", "s", "x") + flow("b", "x", "e"), pools)

    assert story.errors == set()
    assert "flow-not-listed" in story.warnings


def test_what_only_the_standard_forbids_is_a_warning_in_a_dialect(read):
    inside = '<startEvent id="s"/><task id="t"/>' + flow("f", "s", "t")

    assert read(inside).errors == {"start-and-end-together"}
    assert read(inside, attributes='camunda:diagramRelationId="1"').warnings == {"start-and-end-together"}


def test_an_extension_that_nobody_reads_is_told_with_its_name(read_line):
    story = read_line('<serviceTask id="x" camunda:class="a.B" camunda:assignee="ann" zeebe:unheard="1"/>')

    messages = [finding.message for finding in story.findings]
    assert story.errors == set()
    assert any("camunda:assignee" in message for message in messages)


def test_an_extension_of_another_editor_is_none_of_our_business(read_line):
    story = read_line(
        '<task id="x" xmlns:q="urn:q" q:colour="red"><extensionElements><q:a/></extensionElements></task>'
    )

    assert story.findings == []


def test_the_same_id_for_a_shape_and_an_element_is_the_elements(read):
    shape = (
        '<bpmndi:BPMNDiagram><bpmndi:BPMNPlane><bpmndi:BPMNShape id="x" bpmnElement="x"/>'
        "</bpmndi:BPMNPlane></bpmndi:BPMNDiagram>"
    )

    assert read(START_AND_END + '<task id="x"/>' + flow("a", "s", "x") + flow("b", "x", "e"), shape).findings == []
