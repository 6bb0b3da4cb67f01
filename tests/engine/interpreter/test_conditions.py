"""Conditional events: after which changes they are asked, and what becomes of a condition that fails."""

from __future__ import annotations

import pytest
from story import Story, program

from engine import commands, events


def waiting(attributes: str = "", condition: str = "${amount > 5}") -> str:
    return (
        '<startEvent id="Start"/><userTask id="Work"/><endEvent id="End"/><userTask id="Note"/>'
        '<boundaryEvent id="Large" attachedToRef="Work" cancelActivity="false">'
        f"<conditionalEventDefinition {attributes}><condition>{condition.replace('>', '&gt;')}</condition>"
        "</conditionalEventDefinition></boundaryEvent>"
    )


def story(attributes: str = "", condition: str = "${amount > 5}", **variables: object) -> Story:
    return Story(program(waiting(attributes, condition), "Start Work End", "Large Note"), **variables)


def test_only_a_change_of_the_named_variable_asks_the_condition():
    told = story('camunda:variableName="amount"', amount=9)
    assert told.path.count("Large") == 1

    told.do(commands.SetVariables, variables={"other": 1})
    assert told.path.count("Large") == 1

    told.do(commands.SetVariables, variables={"amount": 10})
    assert told.path.count("Large") == 2


@pytest.mark.parametrize(("changes", "expected"), [("create", 1), ("update", 1), ("create,update", 2), ("delete", 0)])
def test_only_the_kinds_of_change_that_are_named_ask_it(changes, expected):
    told = story(f'camunda:variableEvents="{changes}"', "${execution.hasVariable('amount')}")

    told.do(commands.SetVariables, variables={"amount": 6})
    told.do(commands.SetVariables, variables={"amount": 7})

    assert told.path.count("Large") == expected


def test_camunda_8_writes_its_filter_as_lists():
    body = (
        waiting()
        .replace(
            "<conditionalEventDefinition >",
            "<conditionalEventDefinition><extensionElements>"
            '<zeebe:conditionalFilter variableNames="amount, limit" variableEvents="update"/></extensionElements>',
        )
        .replace("${amount &gt; 5}", "=amount &gt; 5")
    )
    told = Story(program(body, "Start Work End", "Large Note"), amount=1)

    told.do(commands.SetVariables, variables={"amount": 6})
    told.do(commands.SetVariables, variables={"other": 6})
    told.do(commands.SetVariables, variables={"limit": 6})  # created, not updated

    assert told.path.count("Large") == 1


def test_a_condition_over_a_variable_that_is_not_there_yet_just_does_not_hold():
    told = story()

    assert told.incidents == []
    told.do(commands.SetVariables, variables={"amount": 6})
    assert told.path.count("Large") == 1


def test_a_condition_that_fails_is_an_incident_until_it_can_be_asked():
    told = story(amount="much", condition="${amount - 1 > 5}")

    (incident,) = told.incidents
    assert (incident.element_id, incident.kind) == ("Large", "expression")
    assert "amount - 1" in incident.message
    assert told.waiting_at == ["Work"]

    told.do(commands.SetVariables, variables={"amount": "more"})
    assert len(told.of(events.IncidentRaised)) == 1, "the same failure is one incident"

    told.do(commands.SetVariables, variables={"amount": 9})
    assert told.incidents == []
    assert told.path.count("Large") == 1


def test_retrying_asks_a_condition_that_failed_again():
    told = story(amount=1, condition="${amount}")
    (incident,) = told.incidents

    told.do(commands.RetryActivity, activity_id=incident.activity_id)
    assert len(told.of(events.IncidentRaised)) == 2

    told.do(commands.SetVariables, variables={"amount": True})
    assert told.incidents == []


def test_an_incident_of_a_condition_ends_with_what_waits_for_it():
    told = story(amount=1, condition="${amount}")

    told.complete("Work")

    assert told.incidents == []
    assert told.outcome == "completed"


def test_a_change_that_the_event_cannot_see_does_not_ask_it():
    side = (
        '<subProcess id="Side"><startEvent id="S"/><scriptTask id="Local" camunda:resultVariable="x"><extensionElements>'
        '<camunda:inputOutput><camunda:inputParameter name="x">1</camunda:inputParameter></camunda:inputOutput>'
        "</extensionElements><script>2</script></scriptTask>"
        '<sequenceFlow id="sl" sourceRef="S" targetRef="Local"/></subProcess>'
    )
    told = Story(program(waiting() + side, "Start Work End", "Start Side", "Large Note"), amount=9)

    assert told.path.count("Large") == 1
