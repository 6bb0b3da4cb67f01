"""Call activities: processes that call processes."""

from pathlib import Path

import pytest

from engine import BpmnError, Job, Resource
from engine.engine import Engine
from engine.errors import Conflict
from engine.model import InstanceState


@pytest.fixture
def calls(engine: Engine, models: Path) -> Engine:
    engine.deploy(models / "calls.bpmn")
    return engine


def test_a_called_process_gets_variables_and_gives_them_back(calls: Engine) -> None:
    calls.handler("work")(lambda job: {"total": job.variables["amount"] * 2})
    caller = calls.start("caller", variables={"amount": 21}, business_key="A-1")
    child = calls.read.children(caller.id)[0]
    calls.work()

    assert calls.read.instance(child.id).state is InstanceState.COMPLETED
    assert (child.process_key, child.business_key, child.started_by) == ("called", "A-1", f"instance:{caller.id}")
    assert calls.read.variables(caller.id) == {"amount": 21, "total": 42}
    assert [task.element_id for task in calls.read.tasks(instance_id=caller.id)] == ["After"]


def test_an_error_that_the_called_process_does_not_catch_reaches_its_caller(calls: Engine) -> None:
    @calls.handler("work")
    def work(job: Job) -> None:
        raise BpmnError("BAD", "spoilt")

    caller = calls.start("caller")
    calls.work()

    assert calls.read.instance(calls.read.children(caller.id)[0].id).state is InstanceState.FAILED
    visited = [each.element_id for each in calls.read.history(caller.id).activities]
    assert visited[-1] == "Caught"


def test_cancelling_the_caller_cancels_what_it_called(calls: Engine) -> None:
    caller = calls.start("caller")
    child = calls.read.children(caller.id)[0]
    calls.cancel(caller.id, "enough", by="ann")

    assert calls.read.instance(child.id).state is InstanceState.CANCELLED
    assert calls.read.jobs(child.id) == []


def test_a_called_instance_is_not_cancelled_under_its_caller(calls: Engine) -> None:
    caller = calls.start("caller")
    child = calls.read.children(caller.id)[0]
    with pytest.raises(Conflict, match="Cancel that one"):
        calls.cancel(child.id)


def test_calling_what_is_not_deployed_is_an_incident_that_a_retry_mends(engine: Engine, models: Path) -> None:
    both = (models / "calls.bpmn").read_bytes()
    only_caller = both.replace(b'<bpmn:process id="called"', b'<bpmn:process id="other"')
    engine.deploy(Resource("caller.bpmn", only_caller))
    caller = engine.start("caller")
    incident = engine.read.incidents(caller.id)[0]
    assert (incident.kind, incident.message) == ("call", "There is no process 'called' to call. Deploy it, then retry.")

    engine.deploy(Resource("called.bpmn", both.replace(b'id="caller"', b'id="unused"')))
    engine.retry(incident.id, by="ann")
    engine.work(limit=1)

    assert [child.process_key for child in engine.read.children(caller.id)] == ["called"]
    assert engine.read.incidents(caller.id) == []


def test_processes_that_call_themselves_without_end_are_stopped(engine: Engine, models: Path) -> None:
    both = (models / "calls.bpmn").read_bytes()
    engine.deploy(Resource("endless.bpmn", both.replace(b'calledElement="called"', b'calledElement="caller"')))
    engine.start("caller")
    assert "more than 100 levels deep" in engine.read.incidents()[0].message


def test_a_report_to_a_suspended_caller_waits_for_it(calls: Engine) -> None:
    calls.handler("work")(lambda job: {"total": 1})
    caller = calls.start("caller")
    calls.suspend(caller.id)
    calls.work()
    assert calls.read.tasks(instance_id=caller.id).total == 0

    calls.activate(caller.id)
    calls.work()
    assert calls.read.variables(caller.id) == {"total": 1}
    assert calls.read.tasks(instance_id=caller.id).total == 1
