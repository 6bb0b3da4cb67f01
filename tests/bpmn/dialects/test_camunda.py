"""What Camunda 7's editor writes, in the neutral model."""

from __future__ import annotations

import pytest

from bpmn.model import (
    Assignment,
    CallBinding,
    DecisionBinding,
    Expression,
    JobBinding,
    Language,
    ListOf,
    MapOf,
    MultiInstance,
    Script,
    ScriptBinding,
    UserTaskBinding,
)

JUEL, LITERAL = Language.JUEL, Language.LITERAL


def service(attributes: str, inside: str = "") -> str:
    return f'<serviceTask id="x" {attributes}><extensionElements>{inside}</extensionElements></serviceTask>'


@pytest.mark.parametrize(
    ("attributes", "names", "written_as"),
    [
        ('camunda:type="external" camunda:topic="charge-card"', ("charge-card",), "topic"),
        ('camunda:delegateExpression="${chargeCard}"', ("chargeCard",), "delegateExpression"),
        ('camunda:class="shop.pay.ChargeCard"', ("shop.pay.ChargeCard", "ChargeCard"), "class"),
        ('camunda:expression="${bank.charge(x)}"', ("bank.charge(x)", "bank.charge", "bank"), "expression"),
        ('camunda:expression="#{bank}"', ("bank",), "expression"),
        ('name="Charge"', ("x", "Charge"), "element id"),
    ],
)
def test_a_service_task_is_bound_by_what_its_attributes_name(read_line, attributes, names, written_as):
    binding = read_line(service(attributes), attributes='camunda:diagramRelationId="1"').node("x").binding

    assert isinstance(binding, JobBinding)
    assert (binding.names, binding.written_as) == (names, written_as)


def test_activiti_and_flowable_attributes_mean_the_same(read_line):
    story = read_line(
        '<serviceTask id="x" a:delegateExpression="${mail}" f:asyncBefore="true"/>',
        attributes='xmlns:a="http://activiti.org/bpmn" xmlns:f="http://flowable.org/bpmn"',
    )

    node = story.node("x")
    assert isinstance(node.binding, JobBinding)
    assert (node.binding.names, node.save_point_before) == (("mail",), True)


def test_a_topic_may_be_an_expression(read_line):
    binding = read_line(service('camunda:type="external" camunda:topic="${kind}"')).node("x").binding

    assert isinstance(binding, JobBinding)
    assert binding.type_expression == Expression(JUEL, "${kind}", 1)


def test_fields_retries_and_results_go_to_the_job(read_line):
    story = read_line(
        service(
            'camunda:class="a.B" camunda:resultVariable="out" camunda:taskPriority="7"',
            "<camunda:failedJobRetryTimeCycle>R3/PT10M</camunda:failedJobRetryTimeCycle>"
            '<camunda:field name="to" stringValue="desk"/>'
            '<camunda:field name="who"><camunda:expression>${user}</camunda:expression></camunda:field>',
        )
    )

    job = story.node("x").binding
    assert isinstance(job, JobBinding)
    assert job.retry_cycle == Expression(LITERAL, "R3/PT10M", 1)
    assert (job.result_variable, dict(job.headers)) == ("out", {"to": "desk"})
    assert job.parameters == (Assignment("who", Expression(JUEL, "${user}", 1)),)
    assert job.priority == Expression(Language.JSON, "7", 1)


def test_a_connector_is_a_job_with_its_own_inputs_and_outputs(read_line):
    story = read_line(
        service(
            "",
            "<camunda:connector><camunda:inputOutput>"
            '<camunda:inputParameter name="url">http://x</camunda:inputParameter>'
            '<camunda:outputParameter name="answer">${response}</camunda:outputParameter></camunda:inputOutput>'
            "<camunda:connectorId>http-connector</camunda:connectorId></camunda:connector>",
        )
    )

    node = story.node("x")
    assert isinstance(node.binding, JobBinding)
    assert (node.binding.names, node.binding.parameters[0].target) == (("http-connector",), "url")
    assert node.outputs == (Assignment("answer", Expression(JUEL, "${response}", 1)),)


def test_input_and_output_may_be_text_script_list_or_map(read_line):
    story = read_line(
        service(
            'camunda:class="a.B"',
            '<camunda:inputOutput><camunda:inputParameter name="text">Hello ${x}</camunda:inputParameter>'
            '<camunda:inputParameter name="list"><camunda:list><camunda:value>a</camunda:value>'
            '<camunda:script scriptFormat="feel">1</camunda:script></camunda:list></camunda:inputParameter>'
            '<camunda:inputParameter name="map"><camunda:map><camunda:entry key="k">${v}</camunda:entry></camunda:map>'
            '</camunda:inputParameter><camunda:outputParameter name="o"><camunda:script scriptFormat="python">1 + 1'
            "</camunda:script></camunda:outputParameter></camunda:inputOutput>",
        )
    )

    node = story.node("x")
    assert [mapping.source for mapping in node.inputs] == [
        Expression(JUEL, "Hello ${x}", 1),
        ListOf((Expression(LITERAL, "a", 1), Script(Language.FEEL, "1", 1))),
        MapOf((("k", Expression(JUEL, "${v}", 1)),)),
    ]
    assert node.outputs == (Assignment("o", Script(Language.PYTHON, "1 + 1", 1)),)
    assert story.findings == []


