"""JavaScript wherever a diagram may have it, as a diagram of Camunda 7 and one of plain BPMN write it."""

import pytest

from engine.engine import Engine
from engine.errors import DeploymentRefused
from engine.model import InstanceState, Resource

HEAD = """<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t"
  xmlns:camunda="http://camunda.org/schema/1.0/bpmn" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xmlns:modeler="http://camunda.org/schema/modeler/1.0" {platform}>
  <error id="Limit" errorCode="LIMIT"/>
  <process id="p" isExecutable="true">{body}</process>
</definitions>"""
CAMUNDA = 'modeler:executionPlatform="Camunda Platform"'
MAPPED = """<extensionElements><camunda:inputOutput>
  <camunda:inputParameter name="doubled"><camunda:script scriptFormat="JavaScript">amount * 2</camunda:script>
  </camunda:inputParameter>
  <camunda:outputParameter name="names"><camunda:script scriptFormat="javascript">[customer, doubled]</camunda:script>
  </camunda:outputParameter></camunda:inputOutput></extensionElements>"""


def task(script: str, *, attributes: str = "", parts: str = "", after: str = "") -> str:
    """A start, a script task T and an end."""
    return (
        f'<startEvent id="S"/><scriptTask id="T" name="Compute" scriptFormat="javascript" {attributes}>{parts}'
        f'<script><![CDATA[{script}]]></script></scriptTask><endEvent id="E"/>'
        f'<sequenceFlow id="a" sourceRef="S" targetRef="T"/><sequenceFlow id="b" sourceRef="T" targetRef="E"/>{after}'
    )


def deploy(engine: Engine, body: str, platform: str = CAMUNDA) -> None:
    engine.deploy(Resource("p.bpmn", HEAD.format(platform=platform, body=body).encode()))


def run(engine: Engine, body: str, platform: str = CAMUNDA, **variables: object) -> dict[str, object]:
    """The variables at the end."""
    deploy(engine, body, platform)
    instance = engine.start("p", business_key="K-1", variables=variables)
    engine.work()
    assert engine.read.incidents(instance.id) == []
    assert engine.read.instance(instance.id).state is InstanceState.COMPLETED
    return engine.read.variables(instance.id)


def test_a_camunda_script_task_sets_variables_by_execution_and_its_result_variable(engine: Engine) -> None:
    script = "var net = amount / 2; execution.setVariable('net', net); net + 1"
    found = run(engine, task(script, attributes='camunda:resultVariable="gross"'), amount=10)

    assert found == {"amount": 10, "net": 5, "gross": 6}


def test_a_plain_script_task_sets_variables_by_assigning_them(engine: Engine) -> None:
    assert run(engine, task("net = amount / 2; let gross = net + 1"), "", amount=10) == {
        "amount": 10,
        "net": 5,
        "gross": 6,
    }


def test_a_script_knows_its_instance(engine: Engine) -> None:
    script = "execution.setVariable('told', [execution.getProcessBusinessKey(), execution.getCurrentActivityId()])"

    assert run(engine, task(script))["told"] == ["K-1", "T"]


def test_a_script_in_a_mapping_computes_its_value(engine: Engine) -> None:
    found = run(engine, task("customer", parts=MAPPED), amount=10, customer="Ann")

    assert found == {"amount": 10, "customer": "Ann", "names": ["Ann", 20]}


def test_a_script_in_a_listener_sets_variables(engine: Engine) -> None:
    listeners = """<extensionElements>
      <camunda:executionListener event="start"><camunda:script scriptFormat="javascript">
        execution.setVariable("approvals", ++approvals);</camunda:script></camunda:executionListener>
      <camunda:executionListener event="end"><camunda:script scriptFormat="javascript">
        execution.setVariable("heard", execution.getEventName());</camunda:script></camunda:executionListener>
    </extensionElements>"""

    assert run(engine, task("1", parts=listeners), approvals=1) == {"approvals": 2, "heard": "end"}


@pytest.mark.parametrize(("amount", "path"), [(120, "large"), (5, "small")])
def test_a_flow_asks_its_condition_in_javascript(engine: Engine, amount: int, path: str) -> None:
    body = """<startEvent id="S"/><exclusiveGateway id="G" default="small"/><endEvent id="L"/><endEvent id="M"/>
      <sequenceFlow id="a" sourceRef="S" targetRef="G"/><sequenceFlow id="small" sourceRef="G" targetRef="M"/>
      <sequenceFlow id="large" sourceRef="G" targetRef="L">
        <conditionExpression xsi:type="tFormalExpression" language="javascript"><![CDATA[
          var limit = 100; `${amount}`.length > 2 && amount > limit]]></conditionExpression></sequenceFlow>"""
    deploy(engine, body)
    instance = engine.start("p", variables={"amount": amount})

    reached = {each.element_id for each in engine.read.history(instance.id).activities}
    assert ("L" in reached, "M" in reached) == (path == "large", path == "small")


