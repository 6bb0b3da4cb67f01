"""What starts an instance other than a start event."""

import pytest
from story import NOW, program

from engine import commands, events
from engine.errors import InvalidInput
from engine.interpreter import Instance, advance

MESSAGES = '<message id="m" name="Order"/><message id="n" name="Offer"/>'
RECEIVE = '<receiveTask id="R" instantiate="true" messageRef="m"/><userTask id="T"/>'
GATEWAY = (
    '<eventBasedGateway id="G" instantiate="true" {}/><userTask id="T"/>'
    '<intermediateCatchEvent id="A"><messageEventDefinition messageRef="m"/></intermediateCatchEvent>'
    '<intermediateCatchEvent id="B"><messageEventDefinition messageRef="n"/></intermediateCatchEvent>'
)
PATHS = ("G A T", "G B T")


def start(model, start_event=None, **variables):
    """(the path so far, the subscriptions opened, the instance)"""
    instance = Instance.new(model, "i")
    happened = advance(instance, commands.Start(at=NOW, start_event=start_event, variables=variables))
    path = [event.element_id for event in happened if isinstance(event, events.ActivityEntered)]
    opened = [event for event in happened if isinstance(event, events.SubscriptionOpened)]
    return path, opened, instance


def test_the_message_of_an_instantiating_receive_task_starts_an_instance_that_goes_on_with_it():
    path, opened, instance = start(program(RECEIVE, "R T", definitions=MESSAGES), "R", item="book")

    assert (path, opened) == (["R", "T"], [])
    assert instance.visible(0) == {"item": "book"}


def test_a_process_that_only_starts_by_a_message_is_not_started_by_hand():
    with pytest.raises(InvalidInput, match="no start event without a trigger"):
        start(program(RECEIVE, "R T", definitions=MESSAGES))


def test_what_stands_behind_an_instantiating_gateway_starts_an_instance_through_it():
    path, opened, _ = start(program(GATEWAY.format(""), *PATHS, definitions=MESSAGES), "B")

    assert (path, opened) == (["G", "B", "T"], [])


def test_a_parallel_instantiating_gateway_then_waits_for_its_other_events():
    model = program(GATEWAY.format('eventGatewayType="Parallel"'), *PATHS, definitions=MESSAGES)
    path, opened, instance = start(model, "B")
    (waiting,) = opened
    happened = advance(instance, commands.TriggerEvent(at=NOW, activity_id=waiting.activity_id))

    assert (path, waiting.name) == (["G", "A", "B", "T"], "Order")
    assert [e.element_id for e in happened if isinstance(e, events.ActivityEntered)] == ["T"]


def test_without_a_start_event_all_that_nothing_leads_to_begins():
    path, _, _ = start(program('<userTask id="A"/><task id="B"/><userTask id="C"/>', "B C"))

    assert path == ["A", "B", "C"]
