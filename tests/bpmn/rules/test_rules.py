"""Each rule has a diagram that breaks it, and says where; what is well drawn breaks none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bpmn.rules import RULES

START_AND_END = '<startEvent id="s"/><endEvent id="e"/>'
TIMER = "<timerEventDefinition><timeDuration>PT1M</timeDuration></timerEventDefinition>"
LINE = '<sequenceFlow id="a" sourceRef="s" targetRef="x"/><sequenceFlow id="b" sourceRef="x" targetRef="e"/>'
COLLECTION = (
    '<itemDefinition id="one" structureRef="a"/><itemDefinition id="many" structureRef="a" isCollection="true"/>'
)
MESSAGE = '<message id="m" name="M"/>'
OTHER = '<itemDefinition id="one" structureRef="a"/><itemDefinition id="two" structureRef="b"/>'


def flow(flow_id: str, source: str, target: str, condition: str = "") -> str:
    inside = f"<conditionExpression>{condition}</conditionExpression>" if condition else ""
    return f'<sequenceFlow id="{flow_id}" sourceRef="{source}" targetRef="{target}">{inside}</sequenceFlow>'


def catch(element_id: str, definition: str = TIMER) -> str:
    return f'<intermediateCatchEvent id="{element_id}">{definition}</intermediateCatchEvent>'


def in_line(element: str) -> str:
    """*element* 'x' between a start and an end event."""
    return START_AND_END + element + LINE


def timed(text: str) -> str:
    timer = f"<timerEventDefinition><timeDuration>{text}</timeDuration></timerEventDefinition>"
    return in_line(f'<intermediateCatchEvent id="x">{timer}</intermediateCatchEvent>')


def looping(inside: str, attributes: str = "") -> str:
    marker = f"<multiInstanceLoopCharacteristics {attributes}>{inside}</multiInstanceLoopCharacteristics>"
    return in_line(f'<task id="x">{marker}</task>')


def listened(listener: str, attributes: str) -> str:
    inside = f"<extensionElements><camunda:{listener} {attributes}/></extensionElements>"
    return in_line(f'<userTask id="x">{inside}</userTask>')


def retried(cycle: str) -> str:
    inside = f"<extensionElements><camunda:failedJobRetryTimeCycle>{cycle}</camunda:failedJobRetryTimeCycle>"
    return in_line(f'<serviceTask id="x" camunda:class="c">{inside}</extensionElements></serviceTask>')


def started(attributes: str) -> str:
    """A second process 'y'."""
    return f'<process id="y" isExecutable="true" {attributes}><task id="only"/></process>'


def after_event_gateway(first: str, second: str) -> str:
    flows = flow("a", "s", "g") + flow("b", "g", "x") + flow("c", "g", "y") + flow("d", "x", "e") + flow("f", "y", "e")
    return START_AND_END + f'<eventBasedGateway id="g"/>{first}{second}' + flows


def forked(split: str, join: str) -> str:
    """Two tasks between a gateway 'g' that splits and a gateway 'j' that joins, and a task behind it."""
    conditions = {"exclusiveGateway": ("x > 1", ""), "inclusiveGateway": ("x > 1", "y > 1")}.get(split, ("", ""))
    default = ' default="c"' if split == "exclusiveGateway" else ""
    nodes = f'<{split} id="g"{default}/><task id="x"/><task id="y"/><{join} id="j"/><task id="z"/>'
    flows = flow("a", "s", "g") + flow("b", "g", "x", conditions[0]) + flow("c", "g", "y", conditions[1])
    return (
        START_AND_END
        + nodes
        + flows
        + flow("d", "x", "j")
        + flow("f", "y", "j")
        + flow("h", "j", "z")
        + flow("i", "z", "e")
    )


BROKEN = [
    # rule, the element it is found at, inside of the process, top of the file
    ("missing-id", "p", "<task/>", ""),
    ("duplicate-id", "t", '<task id="t"/><task id="t"/>', ""),
    ("known-elements", "c", '<choreographyTask id="c"/><task id="t"/>', ""),
    ("known-elements", "p", '<tsak/><task id="t"/>', ""),
    ("known-elements", "q", '<task id="t"/>', '<property id="q"/>'),
    ("executable", None, '<task id="t"/>', None),
    ("flow-end", "f", '<task id="t"/>' + flow("f", "t", "gone"), ""),
    ("flow-end", "f", '<task id="t"/><textAnnotation id="n"/>' + flow("f", "t", "n"), ""),
    (
        "flow-crosses-boundary",
        "f",
        '<task id="t"/><subProcess id="u"><task id="v"/></subProcess>' + flow("f", "t", "v"),
        "",
    ),
    ("flow-not-listed", "f", '<task id="t"><outgoing>f</outgoing></task><task id="u"/>' + flow("f", "t", "u"), ""),
    ("flow-not-listed", "u", '<task id="t"/><task id="u"><incoming>z</incoming></task>', ""),
    ("missing-start", "p", '<task id="t"/><task id="u"/>' + flow("f", "t", "u") + flow("g", "u", "t"), ""),
    ("missing-start", "p", "", ""),
    ("start-and-end-together", "p", '<task id="t"/><endEvent id="e"/>' + flow("f", "t", "e"), ""),
    ("start-and-end-together", "p", '<startEvent id="s"/><task id="t"/>' + flow("f", "s", "t"), ""),
    ("not-reached", "x", START_AND_END + flow("f", "s", "e") + '<task id="x"/>' + flow("g", "x", "e"), ""),
    ("dead-end", "x", START_AND_END + '<task id="x"/>' + flow("f", "s", "e") + flow("g", "s", "x"), ""),
    ("start-event-incoming", "f", START_AND_END + flow("a", "s", "e") + '<task id="t"/>' + flow("f", "t", "s"), ""),
    ("end-event-outgoing", "f", in_line('<task id="x"/>') + flow("f", "e", "x"), ""),
    ("intermediate-event-flow", "x", START_AND_END + flow("f", "s", "e") + catch("x"), ""),
    ("event-definition-here", "x", in_line(catch("x", "<terminateEventDefinition/>")), ""),
    ("event-definition-here", "x", in_line('<intermediateCatchEvent id="x"/>'), ""),
    (
        "event-definition-here",
        "w",
        in_line('<task id="x"/>')
        + '<boundaryEvent id="w" attachedToRef="x" cancelActivity="false"><errorEventDefinition/></boundaryEvent>'
        + flow("c", "w", "e"),
        "",
    ),
    (
        "event-definition-here",
        "i",
        in_line(
            f'<subProcess id="x"><startEvent id="i">{TIMER}</startEvent>'
            f'<endEvent id="o"/>{flow("f", "i", "o")}</subProcess>'
        ),
        "",
    ),
    (
        "event-definition-shared",
        "x",
        in_line(catch("x", "<eventDefinitionRef>gone</eventDefinitionRef>")),
        "",
    ),
    (
        "boundary-event",
        "w",
        in_line('<task id="x"/>') + f'<boundaryEvent id="w" attachedToRef="x">{TIMER}</boundaryEvent>',
        "",
    ),
    (
        "boundary-event",
        "w",
        in_line('<task id="x"/>') + f'<boundaryEvent id="w">{TIMER}</boundaryEvent>' + flow("c", "w", "e"),
        "",
    ),
    (
        "cancel-event",
        "e",
        '<startEvent id="s"/><endEvent id="e"><cancelEventDefinition/></endEvent>' + flow("f", "s", "e"),
        "",
    ),
    (
        "compensation-handler",
        "w",
        in_line('<task id="x"/>')
        + '<boundaryEvent id="w" attachedToRef="x"><compensateEventDefinition/></boundaryEvent>',
        "",
    ),
    (
        "event-subprocess",
        "v",
        START_AND_END + flow("f", "s", "e") + '<subProcess id="v" triggeredByEvent="true"><task id="t"/></subProcess>',
        "",
    ),
    ("ad-hoc-subprocess", "x", in_line('<adHocSubProcess id="x"/>'), ""),
    (
        "both-loops",
        "x",
        in_line(
            '<task id="x"><standardLoopCharacteristics loopMaximum="2"/><multiInstanceLoopCharacteristics>'
            "<loopCardinality>2</loopCardinality></multiInstanceLoopCharacteristics></task>"
        ),
        "",
    ),
    ("default-flow", "x", in_line('<task id="x" default="a"/>'), ""),
    ("conditions", "b", START_AND_END + '<task id="x"/>' + flow("a", "s", "x") + flow("b", "x", "e", "y > 1"), ""),
    (
        "conditions",
        "c",
        START_AND_END
        + '<exclusiveGateway id="x"/>'
        + flow("a", "s", "x")
        + flow("b", "x", "e", "y")
        + flow("c", "x", "e"),
        "",
    ),
    ("gateway-direction", "x", in_line('<exclusiveGateway id="x"/>'), ""),
    (
        "gateway-direction",
        "x",
        in_line('<exclusiveGateway id="x" gatewayDirection="Converging"/>') + flow("c", "x", "e"),
        "",
    ),
    ("event-gateway", "y", after_event_gateway(catch("x"), '<task id="y"/>'), ""),
    ("event-gateway", "y", after_event_gateway(catch("x"), '<receiveTask id="y"/>'), ""),
    ("event-gateway", "x", in_line('<eventBasedGateway id="x"/>'), ""),
    (
        "link",
        "x",
        START_AND_END
        + '<intermediateThrowEvent id="x"><linkEventDefinition name="A"/></intermediateThrowEvent>'
        + flow("a", "s", "x")
        + flow("b", "s", "e"),
        "",
    ),
    ("reference", "d", in_line(catch("x", '<messageEventDefinition id="d" messageRef="g"/>')), '<signal id="g"/>'),
    ("reference", "d", in_line(catch("x", '<signalEventDefinition id="d" signalRef="gone"/>')), ""),
    ("message-missing", "x", in_line(catch("x", "<messageEventDefinition/>")), ""),
    (
        "message-missing",
        "e",
        '<startEvent id="s"/><endEvent id="e"><errorEventDefinition errorRef="r"/></endEvent>' + flow("f", "s", "e"),
        '<error id="r"/>',
    ),
    ("timer", "x", timed("").replace("<timeDuration></timeDuration>", ""), ""),
    ("timer", "x", timed("soon"), ""),
    ("timer", "x", timed("P1H"), ""),
    ("timer", "x", timed("R3/soon/PT1M").replace("timeDuration", "timeCycle"), ""),
    ("conditional-event", "x", in_line(catch("x", "<conditionalEventDefinition/>")), ""),
    ("quantity", "x", in_line('<task id="x" startQuantity="0"/>'), ""),
    ("multi-instance", "x", looping(""), ""),
    ("multi-instance", "x", looping("<loopCardinality>-1</loopCardinality>"), ""),
    ("multi-instance", "x", in_line('<task id="x"><standardLoopCharacteristics/></task>'), ""),
    ("receive-task-start", "x", in_line('<receiveTask id="x" instantiate="true"/>'), ""),
    ("called-process", "x", in_line('<callActivity id="x"/>'), ""),
    (
        "called-process",
        "x",
        in_line('<callActivity id="x" calledElement="o"/>'),
        f'<process id="o" isExecutable="true"><startEvent id="i">{TIMER}</startEvent>'
        f'<endEvent id="j"/>{flow("k", "i", "j")}</process>',
    ),
    (
        "boolean-condition",
        "x",
        looping("<loopCardinality>2</loopCardinality><completionCondition>3</completionCondition>"),
        "",
    ),
    ("empty-expression", "x", looping("<loopCardinality/>"), ""),
    ("expression-syntax", "x", in_line('<scriptTask id="x"><script>a = = 1</script></scriptTask>'), ""),
    ("expression-syntax", "x", looping("<loopCardinality>=1 +</loopCardinality>"), ""),
    ("expression-syntax", "x", in_line('<scriptTask id="x" scriptFormat="groovy"><script>1</script></scriptTask>'), ""),
    (
        "language-not-supported",
        "x",
        in_line('<scriptTask id="x" scriptFormat="cobol"><script>1</script></scriptTask>'),
        "",
    ),
    ("script-elsewhere", "x", in_line('<scriptTask id="x" scriptFormat="python" camunda:resource="a.py"/>'), ""),
    (
        "message-flow",
        "m",
        '<task id="t"/>' + catch("c"),
        '<collaboration id="k"><participant id="q"/><messageFlow id="m" sourceRef="c" targetRef="q"/></collaboration>',
    ),
    (
        "message-flow-event",
        "s",
        START_AND_END + flow("f", "s", "e"),
        '<collaboration id="k"><participant id="q"/><messageFlow id="m" sourceRef="q" targetRef="s"/></collaboration>',
    ),
    (
        "multiplicity",
        "q",
        '<task id="t"/>',
        '<collaboration id="k"><participant id="q"><participantMultiplicity minimum="3" maximum="2"/>'
        "</participant></collaboration>",
    ),
    ("mime-type", "n", '<task id="t"/><textAnnotation id="n" textFormat="wrong"/>', ""),
    ("transaction-method", "x", in_line('<transaction id="x" method="%"><task id="t"/></transaction>'), ""),
    (
        "resource-role",
        "r",
        in_line(
            '<task id="x"><performer id="r"><resourceRef>q</resourceRef><resourceAssignmentExpression/>'
            "</performer></task>"
        ),
        '<resource id="q"/>',
    ),
    (
        "input-output-sets",
        "d",
        in_line('<task id="x"><ioSpecification><dataInput id="d"/><inputSet/></ioSpecification></task>'),
        "",
    ),
    (
        "data-association",
        "a2",
        in_line(
            '<task id="x"><ioSpecification><dataInput id="d" itemSubjectRef="one"/><inputSet>'
            "<dataInputRefs>d</dataInputRefs>"
            '</inputSet></ioSpecification><dataInputAssociation id="a2"><sourceRef>o</sourceRef>'
            "<targetRef>d</targetRef>"
            "</dataInputAssociation></task>"
        )
        + '<dataObject id="o" itemSubjectRef="two"/>',
        OTHER,
    ),
    ("item-kinds", "o", '<task id="t"/><dataObject id="o" itemSubjectRef="many"/>', COLLECTION),
    (
        "operation-data",
        "x",
        in_line(
            '<sendTask id="x" messageRef="m"><ioSpecification><dataInput id="d" itemSubjectRef="two"/><inputSet>'
            "<dataInputRefs>d</dataInputRefs></inputSet></ioSpecification></sendTask>"
        ),
        OTHER + '<message id="m" itemRef="one"/>',
    ),
    (
        "event-data",
        "s",
        '<startEvent id="s"><dataOutput id="d" itemSubjectRef="two"/>'
        '<signalEventDefinition signalRef="g"/></startEvent>'
        '<endEvent id="e"/>' + flow("f", "s", "e"),
        OTHER + '<signal id="g" structureRef="one"/>',
    ),
    (
        "loop-data",
        "x",
        looping('<loopDataInputRef>o</loopDataInputRef><inputDataItem id="i" itemSubjectRef="many"/>')
        + '<dataObject id="o" itemSubjectRef="many" isCollection="true"/>',
        COLLECTION,
    ),
    (
        "call-data",
        "x",
        in_line('<callActivity id="x" calledElement="o"><ioSpecification/></callActivity>'),
        '<process id="o"><ioSpecification><dataInput id="d"/><inputSet><dataInputRefs>d</dataInputRefs></inputSet>'
        '</ioSpecification><task id="t"/></process>',
    ),
    (
        "interface-binding",
        "p",
        '<supportedInterfaceRef>i</supportedInterfaceRef><task id="t"/>',
        '<interface id="i"><operation id="o"/></interface>',
    ),
    ("not-honoured", "x", in_line('<callActivity id="x" calledElement="o" camunda:variableMappingClass="a.B"/>'), ""),
    ("receive-task-start", "x", '<receiveTask id="x" instantiate="true"/>', ""),
    ("secret", "x", timed("{{secrets.A}}"), ""),
    ("secret", "x", timed("=camunda.secrets.A"), ""),
    ("listener", "x", listened("executionListener", 'event="take" class="a.B"'), ""),
    ("listener", "x", listened("taskListener", 'event="assigned" class="a.B"'), ""),
    ("listener", "x", listened("executionListener", 'event="start"'), ""),
    ("listener", "x", listened("taskListener", 'event="timeout" class="a.B"'), ""),
    (
        "supported",
        "x",
        START_AND_END
        + LINE
        + '<task id="x"><multiInstanceLoopCharacteristics behavior="Odd"><loopCardinality>2</loopCardinality>'
        "</multiInstanceLoopCharacteristics></task>",
        "",
    ),
    (
        "receive-task-start",
        "x",
        in_line('<subProcess id="y"><receiveTask id="x" instantiate="true" messageRef="m"/></subProcess>'),
        MESSAGE,
    ),
    (
        "receive-task-start",
        "x",
        '<receiveTask id="x" instantiate="true" messageRef="m"><standardLoopCharacteristics/></receiveTask>',
        MESSAGE,
    ),
    (
        "event-gateway",
        "g",
        in_line('<subProcess id="x"><eventBasedGateway id="g" instantiate="true"/></subProcess>'),
        "",
    ),
    (
        "event-gateway",
        "g",
        after_event_gateway(catch("x"), catch("y")).replace('id="g"', 'id="g" eventGatewayType="Parallel"'),
        "",
    ),
    ("missing-start", "x", in_line('<subProcess id="x"/>'), ""),
    *(("retry-cycle", "x", retried(cycle), "") for cycle in ("R3", "3", "R3/10M", "R3/PT1M,PT2M", "R-1/PT1M")),
    ("retry-cycle", "x", retried("R1000000000/PT1M"), ""),
    ("time-to-live", None, in_line('<task id="x"/>'), started('camunda:historyTimeToLive="soon"')),
    ("time-to-live", None, in_line('<task id="x"/>'), started('camunda:historyTimeToLive="-1"')),
    ("time-to-live", None, in_line('<task id="x"/>'), started('camunda:historyTimeToLive="${days}"')),
    ("candidate-starter", None, in_line('<task id="x"/>'), started('camunda:candidateStarterUsers="ann, ${boss}"')),
    (
        "data-assignment",
        "x",
        in_line(
            '<task id="x"><dataInputAssociation><sourceRef>o</sourceRef><targetRef>o</targetRef><assignment>'
            "<from>1</from><to>a[1]</to></assignment></dataInputAssociation></task>"
        )
        + '<dataObject id="o"/>',
        "",
    ),
    (
        "data-store",
        "d",
        in_line(
            '<task id="x"><extensionElements><s:category xmlns:s="http://spiffworkflow.org/bpmn/schema/1.0/core"/>'
            '</extensionElements><dataOutputAssociation id="d"><targetRef>r</targetRef></dataOutputAssociation></task>'
        )
        + '<dataStoreReference id="r" dataStoreRef="kkv"/>',
        '<dataStore id="kkv" name="KKVDataStore"/>',
    ),
]


@pytest.mark.parametrize(
    ("rule", "element", "inside", "top"), BROKEN, ids=[f"{b[0]}-{n}" for n, b in enumerate(BROKEN)]
)
def test_what_breaks_a_rule_is_refused_with_its_element_and_line(read, rule, element, inside, top):
    if top is None:
        story = read(inside, process='processType="Public" isExecutable="true"')
    else:
        story = read(inside, top)

    assert rule in story.errors
    found = [finding for finding in story.findings if finding.rule == rule]
    assert element is None or element in [finding.element_id for finding in found]
    assert all(finding.line == 1 and finding.message.endswith((".", "m.")) for finding in found)


RISKY = [
    ("deadlock", "j", forked("exclusiveGateway", "parallelGateway")),
    ("deadlock", "j", forked("inclusiveGateway", "parallelGateway")),
    ("lack-of-synchronisation", "j", forked("parallelGateway", "exclusiveGateway")),
    ("lack-of-synchronisation", "j", forked("inclusiveGateway", "exclusiveGateway")),
]


@pytest.mark.parametrize(("rule", "element", "inside"), RISKY, ids=[f"{b[0]}-{n}" for n, b in enumerate(RISKY)])
def test_what_can_go_wrong_in_a_run_is_a_warning_with_its_element_and_remedy(read, rule, element, inside):
    story = read(inside)

    assert (story.errors, story.warnings) == (set(), {rule})
    assert story.found(rule).element_id == element
    assert "Join" in story.found(rule).message


WELL_DRAWN = [
    in_line('<task id="x"/>'),
    in_line('<userTask id="x"><documentation>Any &lt;b&gt;</documentation></userTask>'),
    '<task id="t"/>',  # no start event and none needed
    in_line('<serviceTask id="x"/>')
    + f'<boundaryEvent id="w" attachedToRef="x">{TIMER}</boundaryEvent>'
    + flow("c", "w", "e"),
    in_line('<subProcess id="x"><startEvent id="i"/><endEvent id="o"/>' + flow("f", "i", "o") + "</subProcess>"),
    after_event_gateway(catch("x"), catch("y")),
    timed("PT1.5S"),
    *(retried(cycle) for cycle in ("R3/PT10M", "R/PT5M", "PT1M", "PT1M, PT5M,P1D", "${cycle}")),
    timed("P1DT12H"),
    timed("${wait}"),
    timed("=wait"),
    timed("minutes(wait)"),
    timed("PT5M").replace("timeDuration", "timeDate").replace("PT5M", "2030-01-01T00:00:00+02:00"),
    timed("PT5M").replace("timeDuration", "timeCycle").replace("PT5M", "R/2030-01-01T00:00:00Z/P1M"),
    timed("PT5M").replace("timeDuration", "timeCycle").replace("PT5M", "0 0 9 ? * MON-FRI"),
    timed("PT5M").replace("timeDuration", "timeCycle").replace("PT5M", "R/2030-01-01T09:00:00[Europe/Berlin]/P1D"),
    timed("PT5M").replace("timeDuration", "timeCycle").replace("PT5M", "R2/P1D/2030-01-01T09:00:00[Europe/Berlin]"),
    timed("PT5M").replace("timeDuration", "timeCycle").replace("PT5M", "CRON_TZ=Europe/Berlin 0 0 9 * * MON-FRI"),
    looping(
        "<loopCardinality>3</loopCardinality><completionCondition>nrOfCompletedInstances > 1</completionCondition>"
    ),
    START_AND_END
    + '<exclusiveGateway id="x" default="c"/>'
    + flow("a", "s", "x")
    + flow("b", "x", "e", "y > 1")
    + flow("c", "x", "e"),
    forked("parallelGateway", "parallelGateway"),
    forked("exclusiveGateway", "exclusiveGateway"),
    forked("exclusiveGateway", "inclusiveGateway"),
    forked("parallelGateway", "inclusiveGateway"),
    in_line('<scriptTask id="x"><script>import math\nfor i in range(3):\n    y = math.floor(i)</script></scriptTask>'),
]


@pytest.mark.parametrize("inside", WELL_DRAWN, ids=range(len(WELL_DRAWN)))
def test_what_is_well_drawn_has_no_findings(read, inside):
    assert [str(finding) for finding in read(inside).findings] == []


def test_every_rule_has_a_diagram_here_that_breaks_it():
    assert {rule.RULE for rule in RULES} - {broken[0] for broken in (*BROKEN, *RISKY)} == set()


def test_every_finding_has_its_line_in_the_documentation():
    page = (Path(__file__).parents[3] / "docs/validation.md").read_text()
    explained = set(re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE))
    sources = [path.read_text() for path in (Path(__file__).parents[3] / "bpmn").glob("**/*.py")]
    reported = {
        name for text in sources for name in re.findall(r'(?:error|Unreadable)\(\s*"([a-z]+(?:-[a-z]+)*)"', text)
    }

    assert explained == {rule.RULE for rule in RULES} | (reported & explained)
    assert reported <= explained
