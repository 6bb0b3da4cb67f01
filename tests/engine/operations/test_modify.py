from __future__ import annotations

import pytest

from engine import Engine
from engine.errors import Conflict, EngineError, InvalidInput
from engine.model import InstanceState
from engine.modification import CancelElement, Move, StartAfter, StartBefore
from engine.store import jobs

LINE = (
    '<startEvent id="Start"/><userTask id="Pick"/><serviceTask id="Pay" camunda:type="external" camunda:topic="pay"/>'
)
LINE += '<userTask id="Ship"/><endEvent id="End"/>'


@pytest.fixture
def line(engine: Engine, deploy) -> Engine:
    deploy(LINE, "Start Pick Pay Ship End")
    return engine


def test_tokens_move_with_all_that_waits_for_them(line: Engine) -> None:
    order = line.start("p", variables={"amount": 1})
    line.modify(order.id, Move("Pick", "Pay"), StartBefore("Ship", {"amount": 2}), reason="paid twice", by="ann")
    assert [task.element_id for task in line.read.tasks().items] == ["Ship"]
    assert [job.element_id for job in line.read.jobs(order.id)] == ["Pay"]
    assert line.read.variables(order.id) == {"amount": 2}
    line.complete_job(line.read.jobs(order.id)[0].id)
    for task in line.read.tasks().items:
        line.complete(task.id)
    assert line.read.instance(order.id).state == InstanceState.COMPLETED


def test_who_moved_what_and_why_is_on_record(line: Engine) -> None:
    order = line.start("p")
    line.modify(order.id, CancelElement("Pick"), StartAfter("Pay", {"secret": "x"}), reason="lost", by="ann")
    history = line.read.history(order.id)
    entry = next(each for each in history.log if each.action == "instance.modified")
    assert (entry.actor, entry.detail["reason"]) == ("ann", "lost")
    assert entry.detail["before"] == [{"activity": 2, "element": "Pick"}]
    assert entry.detail["after"] == [{"activity": 3, "element": "Ship"}]
    assert entry.detail["instructions"][1] == {"do": "StartAfter", "element_id": "Pay", "variables": ["secret"]}
    pick = next(each for each in history.activities if each.element_id == "Pick")
    assert (pick.outcome, pick.cause, pick.actor) == ("cancelled", "operator", "ann")


def test_a_suspended_instance_is_modified_and_stands_still(line: Engine) -> None:
    order = line.start("p")
    line.suspend(order.id)
    line.modify(order.id, Move("Pick", "Pay"))
    line.register_external("other")
    assert line.work() == 0
    with line.store.reading() as connection:
        assert jobs.find(connection, line.read.jobs(order.id)[0].id).state == "available"
    line.activate(order.id)
    line.complete_job(line.read.jobs(order.id)[0].id)
    assert [task.element_id for task in line.read.tasks().items] == ["Ship"]


def test_a_modification_that_is_refused_changes_nothing(line: Engine) -> None:
    order = line.start("p")
    before = line.read.revision(order.id)
    with pytest.raises(InvalidInput, match="no element 'Nowhere'"):
        line.modify(order.id, CancelElement("Pick"), StartBefore("Nowhere"))
    with pytest.raises(InvalidInput, match="of type 'object'"):
        line.modify(order.id, StartBefore("Ship", {"x": object()}))
    assert line.read.revision(order.id) == before
    line.cancel(order.id)
    with pytest.raises(Conflict, match="has ended"):
        line.modify(order.id, StartBefore("Ship"))


def test_what_an_activity_has_called_ends_with_it_and_a_called_instance_is_not_emptied(engine: Engine, deploy) -> None:
    deploy('<startEvent id="S"/><userTask id="Inside"/>', "S Inside", key="child")
    deploy('<startEvent id="S"/><callActivity id="Call" calledElement="child"/><userTask id="Last"/>', "S Call Last")
    parent = engine.start("p")
    child = engine.read.children(parent.id)[0]
    with pytest.raises(EngineError, match="another one has called it"):
        engine.modify(child.id, CancelElement("Inside"))
    engine.modify(parent.id, Move("Call", "Last"))
    assert engine.read.instance(child.id).state == InstanceState.CANCELLED
    assert [task.element_id for task in engine.read.tasks().items] == ["Last"]


def test_an_instance_that_is_emptied_is_cancelled_with_its_reason(line: Engine) -> None:
    order = line.start("p")
    line.modify(order.id, CancelElement("Pick"), reason="a duplicate")
    ended = line.read.instance(order.id)
    assert (ended.state, ended.end_reason) == (InstanceState.CANCELLED, "a duplicate")


def test_what_is_no_instruction_is_refused(engine):
    with pytest.raises(InvalidInput, match="of type str is no instruction"):
        engine.modify("x", "Move")
