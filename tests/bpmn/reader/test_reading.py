"""What every diagram has, whatever its dialect."""

from __future__ import annotations

import pytest

from bpmn.model import (
    Dialect,
    EventKind,
    Expression,
    Language,
    MultiInstance,
    NodeKind,
    Severity,
    StandardLoop,
    TimerKind,
)
from bpmn.reader import read_bpmn

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"


def test_any_prefix_may_stand_for_bpmn():
    xml = (
        f'<q:definitions xmlns:q="{BPMN}"><q:process id="p" isExecutable="true">'
        '<q:startEvent id="s"/><q:endEvent id="e"/><q:sequenceFlow id="f" sourceRef="q:s" targetRef="e"/>'
        "</q:process></q:definitions>"
    )

    definitions, findings = read_bpmn(xml.encode(), "any.bpmn")

    assert definitions is not None
    assert definitions.processes[0].node("s").outgoing == ("f",)
    assert findings == []


def test_flows_of_a_node_are_in_document_order_whatever_its_own_list_says(read):
    story = read(
        '<startEvent id="s"><outgoing>b</outgoing><outgoing>a</outgoing></startEvent><endEvent id="e"/>'
        '<sequenceFlow id="a" sourceRef="s" targetRef="e"/><sequenceFlow id="b" sourceRef="s" targetRef="e"/>'
    )

    assert story.node("s").outgoing == ("a", "b")
    assert story.node("e").incoming == ("a", "b")


def test_a_node_knows_its_line_name_and_documentation(read_line):
    story = read_line('\n\n<task id="x" name="Pack"><documentation>How to pack</documentation></task>')

    node = story.node("x")
    assert (node.line, node.name, node.documentation) == (3, "Pack", "How to pack")


def test_five_thousand_nodes_in_a_row_are_read(read):
    tasks = "".join(f'<task id="t{i}"/>' for i in range(5000))
    flows = "".join(f'<sequenceFlow id="f{i}" sourceRef="t{i}" targetRef="t{i + 1}"/>' for i in range(4999))

    story = read(tasks + flows)

    assert len(story.process.elements.nodes) == 5000
    assert story.errors == set()


def test_a_hundred_and_fifty_subprocesses_in_each_other_are_read(read):
    inside = '<task id="core"/>'
    for level in range(150):
        inside = f'<subProcess id="sp{level}">{inside}</subProcess>'

    assert read(inside).node("core").kind is NodeKind.TASK


def test_the_innermost_lane_is_a_nodes_lane_in_subprocesses_too(read):
    story = read(
        '<laneSet><lane id="l1" name="Sales"><flowNodeRef>sub</flowNodeRef><flowNodeRef>t</flowNodeRef><childLaneSet>'
        '<lane id="l2" name="Desk"><flowNodeRef>t</flowNodeRef></lane></childLaneSet></lane></laneSet>'
        '<task id="t"/><subProcess id="sub"><task id="inner"/></subProcess>'
    )

    assert [story.node(name).lane for name in ("t", "sub", "inner")] == ["Desk", "Sales", "Sales"]


def test_a_message_event_has_the_messages_name(read):
    story = read(
        '<startEvent id="s"><messageEventDefinition messageRef="m"/></startEvent>',
        '<message id="m" name="order placed"/>',
    )

    event = story.node("s").event
    assert event is not None
    assert (event.kind, event.ref) == (EventKind.MESSAGE, "m")
    assert event.name == Expression(Language.LITERAL, "order placed", 1)


def test_an_event_definition_may_stand_at_the_top_of_the_file(read_line):
    story = read_line(
        '<intermediateCatchEvent id="x"><eventDefinitionRef>d</eventDefinitionRef></intermediateCatchEvent>',
        '<timerEventDefinition id="d"><timeDuration>PT5M</timeDuration></timerEventDefinition>',
    )

    event = story.node("x").event
    assert event is not None
    assert event.timer is not None
    assert (event.timer.kind, event.timer.value.text) == (TimerKind.DURATION, "PT5M")
    assert event.timer.value.language is Language.LITERAL


