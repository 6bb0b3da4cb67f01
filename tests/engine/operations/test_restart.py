from __future__ import annotations

import pytest

from engine import Engine
from engine.errors import Conflict, InvalidInput
from engine.model import InstanceState

FORK = (
    '<startEvent id="Start"/><parallelGateway id="Fork"/><userTask id="A"/><userTask id="B"/>'
    '<parallelGateway id="Join"/><userTask id="C"/><endEvent id="End"/>'
)

LATE = '<message id="m" name="late"/>'


@pytest.fixture
def fork(engine: Engine, deploy) -> Engine:
    deploy(FORK, "Start Fork A Join C End", "Fork B Join")
    return engine


def waiting(engine: Engine) -> list[str]:
    return sorted(task.element_id for task in engine.read.tasks().items)


def complete(engine: Engine, element: str, **variables: object) -> None:
    task = next(task for task in engine.read.tasks().items if task.element_id == element)
    engine.complete(task.id, variables)


def test_a_cancelled_instance_goes_on_as_a_new_one_where_it_stood(fork: Engine) -> None:
    order = fork.start("p", business_key="A-1", variables={"n": 1})
    complete(fork, "A", n=2)
    fork.cancel(order.id)
    again = fork.restart(order.id, reason="cancelled by mistake", by="ann")
    assert (again.business_key, again.version, waiting(fork)) == ("A-1", 1, ["B"])
    assert fork.read.variables(again.id) == {"n": 2}
    complete(fork, "B")
    complete(fork, "C")
    assert fork.read.instance(again.id).state == InstanceState.COMPLETED


def test_what_an_event_interrupted_at_the_moment_of_the_end_does_not_begin_again(engine: Engine, deploy) -> None:
    interrupting = '<boundaryEvent id="Late" attachedToRef="A"><messageEventDefinition messageRef="m"/></boundaryEvent>'
    deploy(FORK + interrupting, "Start Fork A Join C End", "Fork B Join", "Late C", definitions=LATE)
    order = engine.start("p")
    engine.correlate("late")
    engine.cancel(order.id)
    engine.restart(order.id)
    assert waiting(engine) == ["B", "C"]


def test_a_restart_is_on_record_on_both_sides(fork: Engine) -> None:
    order = fork.start("p")
    fork.cancel(order.id)
    again = fork.restart(order.id, reason="why not", by="ann")
    new = next(each for each in fork.read.history(again.id).log if each.action == "instance.restarted")
    old = next(each for each in fork.read.history(order.id).log if each.action == "instance.restarted_as")
    assert (new.actor, new.detail["restarts"], new.detail["at"], new.detail["reason"]) == (
        "ann",
        order.id,
        ["A", "B"],
        "why not",
    )
    assert (old.actor, old.detail["instance"]) == ("ann", again.id)


def test_a_restart_may_name_its_elements_and_take_the_variables_of_the_beginning(fork: Engine) -> None:
    order = fork.start("p", variables={"n": 1, "m": 1})
    for element in ("A", "B", "C"):
        complete(fork, element, n=9)
    with pytest.raises(InvalidInput, match="nothing was under way"):
        fork.restart(order.id)
    again = fork.restart(order.id, ["C"], initial_variables=True, variables={"m": 5})
    assert (waiting(fork), fork.read.variables(again.id)) == (["C"], {"n": 1, "m": 5})


def test_what_runs_or_cannot_begin_there_is_not_restarted(fork: Engine) -> None:
    order = fork.start("p")
    with pytest.raises(Conflict, match="is running"):
        fork.restart(order.id)
    fork.cancel(order.id)
    with pytest.raises(InvalidInput, match="no element 'Nowhere'"):
        fork.restart(order.id, ["Nowhere"])
    with pytest.raises(Conflict, match="for ever"):
        fork.restart(order.id, ["Join"])
    assert fork.read.instances().total == 1
