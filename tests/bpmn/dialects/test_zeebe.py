"""What Camunda 8's editor writes, in the neutral model."""

from __future__ import annotations

import pytest

from bpmn.model import (
    Assignment,
    CallBinding,
    DecisionBinding,
    Expression,
    JobBinding,
    Language,
    MultiInstance,
    Script,
    ScriptBinding,
    UserTaskBinding,
)

FEEL, LITERAL = Language.FEEL, Language.LITERAL


def with_extensions(tag: str, inside: str, content: str = "") -> str:
    return f'<{tag} id="x"><extensionElements>{inside}</extensionElements>{content}</{tag}>'


def test_a_task_definition_is_a_job_with_headers_and_retries(read_line):
    story = read_line(
        with_extensions(
            "serviceTask",
            '<zeebe:taskDefinition type="charge-card" retries="5"/><zeebe:taskHeaders>'
            '<zeebe:header key="url" value="http://x"/><zeebe:header key="resultVariable" value="answer"/>'
            '</zeebe:taskHeaders><zeebe:jobPriorityDefinition priority="=level"/>',
        )
    )

    job = story.node("x").binding
    assert isinstance(job, JobBinding)
    assert (job.names, job.written_as, job.headers["url"]) == (("charge-card",), "taskDefinition", "http://x")
    assert job.retries == Expression(Language.JSON, "5", 1)
    assert job.priority == Expression(FEEL, "level", 1)
    assert job.result_variable == "answer"
    assert story.findings == []


def test_a_type_may_be_an_expression(read_line):
    job = read_line(with_extensions("serviceTask", '<zeebe:taskDefinition type="=kind"/>')).node("x").binding

    assert isinstance(job, JobBinding)
    assert job.type_expression == Expression(FEEL, "kind", 1)


@pytest.mark.parametrize("tag", ["sendTask", "businessRuleTask", "scriptTask", "endEvent", "intermediateThrowEvent"])
def test_a_task_definition_makes_a_job_of_other_elements_too(read, tag):
    content = "<messageEventDefinition/>" if tag.endswith("Event") else ""
    story = read(with_extensions(tag, '<zeebe:taskDefinition type="mail"/>', content))

    assert isinstance(story.node("x").binding, JobBinding)


def test_mappings_are_feel_with_a_leading_equals_sign_and_isolate_the_results(read_line):
    story = read_line(
        with_extensions(
            "serviceTask",
            '<zeebe:taskDefinition type="t"/><zeebe:ioMapping><zeebe:input source="=a + 1" target="b"/>'
            '<zeebe:input source="fixed ${x}" target="c"/><zeebe:output source="=r" target="d.e"/></zeebe:ioMapping>',
        )
    )

    node = story.node("x")
    assert node.inputs == (
        Assignment("b", Expression(FEEL, "a + 1", 1)),
        Assignment("c", Expression(LITERAL, "fixed ${x}", 1)),
    )
    assert node.outputs == (Assignment("d.e", Expression(FEEL, "r", 1)),)
    assert node.outputs_isolate


def test_a_script_is_feel_with_a_result(read_line):
    story = read_line(with_extensions("scriptTask", '<zeebe:script expression="=a + b" resultVariable="sum"/>'))

    assert story.node("x").binding == ScriptBinding(Script(FEEL, "a + b", 1), "sum")


def test_a_decision_is_called_by_id_or_expression(read_line):
    story = read_line(
        with_extensions(
            "businessRuleTask",
            '<zeebe:calledDecision decisionId="=which" resultVariable="r" bindingType="versionTag" versionTag="v1"/>',
        )
    )

    assert story.node("x").binding == DecisionBinding(
        Expression(FEEL, "which", 1), "r", "raw", "versionTag", Expression(LITERAL, "v1", 1)
    )


@pytest.mark.parametrize(
    ("attributes", "passes_in", "passes_out"),
    [("", True, True), ('propagateAllParentVariables="false" propagateAllChildVariables="false"', False, False)],
)
def test_a_called_process_gets_and_gives_all_variables_unless_it_is_told_not_to(
    read_line, attributes, passes_in, passes_out
):
    call = (
        read_line(with_extensions("callActivity", f'<zeebe:calledElement processId="ship" {attributes}/>'))
        .node("x")
        .binding
    )

    ship = Expression(LITERAL, "ship", 1)
    assert call == CallBinding(ship, passes_all_in=passes_in, passes_local_in=True, passes_all_out=passes_out)