def test_save_points_and_exclusiveness(read_line):
    node = read_line(service('camunda:asyncBefore="true" camunda:asyncAfter="true" camunda:exclusive="false"')).node(
        "x"
    )

    assert (node.save_point_before, node.save_point_after, node.is_exclusive) == (True, True, False)


@pytest.mark.parametrize(
    ("attributes", "is_exclusive"),
    [
        ('camunda:class="a.B"', False),
        ('camunda:class="a.B" camunda:exclusive="true"', True),
        ('camunda:class="a.B" camunda:asyncBefore="true"', True),
        ('camunda:class="a.B" camunda:async="true"', True),
        ('camunda:class="a.B" camunda:asyncAfter="true"', False),
        ('camunda:class="a.B" camunda:asyncBefore="true" camunda:exclusive="false"', False),
        ('camunda:type="external" camunda:topic="t" camunda:asyncBefore="true"', False),
        ('camunda:type="external" camunda:topic="t" camunda:exclusive="true"', True),
    ],
)
def test_a_task_is_exclusive_where_camunda_makes_a_job_of_it_or_the_diagram_says_so(
    read_line, attributes, is_exclusive
):
    assert read_line(service(attributes)).node("x").is_exclusive is is_exclusive


@pytest.mark.parametrize(
    ("task", "loop", "is_exclusive"),
    [
        ("", 'camunda:asyncBefore="true"', True),
        ('camunda:asyncBefore="true"', "", True),
        ('camunda:asyncBefore="true"', 'camunda:asyncBefore="true" camunda:exclusive="false"', False),
        ('camunda:asyncBefore="true" camunda:exclusive="false"', 'camunda:asyncBefore="true"', True),
    ],
)
def test_the_loop_of_a_task_says_whether_its_instances_are_exclusive(read_line, task, loop, is_exclusive):
    name = "multiInstanceLoopCharacteristics"
    inner = f"<{name} {loop}><loopCardinality>3</loopCardinality></{name}>"
    story = read_line(f'<serviceTask id="x" camunda:class="a.B" {task}>{inner}</serviceTask>')
    assert story.node("x").is_exclusive is is_exclusive


def test_a_user_task_has_its_people_dates_and_form_fields(read_line):
    story = read_line(
        '<userTask id="x" camunda:assignee="${boss}" camunda:candidateGroups="a,b" camunda:dueDate="${due}" '
        'camunda:priority="60"><extensionElements><camunda:formData businessKey="id"><camunda:formField id="age" '
        'label="Age" type="long" defaultValue="3"><camunda:validation><camunda:constraint name="min" config="1"/>'
        '</camunda:validation></camunda:formField><camunda:formField id="size" type="enum"><camunda:value id="s" '
        'name="Small"/></camunda:formField></camunda:formData></extensionElements></userTask>'
    )

    task = story.node("x").binding
    assert isinstance(task, UserTaskBinding)
    assert task.form is not None
    assert task.assignee == Expression(JUEL, "${boss}", 1)
    assert task.candidate_groups == Expression(LITERAL, "a,b", 1)
    assert task.priority == Expression(Language.JSON, "60", 1)
    age, size = task.form.fields
    assert (age.id, age.label, age.type, dict(age.constraints)) == ("age", "Age", "long", {"min": "1"})
    assert size.choices == (("s", "Small"),)
    assert task.form.business_key_field == "id"
    assert story.findings == []


def test_a_start_event_has_its_form_and_initiator(read):
    node = read('<startEvent id="s" camunda:formKey="order.html" camunda:initiator="who"/>').node("s")

    assert node.form is not None
    assert (node.form.key, node.initiator_variable) == ("order.html", "who")


def test_a_business_rule_task_names_its_decision(read_line):
    story = read_line(
        '<businessRuleTask id="x" camunda:decisionRef="risk" camunda:resultVariable="r" '
        'camunda:mapDecisionResult="singleEntry" camunda:decisionRefBinding="version" camunda:decisionRefVersion="2"/>'
    )

    assert story.node("x").binding == DecisionBinding(
        Expression(LITERAL, "risk", 1), "r", "singleEntry", "version", Expression(LITERAL, "2", 1)
    )


def test_a_call_activity_maps_variables_and_the_business_key(read_line):
    story = read_line(
        '<callActivity id="x" calledElement="ship" camunda:calledElementBinding="deployment"><extensionElements>'
        '<camunda:in businessKey="${key}"/><camunda:in source="a" target="b"/>'
        '<camunda:in sourceExpression="${c + 1}" target="d"/><camunda:out variables="all"/>'
        "</extensionElements></callActivity>"
    )

    call = story.node("x").binding
    assert isinstance(call, CallBinding)
    assert call.process == Expression(LITERAL, "ship", 1)
    assert call.inputs == (
        Assignment("b", Expression(Language.FEEL, "a", 1)),
        Assignment("d", Expression(JUEL, "${c + 1}", 1)),
    )
    assert call.business_key == Expression(JUEL, "${key}", 1)
    assert (call.version_binding, call.passes_all_in, call.passes_all_out) == ("deployment", False, True)