@pytest.mark.parametrize(("parallel", "kind"), [("false", EventKind.MULTIPLE), ("true", EventKind.PARALLEL_MULTIPLE)])
def test_several_definitions_make_a_multiple_event(read_line, parallel, kind):
    story = read_line(
        f'<intermediateCatchEvent id="x" parallelMultiple="{parallel}"><signalEventDefinition signalRef="g"/>'
        "<timerEventDefinition><timeDate>2030-01-01T00:00:00Z</timeDate></timerEventDefinition>"
        "</intermediateCatchEvent>",
        '<signal id="g" name="go"/>',
    )

    event = story.node("x").event
    assert event is not None
    assert event.kind is kind
    assert [part.kind for part in event.parts] == [EventKind.SIGNAL, EventKind.TIMER]


def test_a_boundary_event_knows_its_activity_and_whether_it_interrupts(read):
    story = read(
        '<task id="t"/><boundaryEvent id="b" attachedToRef="t" cancelActivity="false">'
        "<timerEventDefinition><timeCycle>R3/PT1H</timeCycle></timerEventDefinition></boundaryEvent>"
    )

    assert (story.node("b").attached_to, story.node("b").is_interrupting) == ("t", False)


def test_errors_and_escalations_are_known_by_their_codes(read_line):
    story = read_line(
        '<task id="x"/><boundaryEvent id="b" attachedToRef="x"><errorEventDefinition errorRef="r"/></boundaryEvent>'
        '<boundaryEvent id="c" attachedToRef="x"><errorEventDefinition/></boundaryEvent>',
        '<error id="r" errorCode="LIMIT"/>',
    )

    caught, catch_all = story.node("b").event, story.node("c").event
    assert caught is not None
    assert caught.code is not None
    assert caught.code.text == "LIMIT"
    assert catch_all is not None
    assert catch_all.code is None


def test_the_halves_of_a_link_have_one_name_also_when_only_references_join_them(read):
    story = read(
        '<startEvent id="s"/><intermediateThrowEvent id="t"><linkEventDefinition id="d1"><target>d2</target>'
        '</linkEventDefinition></intermediateThrowEvent><intermediateCatchEvent id="c"><linkEventDefinition id="d2">'
        '<source>d1</source></linkEventDefinition></intermediateCatchEvent><endEvent id="e"/>'
        '<sequenceFlow id="a" sourceRef="s" targetRef="t"/><sequenceFlow id="b" sourceRef="c" targetRef="e"/>'
    )

    events = [story.node(name).event for name in ("t", "c")]
    assert [event and event.name and event.name.text for event in events] == ["d2", "d2"]
    assert story.errors == set()


def test_a_standard_loop_has_its_condition_and_maximum(read_line):
    story = read_line(
        '<task id="x"><standardLoopCharacteristics testBefore="true" loopMaximum="3"><loopCondition>n &lt; 3'
        "</loopCondition></standardLoopCharacteristics></task>"
    )

    assert story.node("x").loop == StandardLoop(
        Expression(Language.PYTHON, "n < 3", 1), tests_before=True, maximum=Expression(Language.JSON, "3", 1)
    )


def test_a_multi_instance_reads_its_collection_from_a_data_object(read_line):
    story = read_line(
        '<task id="x"><multiInstanceLoopCharacteristics isSequential="true"><loopDataInputRef>ref</loopDataInputRef>'
        '<inputDataItem id="i" name="order"/></multiInstanceLoopCharacteristics></task>'
        '<dataObject id="d" name="orders"/><dataObjectReference id="ref" dataObjectRef="d"/>'
    )

    loop = story.node("x").loop
    assert isinstance(loop, MultiInstance)
    assert (loop.is_sequential, loop.element_variable) == (True, "order")
    assert loop.collection is not None
    assert loop.collection.text == "orders"


