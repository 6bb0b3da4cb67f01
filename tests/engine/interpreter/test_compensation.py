"""Undoing what was done: compensation and transactions; ad-hoc subprocesses and complex gateways."""

from story import Story, program

from engine import commands, events


def undoable(element: str, handler: str) -> str:
    """A user task, and the user task that undoes it."""
    return (
        f'<userTask id="{element}"/><boundaryEvent id="B{element}" attachedToRef="{element}"><compensateEventDefinition/>'
        f'</boundaryEvent><userTask id="{handler}" isForCompensation="true"/>'
        f'<association id="A{element}" associationDirection="One" sourceRef="B{element}" targetRef="{handler}"/>'
    )


THROW = '<intermediateThrowEvent id="Undo"><compensateEventDefinition{}/></intermediateThrowEvent>'


def test_handlers_run_in_reverse_order_of_completion_and_then_the_throw_goes_on():
    body = f'<startEvent id="S"/>{undoable("Book", "Unbook")}{undoable("Pay", "Refund")}{THROW.format("")}<endEvent id="E"/>'
    story = Story(program(body, "S Book Pay Undo E"))

    story.complete("Book")
    story.complete("Pay")
    assert "Refund" in story.waiting_at
    assert "Unbook" not in story.waiting_at
    story.complete("Refund")
    story.complete("Unbook")

    assert [e for e in story.path if e in ("Refund", "Unbook")] == ["Refund", "Unbook"]
    assert story.outcome == "completed"


def test_only_the_activity_that_is_named_is_undone_and_only_if_it_had_completed():
    throw = THROW.format(' activityRef="Book"')
    body = f'<startEvent id="S"/>{undoable("Book", "Unbook")}{undoable("Pay", "Refund")}{throw}<endEvent id="E"/>'
    story = Story(program(body, "S Book Undo E", "S Pay"))

    story.complete("Book")
    story.complete("Unbook")

    assert "Refund" not in story.path
    assert story.passed["Undo"] == 1


def test_nothing_is_undone_twice():
    body = (
        f'<startEvent id="S"/>{undoable("Book", "Unbook")}{THROW.format("")}'
        '<intermediateThrowEvent id="Again"><compensateEventDefinition/></intermediateThrowEvent><endEvent id="E"/>'
    )
    story = Story(program(body, "S Book Undo Again E"))

    story.complete("Book")
    story.complete("Unbook")

    assert story.outcome == "completed"
    assert story.passed["Unbook"] == 1


def test_a_completed_subprocess_is_undone_from_inside_with_the_variables_as_they_were():
    inside = (
        f'<subProcess id="P"><extensionElements><camunda:inputOutput><camunda:inputParameter name="seat">${{next}}'
        f'</camunda:inputParameter></camunda:inputOutput></extensionElements><startEvent id="S2"/>{undoable("Book", "Unbook")}'
        '<endEvent id="E2"/><sequenceFlow id="a" sourceRef="S2" targetRef="Book"/>'
        '<sequenceFlow id="b" sourceRef="Book" targetRef="E2"/></subProcess>'
    )
    story = Story(
        program(f'<startEvent id="S"/>{inside}{THROW.format("")}<endEvent id="E"/>', "S P Undo E"), next="12A"
    )

    story.complete("Book", next="12B")
    assert story.instance.visible(story.waiting_ids("Unbook")[0])["seat"] == "12A"
    story.complete("Unbook")

    assert story.outcome == "completed"
    assert story.parts == {}


def test_a_cancelled_transaction_is_undone_and_left_by_its_cancel_event():
    inside = (
        f'<transaction id="P"><startEvent id="S2"/>{undoable("Book", "Unbook")}<parallelGateway id="F"/><userTask id="Other"/>'
        '<userTask id="Decide"/><endEvent id="Cancel"><cancelEventDefinition/></endEvent>'
        '<sequenceFlow id="a" sourceRef="S2" targetRef="Book"/><sequenceFlow id="b" sourceRef="Book" targetRef="F"/>'
        '<sequenceFlow id="c" sourceRef="F" targetRef="Other"/><sequenceFlow id="d" sourceRef="F" targetRef="Decide"/>'
        '<sequenceFlow id="e" sourceRef="Decide" targetRef="Cancel"/></transaction>'
    )
    boundary = '<boundaryEvent id="B" attachedToRef="P"><cancelEventDefinition/></boundaryEvent>'
    body = f'<startEvent id="S"/>{inside}{boundary}<userTask id="Normal"/><userTask id="Cancelled"/>'
    story = Story(program(body, "S P Normal", "B Cancelled"))

    story.complete("Book")
    story.complete("Decide")
    assert [closed.outcome for closed in story.of(events.UserTaskClosed)] == ["completed", "completed", "cancelled"]
    story.complete("Unbook")

    assert story.waiting_at == ["Cancelled"]
    assert story.passed["Cancel"] == 1


def test_an_ad_hoc_subprocess_is_done_when_its_condition_holds():
    body = (
        '<startEvent id="S"/><adHocSubProcess id="P"{}><userTask id="A"/><userTask id="B"/>'
        "<completionCondition>${{enough}}</completionCondition></adHocSubProcess><userTask id='Next'/>"
    )
    parallel = Story(program(body.format(""), "S P Next"), enough=False)
    assert sorted(parallel.waiting_at) == ["A", "B"]
    parallel.complete("B", enough=True)
    assert parallel.waiting_at == ["Next"]

    ordered = Story(program(body.format(' ordering="Sequential"'), "S P Next"), enough=False)
    assert ordered.waiting_at == ["A"]
    ordered.complete("A")
    assert ordered.waiting_at == ["B"]


def test_a_complex_gateway_goes_on_with_enough_tokens_and_swallows_the_rest():
    body = (
        '<startEvent id="S"/><parallelGateway id="F"/><userTask id="A"/><userTask id="B"/><userTask id="C"/>'
        '<complexGateway id="J"><activationCondition>${activationCount == 2}</activationCondition></complexGateway>'
        '<task id="N"/><endEvent id="E"/>'
    )
    story = Story(program(body, "S F A J N E", "F B J", "F C J"))

    story.complete("A")
    assert "N" not in story.path
    story.complete("B")
    assert story.passed["N"] == 1
    assert story.outcome is None
    story.complete("C")

    assert (story.passed["N"], story.outcome) == (1, "completed")


def test_an_activation_condition_that_fails_is_an_incident_of_the_gateway_and_repeats_nothing():
    body = (
        '<startEvent id="S"/><parallelGateway id="F"/><userTask id="A"/><userTask id="B"/>'
        '<complexGateway id="J"><activationCondition>${activationCount &gt;= enough}</activationCondition></complexGateway>'
        '<task id="N"/><endEvent id="E"/>'
    )
    story = Story(program(body, "S F A J N E", "F B J"))

    story.complete("A")
    (incident,) = story.incidents
    assert incident.element_id == "J"
    assert story.passed["A"] == 1
    story.do(commands.SetVariables, variables={"enough": 1})
    story.do(commands.RetryActivity, activity_id=incident.activity_id)
    story.complete("B")

    assert (story.passed["A"], story.passed["N"], story.outcome) == (1, 1, "completed")


def test_tokens_are_taken_in_and_given_out_by_quantity():
    body = '<startEvent id="S"/><task id="Two" completionQuantity="2"/><task id="One"/><task id="Join" startQuantity="2"/><endEvent id="E"/>'
    story = Story(program(body, "S Two One Join E"))

    assert (story.passed["One"], story.passed["Join"]) == (2, 1)
    assert story.outcome == "completed"
