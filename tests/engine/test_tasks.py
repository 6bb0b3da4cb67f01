"""User tasks: claiming, giving, completing, and who may see them."""

from pathlib import Path

import pytest

from engine.engine import Engine
from engine.errors import Conflict, InvalidInput, NotFound
from engine.model import UserTask


@pytest.fixture
def task(engine: Engine, models: Path) -> UserTask:
    engine.deploy(models / "order.bpmn")
    engine.handler("charge")(lambda job: None)
    engine.start("order", business_key="A-17")
    engine.work()
    return engine.read.tasks().items[0]


def test_a_task_says_what_it_belongs_to(task: UserTask) -> None:
    assert (task.name, task.process_name, task.business_key) == ("Approve", "Order", "A-17")
    assert (task.candidate_groups, task.candidate_users, task.assignee) == (("managers",), ("zoe",), None)


def test_candidates_see_a_free_task_and_nobody_else_does(engine: Engine, task: UserTask) -> None:
    def offered(user: str, *groups: str) -> int:
        return engine.read.tasks(user=user, groups=groups, scope="groups").total

    assert (offered("zoe"), offered("ann", "managers"), offered("ann", "staff"), offered("ann")) == (1, 1, 0, 0)


def test_a_claimed_task_is_mine_and_no_longer_the_groups(engine: Engine, task: UserTask) -> None:
    engine.claim(task.id, "ann")
    assert engine.read.tasks(user="ann", scope="mine").total == 1
    assert engine.read.tasks(user="zoe", groups=["managers"], scope="groups").total == 0


def test_a_task_claimed_by_somebody_else_is_refused(engine: Engine, task: UserTask) -> None:
    engine.claim(task.id, "ann")
    engine.claim(task.id, "ann")
    with pytest.raises(Conflict, match="claimed by ann already"):
        engine.claim(task.id, "bob")


def test_a_task_is_given_back_by_who_has_it(engine: Engine, task: UserTask) -> None:
    engine.claim(task.id, "ann")
    with pytest.raises(Conflict, match="bob cannot give it back"):
        engine.unclaim(task.id, "bob")
    engine.unclaim(task.id, "ann")
    assert engine.read.task(task.id).assignee is None


def test_a_task_is_handed_over_whoever_has_it(engine: Engine, task: UserTask) -> None:
    engine.claim(task.id, "ann")
    engine.assign(task.id, "bob", by="boss")
    assert engine.read.task(task.id).assignee == "bob"


def test_who_did_what_is_on_record(engine: Engine, task: UserTask) -> None:
    engine.claim(task.id, "ann")
    engine.assign(task.id, "bob", by="boss")
    engine.complete(task.id, by="bob")
    log = engine.read.history(task.instance_id).log
    assert [(entry.action, entry.actor) for entry in log if entry.action.startswith("task.")][1:] == [
        ("task.claimed", "ann"),
        ("task.assigned", "boss"),
        ("task.completed", "bob"),
    ]
    activity = next(each for each in engine.read.history(task.instance_id).activities if each.element_id == "Approve")
    assert (activity.actor, activity.outcome) == ("bob", "completed")


def test_a_closed_task_takes_nothing_more(engine: Engine, task: UserTask) -> None:
    engine.complete(task.id, by="bob")
    for act in (
        lambda: engine.complete(task.id),
        lambda: engine.claim(task.id, "ann"),
        lambda: engine.assign(task.id, "ann"),
        lambda: engine.task_error(task.id, "X"),
    ):
        with pytest.raises(Conflict, match="closed already: completed by bob"):
            act()
    assert engine.read.task(task.id).closed_at is not None
    assert engine.read.tasks().total == 0


def test_a_task_of_a_suspended_instance_stands_still(engine: Engine, task: UserTask) -> None:
    engine.suspend(task.instance_id)
    with pytest.raises(Conflict, match="suspended"):
        engine.claim(task.id, "ann")
    with pytest.raises(Conflict, match="suspended"):
        engine.complete(task.id)


def test_an_unknown_task_is_named(engine: Engine) -> None:
    with pytest.raises(NotFound, match=r"There is no user task 'x\.1'"):
        engine.complete("x.1")


def test_a_task_is_not_given_to_nobody(engine: Engine, task: UserTask) -> None:
    with pytest.raises(InvalidInput, match="user's name"):
        engine.claim(task.id, "")
