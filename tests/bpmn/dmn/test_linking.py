"""Decision models that import one another."""

from __future__ import annotations

from bpmn.dmn import DecisionModel, decide, link, read_dmn

DMN = "https://www.omg.org/spec/DMN/20191111/MODEL/"


def model(name: str, inside: str, *imports: str) -> DecisionModel:
    imported = "".join(
        f'<import name="{each.title()} rules" namespace="urn:{each}" importType="{DMN}"/>' for each in imports
    )
    xml = (
        f'<definitions xmlns="{DMN}" id="{name}" name="{name}" namespace="urn:{name}">{imported}{inside}</definitions>'
    )
    found, findings = read_dmn(xml.encode(), f"{name}.dmn")
    assert found is not None
    assert findings == [] or not found.decisions
    return found


def decision(name: str, text: str, *requires: str, type_ref: str = "") -> str:
    """*requires*: such as 'Decision urn:rates#same'."""
    drawn = ""
    for kind, href in map(str.split, requires):
        requirement = "knowledgeRequirement" if kind == "Knowledge" else "informationRequirement"
        drawn += f'<{requirement}><required{kind} href="{href}"/></{requirement}>'
    variable = f'<variable name="{name}"' + (f' typeRef="{type_ref}"' if type_ref else "") + "/>"
    logic = f"<literalExpression><text>{text}</text></literalExpression>"
    return f'<decision id="same" name="{name}">{variable}{drawn}{logic}</decision>'


RATES = model(
    "rates",
    '<itemDefinition name="tRate"><typeRef>tNumber</typeRef></itemDefinition>'
    '<itemDefinition name="tNumber"><typeRef>number</typeRef></itemDefinition>'
    '<inputData id="in" name="Base amount"><variable name="Base amount"/></inputData>'
    '<businessKnowledgeModel id="bkm" name="Double it"><variable name="Double it"/><encapsulatedLogic>'
    '<formalParameter name="x"/><literalExpression><text>x * 2</text></literalExpression></encapsulatedLogic>'
    "</businessKnowledgeModel>"
    '<decisionService id="service" name="Rate at"><outputDecision href="#same"/><inputData href="#in"/>'
    "</decisionService>" + decision("Best rate", "Base amount / 100", "Input #in"),
)


def loan(text: str, *requires: str, type_ref: str = "") -> DecisionModel:
    body = decision("Offer", text, *requires, type_ref=type_ref)
    models, findings = link([model("loan", body, "rates"), RATES])
    assert findings == []
    return models["loan.dmn"]


def test_a_decision_of_another_model_is_made_and_told():
    result = decide(loan("Rates rules.Best rate + 1", "Decision urn:rates#same"), "Offer", {"Base amount": 500})

    assert result.value == 6
    assert [made.name for made in result.decisions] == ["Best rate", "Offer"]


def test_knowledge_services_and_inputs_of_another_model_are_within_reach():
    assert decide(loan("Rates rules.Double it(4)", "Knowledge urn:rates#bkm"), "Offer", {}).value == 8
    assert decide(loan("Rates rules.Rate at(700)", "Knowledge urn:rates#service"), "Offer", {}).value == 7
    assert decide(loan("Rates rules.Base amount", "Input urn:rates#in"), "Offer", {"Base amount": 5}).value == 5


def test_types_of_another_model_go_by_its_import():
    assert decide(loan("3", type_ref="Rates rules.tRate"), "Offer", {}).value == 3
    assert decide(loan('"x"', type_ref="Rates rules.tRate"), "Offer", {}).value is None


def test_a_model_that_nobody_deploys_along_is_told_with_its_namespace():
    _, [finding] = link([model("loan", decision("Offer", "1"), "rates")])

    assert (finding.file, finding.rule, finding.line) == ("loan.dmn", "dmn-import", 1)
    assert "'Rates rules' (urn:rates) is in no file" in finding.message


def test_models_that_import_each_other_are_told():
    _, findings = link([model("a", decision("A", "1"), "b"), model("b", decision("B", "1"), "a")])

    assert [finding.message for finding in findings if "a.dmn imports b.dmn imports a.dmn" in finding.message]


def test_an_expression_is_checked_once_its_imports_are_there():
    _, [finding] = link([model("loan", decision("Offer", "1 +"), "rates"), RATES])

    assert (finding.file, finding.rule) == ("loan.dmn", "dmn-expression")


def test_a_service_is_asked_like_a_decision():
    result = decide(RATES, "service", {"Base amount": 300})

    assert (result.value, result.rules) == (3, ())
    assert [made.name for made in result.decisions] == ["Best rate", "Rate at"]


def test_what_the_input_decisions_of_a_service_would_give_comes_from_the_variables():
    service = (
        '<decisionService id="doubled" name="Doubled"><outputDecision href="#twice"/><inputDecision href="#same"/>'
        "</decisionService>"
    )
    twice = decision("Twice", "Amount * 2", "Decision #same").replace('id="same"', 'id="twice"')
    doubling = model("doubling", decision("Amount", "1") + twice + service)

    result = decide(doubling, "Doubled", {"Amount": 21})

    assert result.value == 42
    assert [made.name for made in result.decisions] == ["Twice", "Doubled"]
