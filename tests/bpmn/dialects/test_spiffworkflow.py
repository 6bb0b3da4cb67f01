"""What SpiffWorkflow's editor writes, in the neutral model."""

from __future__ import annotations

from bpmn.model import (
    Assignment,
    DecisionBinding,
    Expression,
    Form,
    JobBinding,
    Language,
    Script,
    UserTaskBinding,
)

PYTHON = Language.PYTHON


def with_extensions(tag: str, inside: str) -> str:
    return f'<{tag} id="x"><extensionElements>{inside}</extensionElements></{tag}>'


def test_a_service_task_calls_its_operator_with_python_parameters(read_line):
    story = read_line(
        with_extensions(
            "serviceTask",
            '<spiffworkflow:serviceTaskOperator id="http/Get" resultVariable="answer"><spiffworkflow:parameters>'
            '<spiffworkflow:parameter id="url" type="str" value="&quot;http://&quot; + host"/>'
            '<spiffworkflow:parameter id="none" type="any"/></spiffworkflow:parameters>'
            "</spiffworkflow:serviceTaskOperator>",
        )
    )

    assert story.node("x").binding == JobBinding(
        ("http/Get",),
        "serviceTaskOperator",
        parameters=(
            Assignment("url", Expression(PYTHON, '"http://" + host', 1)),
            Assignment("none", Expression(Language.JSON, "null", 1)),
        ),
        result_variable="answer",
    )
    assert story.findings == []


def test_scripts_around_a_task_and_its_form_and_instructions(read_line):
    story = read_line(
        with_extensions(
            "userTask",
            "<spiffworkflow:preScript>a = 1</spiffworkflow:preScript><spiffworkflow:postScript>b = 2"
            "</spiffworkflow:postScript><spiffworkflow:instructionsForEndUser>Fill in **all**"
            "</spiffworkflow:instructionsForEndUser><spiffworkflow:properties>"
            '<spiffworkflow:property name="formJsonSchemaFilename" value="a.json"/>'
            '<spiffworkflow:property name="formUiSchemaFilename" value="b.json"/></spiffworkflow:properties>',
        )
    )

    node = story.node("x")
    assert (node.pre_script, node.post_script) == (Script(PYTHON, "a = 1", 1), Script(PYTHON, "b = 2", 1))
    assert isinstance(node.binding, UserTaskBinding)
    assert node.binding.form == Form(json_schema="a.json", ui_schema="b.json")
    assert node.binding.instructions == "Fill in **all**"


def test_a_business_rule_task_names_its_decision(read_line):
    story = read_line(
        with_extensions("businessRuleTask", "<spiffworkflow:calledDecisionId>risk</spiffworkflow:calledDecisionId>")
    )

    assert story.node("x").binding == DecisionBinding(Expression(Language.LITERAL, "risk", 1))


def test_a_message_says_what_it_carries_and_where_it_goes(read_line):
    story = read_line(
        '<intermediateCatchEvent id="x"><messageEventDefinition messageRef="m"/></intermediateCatchEvent>',
        '<message id="m" name="paid"><extensionElements><spiffworkflow:messageVariable>invoice'
        '</spiffworkflow:messageVariable><spiffworkflow:messagePayload>{"a": b}</spiffworkflow:messagePayload>'
        "</extensionElements></message>",
    )

    event = story.node("x").event
    assert event is not None
    assert event.variable == "invoice"
    assert event.payload == (Assignment("", Expression(PYTHON, '{"a": b}', 1)),)


def test_a_quoted_duration_is_python_and_a_bare_one_is_text(read_line):
    def timer_of(text: str) -> Language:
        story = read_line(
            f'<intermediateCatchEvent id="x"><timerEventDefinition><timeDuration>{text}</timeDuration>'
            "</timerEventDefinition></intermediateCatchEvent>",
            attributes='spiffworkflow:isOutputSynced="true"',
        )
        event = story.node("x").event
        assert event is not None
        assert event.timer is not None
        return event.timer.value.language

    assert timer_of('"PT5M"') is PYTHON
    assert timer_of("PT5M") is Language.LITERAL
