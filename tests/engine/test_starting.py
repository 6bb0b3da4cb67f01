"""What starts instances other than start events with a message, signal or timer; and global tasks."""

from pathlib import Path

import pytest

from engine.engine import Engine
from engine.errors import Conflict, InvalidInput, NotFound
from engine.model import InstanceState, Resource


@pytest.fixture
def starting(engine: Engine, models: Path) -> Engine:
    engine.deploy(models / "starting.bpmn")
    return engine


def path_of(engine: Engine, instance_id: str) -> list[str]:
    return [each.element_id for each in engine.read.history(instance_id).activities]


def test_a_message_starts_what_begins_with_a_receive_task_or_with_a_choice_of_events(starting: Engine) -> None:
    with pytest.raises(Conflict, match="2 wait for message 'application'"):
        starting.correlate("application")
    started = starting.correlate("application", variables={"name": "Ann"}, all=True).started
    (referred,) = starting.correlate("referral").started

    assert sorted(path_of(starting, each) for each in started) == [["Received", "Look"], ["Which", "Applied", "Answer"]]
    assert starting.read.variables(started[0]) == {"name": "Ann"}
    assert path_of(starting, referred) == ["Which", "Referred", "Answer"]


def test_what_begins_with_a_receive_task_is_not_offered_to_people(starting: Engine) -> None:
    startable = {each.key for each in starting.read.definitions() if each.is_startable}

    assert startable == {"caller"}
    with pytest.raises(InvalidInput):
        starting.start("receiver")


def test_every_condition_that_holds_over_the_variables_starts_an_instance_with_them(starting: Engine) -> None:
    assert starting.evaluate_conditions({"degrees": 20}) == ()
    (hot,) = starting.evaluate_conditions({"degrees": 35}, by="sensor")
    both = starting.evaluate_conditions({"degrees": 35, "damp": 90})

    assert path_of(starting, hot) == ["TooHot", "Open"]
    assert starting.read.instance(hot).started_by == "sensor"
    assert starting.read.variables(hot) == {"degrees": 35}
    assert sorted(path_of(starting, each)[0] for each in both) == ["TooDamp", "TooHot"]


def test_global_tasks_are_called_like_processes(starting: Engine) -> None:
    caller = starting.start("caller", variables={"amount": 21})
    (task,) = starting.read.tasks(scope="all").items
    starting.complete(task.id)

    assert task.name == "Review"
    assert starting.read.variables(caller.id)["amount"] == 42
    assert starting.read.instance(caller.id).state is InstanceState.COMPLETED
    assert [each.process_key for each in starting.read.children(caller.id)] == ["double", "review"]


def test_a_condition_of_an_older_version_no_longer_starts_anything(
    starting: Engine, models: Path, tmp_path: Path
) -> None:
    newer = tmp_path / "starting.bpmn"
    newer.write_text((models / "starting.bpmn").read_text().replace("degrees > 30", "degrees > 40"))
    starting.deploy(newer)

    assert starting.evaluate_conditions({"degrees": 35}) == ()
    with pytest.raises(NotFound):
        starting.correlate("unknown")


def test_a_start_that_an_expression_of_the_process_fails_in_changes_nothing(engine: Engine) -> None:
    diagram = b"""<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t"
        xmlns:camunda="http://camunda.org/schema/1.0/bpmn">
      <process id="p" isExecutable="true" camunda:versionTag="1">
        <startEvent id="S"/><userTask id="T"/><endEvent id="E"/>
        <sequenceFlow id="a" sourceRef="S" targetRef="T"/><sequenceFlow id="b" sourceRef="T" targetRef="E"/>
        <subProcess id="X" triggeredByEvent="true">
          <startEvent id="XS">
            <timerEventDefinition><timeDuration>${wait}</timeDuration></timerEventDefinition>
          </startEvent>
          <endEvent id="XE"/><sequenceFlow id="c" sourceRef="XS" targetRef="XE"/>
        </subProcess>
      </process></definitions>"""
    engine.deploy(Resource("p.bpmn", diagram))

    with pytest.raises(InvalidInput, match="wait"):
        engine.start("p")

    assert engine.read.instances().total == 0
    assert engine.start("p", variables={"wait": "PT1H"}).state == "running"