def test_a_multi_instance_completes_by_a_condition_in_javascript(engine: Engine) -> None:
    loop = """<multiInstanceLoopCharacteristics isSequential="true"><loopCardinality>5</loopCardinality>
      <completionCondition xsi:type="tFormalExpression" language="javascript">done >= 2</completionCondition>
    </multiInstanceLoopCharacteristics>"""
    body = task("execution.setVariable('done', done + 1)").replace("</scriptTask>", f"{loop}</scriptTask>")

    assert run(engine, body, done=0) == {"done": 2}


def test_a_bpmn_error_out_of_a_script_is_caught_by_the_boundary_event(engine: Engine) -> None:
    caught = """<boundaryEvent id="B" attachedToRef="T"><errorEventDefinition errorRef="Limit"
        camunda:errorMessageVariable="why"/></boundaryEvent><endEvent id="F"/>
      <sequenceFlow id="c" sourceRef="B" targetRef="F"/>"""
    script = "execution.setVariable('tried', 1); throw new org.camunda.bpm.engine.delegate.BpmnError('LIMIT', 'no')"

    assert run(engine, task(script, after=caught)) == {"tried": 1, "why": "no"}


def test_listeners_of_a_user_task_see_it_and_give_it_to_somebody(engine: Engine) -> None:
    body = """<startEvent id="S"/><userTask id="U" camunda:assignee="bob"><extensionElements>
        <camunda:taskListener event="create"><camunda:script scriptFormat="javascript"><![CDATA[
          if (!!task.getVariable('approver')) { task.setAssignee(approver); task.addCandidateGroup('sales');
            task.setPriority(70); task.setDueDate(new Date(Date.UTC(2027, 0, 1))); }]]></camunda:script>
        </camunda:taskListener>
        <camunda:taskListener event="assignment"><camunda:script scriptFormat="javascript">
          task.setVariable('approver', task.getAssignee());</camunda:script></camunda:taskListener>
        <camunda:taskListener event="complete"><camunda:script scriptFormat="javascript">
          task.setVariable('completed', [task.assignee, task.eventName]);</camunda:script></camunda:taskListener>
      </extensionElements></userTask><endEvent id="E"/>
      <sequenceFlow id="a" sourceRef="S" targetRef="U"/><sequenceFlow id="b" sourceRef="U" targetRef="E"/>"""
    deploy(engine, body)
    instance = engine.start("p", variables={"approver": "ann"})
    (open_task,) = engine.read.tasks(scope="all").items
    assert (open_task.assignee, open_task.priority, open_task.candidate_groups) == ("ann", 70, ("sales",))
    assert open_task.due_at is not None
    assert open_task.due_at.isoformat() == "2027-01-01T00:00:00+00:00"

    engine.assign(open_task.id, "eve", by="root")
    assert engine.read.variables(instance.id)["approver"] == "eve"

    engine.complete(open_task.id, by="eve")
    assert engine.read.variables(instance.id) == {"approver": "eve", "completed": ["eve", "complete"]}


def test_a_failing_script_is_an_incident_that_says_where(engine: Engine) -> None:
    deploy(engine, task("var a = 1;\nmissing + a"))
    instance = engine.start("p", variables={"amount": 1})

    (incident,) = engine.read.incidents(instance.id)
    assert incident.kind == "script"
    assert incident.message == (
        "ReferenceError: missing is not defined. Variables in scope: amount. (line 2 of the script)"
    )


REFUSED = {
    "no JavaScript": (task("var a = ;"), "expression-syntax", "Not valid JavaScript"),
    "Java": (task("new java.net.URL(x)"), "expression-syntax", "Java's 'java.net.URL' does not exist here"),
    "groovy": (task("1").replace("javascript", "groovy"), "expression-syntax", "The script is in groovy"),
    "ruby": (task("1").replace("javascript", "ruby"), "language-not-supported", "The language 'ruby'"),
    "beanshell": (task("1").replace("javascript", "beanshell"), "language-not-supported", "'beanshell'"),
    "a file": (task("", attributes='camunda:resource="deployment://a.js"'), "script-elsewhere", "deployment://a.js"),
}


@pytest.mark.parametrize(("body", "rule", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_run_is_refused_at_deployment(engine: Engine, body: str, rule: str, message: str) -> None:
    with pytest.raises(DeploymentRefused) as refused:
        deploy(engine, body)

    (finding,) = [each for each in refused.value.findings if each.severity == "error"]
    assert (finding.rule, finding.line) == (rule, 5)
    assert message in finding.message
    assert finding.element_id == "T"