def test_a_user_task_has_assignment_schedule_priority_and_an_embedded_form(read):
    story = read(
        '<extensionElements><zeebe:userTaskForm id="f1">{"components": []}</zeebe:userTaskForm>'
        '<zeebe:versionTag value="1.2"/></extensionElements>'
        + with_extensions(
            "userTask",
            '<zeebe:userTask/><zeebe:assignmentDefinition assignee="=boss" candidateGroups="sales"/>'
            '<zeebe:taskSchedule dueDate="=now() + duration(&quot;P1D&quot;)"/>'
            '<zeebe:priorityDefinition priority="70"/>'
            '<zeebe:formDefinition formKey="camunda-forms:bpmn:f1"/>',
        )
    )

    task = story.node("x").binding
    assert isinstance(task, UserTaskBinding)
    assert task.form is not None
    assert task.assignee == Expression(FEEL, "boss", 1)
    assert task.candidate_groups == Expression(LITERAL, "sales", 1)
    assert task.due_date is not None
    assert task.due_date.text == 'now() + duration("P1D")'
    assert task.form.schema == '{"components": []}'
    assert dict(story.process.embedded_forms) == {"f1": '{"components": []}'}
    assert story.process.version_tag == "1.2"
    assert story.findings == []


def test_a_form_may_be_deployed_beside_the_diagram(read):
    form = (
        read(with_extensions("startEvent", '<zeebe:formDefinition formId="order" bindingType="deployment"/>'))
        .node("x")
        .form
    )

    assert form is not None
    assert (form.form_id, form.version_binding) == ("order", "deployment")


def test_a_message_is_correlated_by_its_subscriptions_key(read_line):
    story = read_line(
        '<intermediateCatchEvent id="x"><messageEventDefinition messageRef="m"/></intermediateCatchEvent>',
        '<message id="m" name="=&quot;paid-&quot; + shop"><extensionElements>'
        '<zeebe:subscription correlationKey="=orderId"/></extensionElements></message>',
    )

    event = story.node("x").event
    assert event is not None
    assert event.correlation_key == Expression(FEEL, "orderId", 1)
    assert event.name == Expression(FEEL, '"paid-" + shop', 1)


def test_a_multi_instance_collects_its_outputs(read_line):
    story = read_line(
        '<serviceTask id="x"><extensionElements><zeebe:taskDefinition type="t"/></extensionElements>'
        "<multiInstanceLoopCharacteristics><extensionElements><zeebe:loopCharacteristics "
        'inputCollection="=orders" inputElement="order" outputCollection="results" outputElement="=order.total"/>'
        '</extensionElements><completionCondition xsi:type="tFormalExpression">=done</completionCondition>'
        "</multiInstanceLoopCharacteristics></serviceTask>"
    )

    assert story.node("x").loop == MultiInstance(
        is_sequential=False,
        collection=Expression(FEEL, "orders", 1),
        element_variable="order",
        output_collection="results",
        output_element=Expression(FEEL, "order.total", 1),
        completion_condition=Expression(FEEL, "done", 1),
    )


def test_listeners_are_read_with_their_headers_and_the_event_as_it_is_written(read_line):
    story = read_line(
        with_extensions(
            "userTask",
            '<zeebe:userTask/><zeebe:executionListeners><zeebe:executionListener eventType="start" type="audit" '
            'retries="5"><zeebe:taskHeaders><zeebe:header key="k" value="v"/></zeebe:taskHeaders>'
            "</zeebe:executionListener></zeebe:executionListeners>"
            '<zeebe:taskListeners><zeebe:taskListener eventType="completing" type="=kind"/></zeebe:taskListeners>',
        )
    )
    start, complete = story.node("x").listeners

    assert start.job is not None
    assert complete.job is not None
    assert (start.event, start.is_local, start.job.type) == ("start", True, "audit")
    assert (start.job.headers, start.job.retries and start.job.retries.text) == (
        {"k": "v", "listener.event": "start"},
        "5",
    )
    assert (complete.event, complete.job.headers) == ("complete", {"listener.event": "completing"})
    assert complete.job.type_expression == Expression(Language.FEEL, "kind", 1)
    assert not story.errors
