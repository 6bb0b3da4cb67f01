"""Decisions of business rule tasks: which version, and what is on record."""

from pathlib import Path

import pytest

from engine import Resource
from engine.engine import Engine
from engine.errors import DeploymentRefused


@pytest.fixture
def shop(engine: Engine, models: Path) -> Engine:
    engine.deploy(models / "decide.bpmn", models / "decide.dmn")
    return engine


CHAIN = b"""<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="c" name="c" namespace="urn:c">
  <decision id="size" name="Size"><variable name="Size"/><decisionTable id="s" hitPolicy="UNIQUE">
    <input id="si"><inputExpression id="sx"><text>amount</text></inputExpression></input><output id="so"/>
    <rule id="big"><inputEntry id="s1"><text>&gt;= 100</text></inputEntry>
    <outputEntry id="s2"><text>"large"</text></outputEntry></rule>
  </decisionTable></decision>
  <decision id="discount" name="Discount">
    <informationRequirement id="r"><requiredDecision href="#size"/></informationRequirement>
    <decisionTable id="d" hitPolicy="UNIQUE">
    <input id="di"><inputExpression id="dx"><text>Size</text></inputExpression></input><output id="do" name="percent"/>
    <rule id="yes"><inputEntry id="d1"><text>"large"</text></inputEntry>
    <outputEntry id="d2"><text>10</text></outputEntry></rule>
  </decisionTable></decision></definitions>"""


def deploy_generous(engine: Engine, models: Path, *others: Path) -> None:
    generous = (models / "decide.dmn").read_bytes().replace(b"<text>10</text>", b"<text>50</text>")
    engine.deploy(Resource("decide.dmn", generous), *others)


def test_a_decision_is_made_and_on_record(shop: Engine) -> None:
    instance = shop.start("decide", variables={"amount": 120})
    assert shop.read.variables(instance.id) == {"amount": 120, "latest": 10, "deployed": 10}
    entry = next(each for each in shop.read.history(instance.id).log if each.action == "decision.evaluated")
    assert (entry.detail["decision"], entry.detail["rules"], entry.detail["result"]) == ("discount", ["large"], 10)
    assert list(entry.detail["inputs"].values()) == [120]
    assert entry.element_id == "Latest"


def test_the_decisions_that_another_one_depends_on_are_on_record_too(shop: Engine, models: Path) -> None:
    shop.deploy(Resource("decide.dmn", CHAIN))
    instance = shop.start("decide", variables={"amount": 120})
    entry = next(each for each in shop.read.history(instance.id).log if each.action == "decision.evaluated")
    assert (entry.detail["rules"], entry.detail["result"]) == (["yes"], 10)
    [size] = entry.detail["required"]
    assert (size["decision"], size["rules"], size["result"]) == ("size", ["big"], "large")


def test_the_newest_decision_is_used_unless_the_diagram_binds_to_its_own(shop: Engine, models: Path) -> None:
    deploy_generous(shop, models)
    instance = shop.start("decide", variables={"amount": 120})
    assert shop.read.variables(instance.id) == {"amount": 120, "latest": 50, "deployed": 10}


def test_a_diagram_that_binds_to_its_own_deployment_moves_along_with_it(shop: Engine, models: Path) -> None:
    deploy_generous(shop, models, models / "decide.bpmn")
    instance = shop.start("decide", variables={"amount": 120})
    assert (instance.version, shop.read.variables(instance.id)["deployed"]) == (2, 50)


def test_a_decision_that_nobody_deployed_is_an_incident(engine: Engine, models: Path) -> None:
    engine.deploy(models / "decide.bpmn")
    instance = engine.start("decide", variables={"amount": 1})
    incident = engine.read.incidents(instance.id)[0]
    assert incident.message.startswith("There is no decision 'discount'. Deploy the .dmn file that has it.")

    engine.deploy(models / "decide.dmn")
    engine.retry(incident.id)
    assert engine.read.variables(instance.id)["latest"] == 0


RATES = b"""<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="r" name="r" namespace="urn:rates">
  <businessKnowledgeModel id="percent" name="percent"><variable name="percent"/><encapsulatedLogic>
    <formalParameter name="x"/><literalExpression><text>if x &gt; 100 then 10 else 0</text></literalExpression>
  </encapsulatedLogic></businessKnowledgeModel></definitions>"""
IMPORTING = b"""<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="i" name="i" namespace="urn:shop">
  <import name="rates" namespace="urn:rates" importType="https://www.omg.org/spec/DMN/20191111/MODEL/"/>
  <decision id="discount" name="Discount">
    <knowledgeRequirement id="k"><requiredKnowledge href="urn:rates#percent"/></knowledgeRequirement>
    <literalExpression><text>rates.percent(amount)</text></literalExpression></decision></definitions>"""


def test_a_decision_that_imports_another_model_of_its_deployment_is_made(shop: Engine) -> None:
    files = (Resource("decide.dmn", IMPORTING), Resource("rates.dmn", RATES))
    shop.deploy(*files)
    instance = shop.start("decide", variables={"amount": 120})
    assert shop.read.variables(instance.id)["latest"] == 10
    assert not shop.deploy(*files).is_new

    shop.deploy(files[0], Resource("rates.dmn", RATES.replace(b"then 10", b"then 20")))
    instance = shop.start("decide", variables={"amount": 120})
    assert shop.read.variables(instance.id)["latest"] == 20


def test_a_decision_service_is_made_and_the_decisions_in_it_are_on_record(shop: Engine) -> None:
    service = (
        b'<decisionService id="discount" name="D"><outputDecision href="#percent"/></decisionService></definitions>'
    )
    shop.deploy(
        Resource("decide.dmn", CHAIN.replace(b'id="discount"', b'id="percent"').replace(b"</definitions>", service))
    )
    instance = shop.start("decide", variables={"amount": 120})
    entry = next(each for each in shop.read.history(instance.id).log if each.action == "decision.evaluated")
    assert (entry.detail["decision"], entry.detail["result"]) == ("discount", 10)
    assert [made["decision"] for made in entry.detail["required"]] == ["size", "percent"]


def test_a_model_that_is_imported_and_not_there_refuses_the_deployment(engine: Engine) -> None:
    with pytest.raises(DeploymentRefused) as refused:
        engine.deploy(Resource("decide.dmn", IMPORTING))
    assert [(each.rule, each.line) for each in refused.value.findings if each.severity == "error"] == [
        ("dmn-import", 2)
    ]