def test_a_multi_instance_takes_its_collection_by_name_or_expression(read_line):
    def loop_over(collection: str) -> MultiInstance:
        story = read_line(
            f'<userTask id="x"><multiInstanceLoopCharacteristics camunda:collection="{collection}" '
            'camunda:elementVariable="item"/></userTask>'
        )
        loop = story.node("x").loop
        assert isinstance(loop, MultiInstance)
        return loop

    assert loop_over("orders").collection == Expression(JUEL, "${orders}", 1)
    assert loop_over("${a.b}").collection == Expression(JUEL, "${a.b}", 1)
    assert (loop_over("orders").element_variable, loop_over("orders").counts_from) == ("item", 0)


def test_a_script_task_runs_its_script_in_its_format(read_line):
    story = read_line(
        '<scriptTask id="x" scriptFormat="python" camunda:resultVariable="y">'
        "<script>\n    a = 1\n    a + 1\n  </script>"
        "</scriptTask>"
    )

    assert story.node("x").binding == ScriptBinding(Script(Language.PYTHON, "a = 1\na + 1", 1), "y")


@pytest.mark.parametrize("kind", ["intermediateThrowEvent", "endEvent"])
def test_a_message_is_thrown_by_a_handler_where_one_is_named(read, kind):
    story = read(
        f'<startEvent id="s"/><{kind} id="x">'
        f'<messageEventDefinition camunda:type="external" camunda:topic="mail"/></{kind}>'
    )

    binding = story.node("x").binding
    assert isinstance(binding, JobBinding)
    assert binding.names == ("mail",)
    assert "message-missing" not in story.errors


def test_a_caught_error_puts_code_and_message_into_variables(read_line):
    story = read_line(
        '<task id="x"/><boundaryEvent id="b" attachedToRef="x"><errorEventDefinition camunda:errorCodeVariable="code" '
        'camunda:errorMessageVariable="text"/></boundaryEvent>'
    )

    event = story.node("b").event
    assert event is not None
    assert (event.code_variable, event.message_variable) == ("code", "text")


def test_listeners_of_tasks_flows_and_the_process_are_read(read):
    end = (
        '<camunda:executionListener event="end"><camunda:script scriptFormat="python">1</camunda:script>'
        "</camunda:executionListener>"
    )
    take = '<camunda:executionListener event="take" expression="${bean.note(execution)}"/>'
    story = read(
        f'<extensionElements><camunda:executionListener event="start" delegateExpression="${{a}}"/></extensionElements>'
        f'<startEvent id="s"/><sequenceFlow id="f" sourceRef="s" targetRef="x"><extensionElements>{take}'
        '</extensionElements></sequenceFlow><userTask id="x"><extensionElements><camunda:taskListener event="create" '
        f'class="a.B"><camunda:field name="n" stringValue="v"/></camunda:taskListener>{end}</extensionElements>'
        '</userTask><sequenceFlow id="g" sourceRef="x" targetRef="e"/><endEvent id="e"/>'
    )
    ended, created = story.node("x").listeners

    assert (ended.event, ended.on_cancel, ended.script and ended.script.text) == ("end", True, "1")
    assert created.job is not None
    assert (created.job.names, created.job.headers) == (("a.B", "B"), {"listener.event": "create"})
    assert created.job.parameters[0].target == "n"
    assert [each.event for each in story.process.listeners] == ["start"]
    assert [each.job and each.job.type for each in story.process.elements.flows["f"].listeners] == [
        "bean.note(execution)"
    ]
    assert not story.errors


def test_a_process_says_its_version_starters_and_retention(read):
    process = read(
        '<task id="t"/>',
        process='isExecutable="true" camunda:versionTag="1.2" camunda:candidateStarterGroups="sales, desk" '
        'camunda:historyTimeToLive="P30D" camunda:isStartableInTasklist="false"',
    ).process

    assert (process.version_tag, process.candidate_starter_groups) == ("1.2", ("sales", "desk"))
    assert (process.history_time_to_live, process.is_startable_in_tasklist) == ("P30D", False)


def test_timers_are_text_or_juel(read_line):
    def timer_of(text: str) -> Expression:
        story = read_line(
            f'<intermediateCatchEvent id="x"><timerEventDefinition><timeDuration>{text}</timeDuration>'
            "</timerEventDefinition></intermediateCatchEvent>",
            attributes='camunda:diagramRelationId="1"',
        )
        event = story.node("x").event
        assert event is not None
        assert event.timer is not None
        return event.timer.value

    assert timer_of("PT5M") == Expression(LITERAL, "PT5M", 1)
    assert timer_of("${wait}") == Expression(JUEL, "${wait}", 1)
