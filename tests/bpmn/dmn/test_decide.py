from datetime import date
from decimal import Decimal

import pytest

from bpmn.dmn import DecisionError, HitPolicy, decide, read_dmn
from bpmn.expressions import ExpressionError
from bpmn.model import Severity

DMN15 = "https://www.omg.org/spec/DMN/20230324/MODEL/"
VERSIONS = [
    "http://www.omg.org/spec/DMN/20151101/dmn.xsd",
    "http://www.omg.org/spec/DMN/20180521/MODEL/",
    "https://www.omg.org/spec/DMN/20191111/MODEL/",
    "https://www.omg.org/spec/DMN/20211108/MODEL/",
    DMN15,
]
ESCAPES = str.maketrans({"<": "&lt;", ">": "&gt;", "&": "&amp;"})


def definitions(body, namespace=DMN15):
    return f'<definitions xmlns="{namespace}" id="d" name="d" namespace="n">{body}</definitions>'.encode()


def table(rules, attributes="", outputs=('<output id="o1" name="discount"/>',), inputs=("amount",)):
    columns = "".join(
        f'<input label="{name}"><inputExpression typeRef="number"><text>{name}</text></inputExpression></input>'
        for name in inputs
    )
    rows = ""
    for at, (conditions, results) in enumerate(rules, 1):
        cells = "".join(f"<inputEntry><text>{each.translate(ESCAPES)}</text></inputEntry>" for each in conditions)
        values = "".join(f"<outputEntry><text>{each.translate(ESCAPES)}</text></outputEntry>" for each in results)
        rows += f'<rule id="r{at}">{cells}{values}</rule>'
    return definitions(
        f'<decision id="discount" name="Discount"><decisionTable {attributes}>{columns}{"".join(outputs)}{rows}'
        "</decisionTable></decision>"
    )


def model_of(data):
    model, findings = read_dmn(data, "test.dmn")
    assert [str(finding) for finding in findings] == []
    return model


RULES = [(["< 100"], ["0"]), ([">= 100"], ["10"]), ([">= 1000"], ["20"])]


@pytest.mark.parametrize(
    ("attributes", "amount", "value", "rules"),
    [
        ("", 50, 0, ("r1",)),
        ('hitPolicy="FIRST"', 2000, 10, ("r2",)),
        ('hitPolicy="RULE ORDER"', 2000, [10, 20], ("r2", "r3")),
        ('hitPolicy="COLLECT"', 2000, [10, 20], ("r2", "r3")),
        ('hitPolicy="COLLECT" aggregation="SUM"', 2000, 30, ("r2", "r3")),
        ('hitPolicy="COLLECT" aggregation="MIN"', 2000, 10, ("r2", "r3")),
        ('hitPolicy="COLLECT" aggregation="MAX"', 2000, 20, ("r2", "r3")),
        ('hitPolicy="COLLECT" aggregation="COUNT"', 2000, 2, ("r2", "r3")),
    ],
)
def test_a_hit_policy_decides_which_rules_make_the_result(attributes, amount, value, rules):
    result = decide(model_of(table(RULES, attributes)), "discount", {"amount": amount})

    assert result.value == value
    assert result.rules == rules
    assert result.inputs == {"amount": amount}


@pytest.mark.parametrize(("policy", "value"), [("PRIORITY", 20), ("OUTPUT ORDER", [20, 10])])
def test_the_order_of_the_output_values_is_their_priority(policy, value):
    outputs = ('<output name="discount"><outputValues><text>20, 10, 0</text></outputValues></output>',)

    model = model_of(table(RULES, f'hitPolicy="{policy}"', outputs))

    assert decide(model, "discount", {"amount": 2000}).value == value


@pytest.mark.parametrize("policy", ["UNIQUE", "ANY"])
def test_rules_that_contradict_each_other_are_an_error_that_names_them(policy):
    model = model_of(table(RULES, f'hitPolicy="{policy}"'))

    with pytest.raises(DecisionError, match="r2, r3") as raised:
        decide(model, "discount", {"amount": 2000})

    assert raised.value.rules == ("r2", "r3")
    assert raised.value.decision_id == "discount"


def test_several_outputs_make_a_dict():
    outputs = ('<output name="discount"/>', '<output name="reason"/>')
    model = model_of(table([(["-"], ["5", '"always"'])], "", outputs))

    assert decide(model, "discount", {"amount": 1}).value == {"discount": 5, "reason": "always"}


def test_no_matching_rule_gives_none_and_of_a_list_nothing():
    assert decide(model_of(table(RULES[:1])), "discount", {"amount": 500}).value is None
    assert decide(model_of(table(RULES[:1], 'hitPolicy="COLLECT"')), "discount", {"amount": 500}).value == []


def test_a_default_output_stands_in_where_no_rule_matches():
    outputs = ('<output name="discount"><defaultOutputEntry><text>7</text></defaultOutputEntry></output>',)

    assert decide(model_of(table(RULES[:1], "", outputs)), "discount", {"amount": 500}).value == 7


def test_a_text_from_a_form_counts_as_the_number_that_its_column_is_typed_to():
    assert decide(model_of(table(RULES)), "discount", {"amount": "50"}).value == 0