@pytest.mark.parametrize(
    ("attributes", "dialect"),
    [
        ("", Dialect.BPMN),
        ('modeler:executionPlatform="Camunda Cloud"', Dialect.CAMUNDA8),
        ('modeler:executionPlatform="Camunda Platform"', Dialect.CAMUNDA7),
        ('zeebe:modelerTemplate="x"', Dialect.CAMUNDA8),
        ('camunda:diagramRelationId="x"', Dialect.CAMUNDA7),
        ('xmlns:activiti="http://activiti.org/bpmn" activiti:exporter="x"', Dialect.CAMUNDA7),
        ('spiffworkflow:isOutputSynced="x"', Dialect.SPIFF),
        ('zeebe:modelerTemplate="x" modeler:executionPlatform="Camunda Platform"', Dialect.CAMUNDA7),
    ],
)
def test_the_dialect_is_what_the_editor_says_or_else_what_is_used(read_line, attributes, dialect):
    story = read_line('<task id="x"/>', attributes=attributes)

    assert story.process.dialect is dialect


@pytest.mark.parametrize(
    ("process", "is_executable"),
    [('isExecutable="true"', True), ('isExecutable="false"', False), ("", True)],
)
def test_the_only_process_of_a_file_is_executable_unless_it_says_no(read, process, is_executable):
    assert read('<task id="t"/>', process=process).process.is_executable is is_executable


def test_among_several_processes_only_those_that_say_so_are_executable(read):
    story = read('<task id="t"/>', top='<process id="other"><task id="o"/></process>')

    assert story.definitions is not None
    assert [(p.key, p.is_executable) for p in story.definitions.processes] == [("other", False), ("p", True)]


def test_what_is_wrong_in_a_process_that_is_not_executable_is_a_warning(read):
    story = read("<task/>", process='isExecutable="false"')

    assert story.found("missing-id").severity is Severity.WARNING


def test_a_pool_names_its_process(read):
    story = read(
        '<task id="t"/>', '<collaboration id="c"><participant id="q" name="Shop" processRef="p"/></collaboration>'
    )

    assert story.process.participant == "Shop"


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("x > 1", Language.PYTHON, "x > 1"),
        ("${x > 1}", Language.JUEL, "${x > 1}"),
        ("Hello #{name}", Language.JUEL, "Hello #{name}"),
        ("= x > 1", Language.FEEL, "x > 1"),
    ],
)
def test_plain_bpmn_tells_the_language_by_how_the_text_is_written(read, text, language, expected):
    story = read(condition(text))

    assert story.process.elements.flows["f"].condition == Expression(language, expected, 1)


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("https://www.omg.org/spec/DMN/20191111/FEEL/", Language.FEEL),
        ("feel", Language.FEEL),
        ("Python", Language.PYTHON),
        ("http://groovy.codehaus.org/", Language.GROOVY),
        ("text/javascript", Language.JAVASCRIPT),
        ("http://www.w3.org/1999/XPath", Language.PYTHON),  # an editor's default, which says nothing
    ],
)
def test_a_language_that_the_expression_or_the_file_names_is_honoured(read, name, language):
    of_expression = read(condition("x", f'language="{name}"')).process.elements.flows["f"].condition
    of_file = read(condition("x"), attributes=f'expressionLanguage="{name}"').process.elements.flows["f"].condition

    assert of_expression is not None
    assert of_file is not None
    assert (of_expression.language, of_file.language) == (language, language)


def condition(text: str, attributes: str = "") -> str:
    text = text.replace("<", "&lt;")
    return (
        '<task id="t"/><task id="u"/><task id="v"/><sequenceFlow id="f" sourceRef="t" targetRef="u">'
        f"<conditionExpression {attributes}>{text}</conditionExpression></sequenceFlow>"
        '<sequenceFlow id="g" sourceRef="t" targetRef="v"/>'
    )
