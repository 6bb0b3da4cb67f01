"""Correlation keys of several properties: bound by the process, or set by the first message of a conversation."""

from datetime import timedelta
from pathlib import Path

import pytest

from engine.engine import Engine
from engine.errors import NotFound
from engine.model import Resource


@pytest.fixture
def market(engine: Engine, models: Path) -> Engine:
    engine.deploy(models / "conversation.bpmn")
    return engine


def buyer(engine: Engine, me: str, number: int) -> str:
    return engine.start("buyer", variables={"me": me, "order": {"number": number}}).id


def asked(engine: Engine, who: str, number: int) -> str:
    """The id of the seller's instance that answers."""
    return engine.correlate("ask", variables={"who": who, "number": number}).started[0]


def test_a_message_reaches_the_instance_that_all_of_its_properties_fit(market: Engine) -> None:
    buyers = [buyer(market, me, number) for me, number in (("ann", 1), ("ann", 2), ("bob", 1))]
    found = market.correlate("offer", variables={"customer": "ann", "offer": {"number": 2}})

    assert found.matched == (buyers[1],)
    with pytest.raises(NotFound):
        market.correlate("offer", variables={"customer": "bob", "offer": {"number": 2}})
    with pytest.raises(NotFound):
        market.correlate("offer", variables={"customer": "bob"})


def test_the_values_of_the_properties_can_be_given_instead(market: Engine) -> None:
    bob = buyer(market, "bob", 1)
    assert market.correlate("offer", correlation_key={"number": 1, "customer": "bob"}).matched == (bob,)


def test_the_first_message_of_a_conversation_says_which_the_later_ones_must_be(market: Engine) -> None:
    sellers = [asked(market, who, number) for who, number in (("ann", 1), ("ann", 2), ("bob", 1))]
    found = market.correlate("accept", variables={"customer": "ann", "number": 2})

    assert found.matched == (sellers[1],)
    with pytest.raises(NotFound):
        market.correlate("accept", variables={"customer": "eve", "number": 2})


def test_what_waits_beside_the_first_message_waits_for_its_conversation_from_then_on(market: Engine) -> None:
    broker = market.start("broker").id
    market.correlate("ask", variables={"who": "ann", "number": 1}, instance_id=broker)

    with pytest.raises(NotFound):
        market.correlate("accept", variables={"customer": "bob", "number": 1})
    assert market.correlate("accept", variables={"customer": "ann", "number": 1}).matched == (broker,)


def test_a_message_that_an_instance_sends_is_of_its_conversation(market: Engine) -> None:
    sellers = [asked(market, who, 1) for who in ("ann", "bob")]
    broker = market.start("broker").id
    market.correlate("ask", variables={"who": "bob", "number": 1}, instance_id=broker)
    market.correlate("accept", variables={"customer": "bob", "number": 1}, instance_id=broker)

    assert [market.read.instance(each).has_ended for each in (*sellers, broker)] == [False, True, True]


def test_a_message_that_waits_is_found_by_its_properties(market: Engine) -> None:
    market.publish("offer", variables={"customer": "ann", "offer": {"number": 2}}, ttl=timedelta(hours=1))
    buyers = [buyer(market, "ann", number) for number in (1, 2)]

    assert [market.read.instance(each).has_ended for each in buyers] == [False, True]


def test_a_property_that_is_null_in_the_process_is_an_incident(market: Engine) -> None:
    market.start("buyer", variables={"me": None, "order": {"number": 1}})
    (incident,) = market.read.incidents()
    assert "customer" in incident.message


SPIFF = b"""<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t"
    xmlns:spiffworkflow="http://spiffworkflow.org/bpmn/schema/1.0/core">
  <collaboration id="c"><participant id="a" processRef="p"/><correlationKey id="k" name="Main">
    <correlationPropertyRef>number</correlationPropertyRef></correlationKey></collaboration>
  <correlationProperty id="number" name="number">
    <correlationPropertyRetrievalExpression messageRef="m"><formalExpression>number</formalExpression>
    </correlationPropertyRetrievalExpression></correlationProperty>
  <message id="m" name="paid"><extensionElements><spiffworkflow:messageVariable>paid</spiffworkflow:messageVariable>
    </extensionElements></message>
  <process id="p" isExecutable="true"><startEvent id="S"/>
    <receiveTask id="R" messageRef="m" spiffworkflow:isMatchingCorrelation="true"><extensionElements>
      <spiffworkflow:processVariableCorrelation><spiffworkflow:propertyId>number</spiffworkflow:propertyId>
        <spiffworkflow:expression>order["id"]</spiffworkflow:expression></spiffworkflow:processVariableCorrelation>
    </extensionElements></receiveTask><endEvent id="E"/>
    <sequenceFlow id="f" sourceRef="S" targetRef="R"/><sequenceFlow id="g" sourceRef="R" targetRef="E"/></process>
</definitions>"""


def test_a_variable_that_a_spiffworkflow_diagram_binds_tells_messages_apart(engine: Engine) -> None:
    deployment = engine.deploy(Resource("spiff.bpmn", SPIFF))
    waiting = [engine.start("p", variables={"order": {"id": number}}).id for number in (1, 2)]

    assert engine.correlate("paid", variables={"number": 2, "sum": 9}).matched == (waiting[1],)
    assert engine.read.variables(waiting[1])["paid"] == {"number": 2, "sum": 9}
    assert engine.correlate("paid", correlation_key="1").matched == (waiting[0],)
    assert deployment.warnings == ()