@pytest.mark.parametrize("namespace", VERSIONS)
def test_every_version_of_the_standard_is_read(namespace):
    data = table(RULES).replace(DMN15.encode(), namespace.encode())

    assert decide(model_of(data), "discount", {"amount": 50}).value == 0


def test_juel_in_a_table_of_camunda_7_is_evaluated():
    data = table([(["-"], ["${amount / 2}"])])

    assert decide(model_of(data), "discount", {"amount": 50}).value == 25


GRAPH = definitions(
    """
    <itemDefinition name="tLoan"><itemComponent name="principal"><typeRef>number</typeRef></itemComponent>
      <itemComponent name="interest rate"><typeRef>number</typeRef></itemComponent></itemDefinition>
    <inputData id="i1" name="Requested Loan"><variable name="Requested Loan" typeRef="tLoan"/></inputData>
    <businessKnowledgeModel id="b1" name="Yearly"><variable name="Yearly" typeRef="number"/>
      <encapsulatedLogic><formalParameter name="the loan" typeRef="tLoan"/>
        <literalExpression><text>the loan.principal * the loan.interest rate</text></literalExpression>
      </encapsulatedLogic></businessKnowledgeModel>
    <decision id="d1" name="Interest"><variable name="Interest" typeRef="number"/>
      <informationRequirement><requiredInput href="#i1"/></informationRequirement>
      <knowledgeRequirement><requiredKnowledge href="#b1"/></knowledgeRequirement>
      <invocation><literalExpression><text>Yearly</text></literalExpression>
        <binding><parameter name="the loan"/>
          <literalExpression><text>Requested Loan</text></literalExpression></binding>
      </invocation></decision>
    <decision id="d2" name="Offer"><variable name="Offer"/>
      <informationRequirement><requiredDecision href="#d1"/></informationRequirement>
      <context>
        <contextEntry><variable name="per month"/>
          <literalExpression><text>Interest / 12</text></literalExpression></contextEntry>
        <contextEntry><variable name="text"/>
          <literalExpression><text>"Interest: " + string(per month)</text></literalExpression></contextEntry>
      </context></decision>
    """
)


def test_a_decision_is_made_along_its_requirements():
    result = decide(model_of(GRAPH), "Offer", {"Requested Loan": {"principal": 1200, "interest rate": Decimal("0.1")}})

    assert result.value == {"per month": 10, "text": "Interest: 10"}
    assert [decided.id for decided in result.decisions] == ["d1", "d2"]
    assert result.decisions[0].value == 120


def test_a_decision_that_requires_itself_is_an_error():
    data = definitions(
        '<decision id="a" name="A"><informationRequirement><requiredDecision href="#a"/></informationRequirement>'
        "<literalExpression><text>1</text></literalExpression></decision>"
    )

    with pytest.raises(DecisionError, match="requires itself"):
        decide(model_of(data), "a", {})


def test_an_unknown_decision_names_those_that_exist():
    with pytest.raises(DecisionError, match=r"No decision 'x' in test\.dmn\. Decisions: discount\."):
        decide(model_of(table(RULES)), "x", {})


def test_a_bad_cell_is_a_finding_with_its_line_and_an_error_when_it_is_needed():
    data = table([(["> "], ["1"])]).replace(b"<rule", b"\n\n<rule")

    model, findings = read_dmn(data, "test.dmn")

    assert [(f.line, f.rule, f.severity) for f in findings] == [(3, "dmn-expression", Severity.ERROR)]
    assert model is not None
    with pytest.raises(ExpressionError):
        decide(model, "discount", {"amount": 1})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "Not well-formed"),
        (b"not xml", "Not well-formed"),
        (b"<definitions/>", "no DMN"),
        (b'<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + definitions("&e;"), "DOCTYPE"),
        (b'<!DOCTYPE d SYSTEM "http://127.0.0.1:1/x.dtd">' + definitions(""), "DOCTYPE"),
        (definitions("<a>" * 300 + "</a>" * 300), "Not well-formed"),
    ],
)
def test_what_is_no_decision_model_is_a_finding(data, message):
    model, findings = read_dmn(data, "test.dmn")

    assert model is None
    assert message in findings[0].message


def test_a_table_of_another_expression_language_is_refused():
    data = table(RULES).replace(b"<inputExpression ", b'<inputExpression expressionLanguage="javascript" ')

    _, findings = read_dmn(data, "test.dmn")

    assert "javascript are not supported. Write it in FEEL." in findings[0].message


def test_the_hit_policy_and_the_rules_can_be_read():
    decision = model_of(table(RULES, 'hitPolicy="FIRST"')).decision("discount")

    assert decision.hit_policy is HitPolicy.FIRST
    assert [rule.id for rule in decision.logic.rules] == ["r1", "r2", "r3"]


def test_dates_compare_in_a_table_also_when_they_arrive_as_text():
    data = table([(['< date("2026-01-01")'], ['"old"'])]).replace(b'typeRef="number"', b'typeRef="date"')

    assert decide(model_of(data), "discount", {"amount": "2025-05-01"}).value == "old"
    assert decide(model_of(data), "discount", {"amount": date(2025, 5, 1)}).value == "old"
