"""Plain BPMN: what there is to bind to without any extension."""

from __future__ import annotations

import pytest

from bpmn.correlation import CorrelationProperty
from bpmn.model import CallBinding, EventKind, Expression, JobBinding, Language, UserTaskBinding


@pytest.mark.parametrize(
    ("attributes", "names"),
    [
        ("", ("x",)),
        ('name="Pack it"', ("x", "Pack it")),
        ('implementation="##WebService"', ("x",)),
        ('implementation="pack"', ("pack", "x")),
        ('operationRef="o"', ("packing", "x")),
    ],
)
def test_a_handler_may_be_named_after_operation_implementation_id_or_name(read_line, attributes, names):
    story = read_line(
        f'<serviceTask id="x" {attributes}/>', '<interface id="i"><operation id="o" name="packing"/></interface>'
    )

    assert story.node("x").binding == JobBinding(names, "element id")


def test_a_send_task_sends_its_message_and_without_one_is_work_for_a_handler(read_line):
    sends = read_line('<sendTask id="x" messageRef="m"/>', '<message id="m" name="paid"/>').node("x")
    works = read_line('<sendTask id="x"/>').node("x")

    assert sends.event is not None
    assert (sends.event.kind, sends.binding) == (EventKind.MESSAGE, None)
    assert works.binding == JobBinding(("x",), "element id")


def test_a_user_task_has_its_performer_and_its_potential_owners(read_line):
    story = read_line(
        '<userTask id="x"><humanPerformer><resourceAssignmentExpression><formalExpression>boss</formalExpression>'
        "</resourceAssignmentExpression></humanPerformer><potentialOwner><resourceRef>r</resourceRef></potentialOwner>"
        "</userTask>",
        '<resource id="r" name="sales"/>',
    )

    assert story.node("x").binding == UserTaskBinding(
        assignee=Expression(Language.PYTHON, "boss", 1), candidate_groups=Expression(Language.LITERAL, "sales", 1)
    )


def test_a_call_activity_shares_all_variables_with_what_it_calls(read_line):
    call = read_line('<callActivity id="x" calledElement="tns:ship"/>').node("x").binding

    assert call == CallBinding(Expression(Language.LITERAL, "ship", 1), passes_all_in=True, passes_all_out=True)


def test_a_message_is_correlated_by_what_the_process_binds_to_its_property(read_line):
    story = read_line(
        '<receiveTask id="x" messageRef="m"/><correlationSubscription correlationKeyRef="k">'
        '<correlationPropertyBinding correlationPropertyRef="q"><dataPath>order_id</dataPath>'
        "</correlationPropertyBinding></correlationSubscription>",
        '<message id="m" name="paid"/><correlationProperty id="q">'
        '<correlationPropertyRetrievalExpression messageRef="m">'
        "<messagePath>id</messagePath></correlationPropertyRetrievalExpression></correlationProperty>",
    )

    event = story.node("x").event
    assert event is not None
    (key,) = event.keys
    retrieval, binding = Expression(Language.PYTHON, "id", 1), Expression(Language.PYTHON, "order_id", 1)
    assert key.properties == (CorrelationProperty("q", retrieval, binding),)
