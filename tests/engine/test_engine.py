"""The engine on a real database: deploy, start, work, complete."""

from pathlib import Path
from typing import Any

import pytest

import engine as package
from engine import BpmnError, Job, PermanentFailure
from engine.clock import VirtualClock
from engine.engine import Engine
from engine.errors import Conflict, InvalidInput, NotFound
from engine.model import InstanceState


@pytest.fixture
def shop(engine: Engine, models: Path) -> Engine:
    engine.deploy(models / "order.bpmn")
    engine.handler("charge")(lambda job: {"receipt": f"r-{job.variables['amount']}"})
    return engine


def test_the_package_offers_what_a_handler_needs() -> None:
    assert package.Job is Job
    assert {"Engine", "Job", "BpmnError", "RetryLater", "PermanentFailure", "handler"} <= set(package.__all__)


def test_an_instance_runs_from_start_to_end(shop: Engine) -> None:
    order = shop.start("order", business_key="A-17", variables={"amount": 120})
    shop.work()
    task = shop.read.tasks(groups=["managers"], scope="groups").items[0]
    shop.complete(task.id, {"approved": True}, by="ann")

    assert shop.read.instance(order.id).state is InstanceState.COMPLETED
    assert shop.read.variables(order.id) == {"amount": 120, "receipt": "r-120", "approved": True}


def test_a_start_says_what_was_started(shop: Engine, clock: VirtualClock) -> None:
    order = shop.start("order", business_key="A-17", variables={"amount": 120}, by="ann")

    assert (order.process_key, order.version, order.business_key) == ("order", 1, "A-17")
    assert (order.state, order.started_by, order.started_at) == (InstanceState.RUNNING, "ann", clock.now())


def test_a_handler_sees_the_variables_and_a_stable_key(shop: Engine) -> None:
    seen: list[Job] = []
    shop.handler("charge")(seen.append)
    order = shop.start("order", business_key="A-17", variables={"amount": 120})
    shop.work()

    job = seen[0]
    assert dict(job.variables) == {"amount": 120}
    assert (job.type, job.element_id, job.business_key, job.attempt, job.retries_left) == (
        "charge",
        "Charge",
        "A-17",
        1,
        2,
    )
    assert job.idempotency_key == f"{order.id}.{job.activity_id}"


def test_a_bpmn_error_takes_the_modelled_path(shop: Engine) -> None:
    @shop.handler("charge")
    def decline(job: Job) -> None:
        raise BpmnError("CARD_DECLINED", "no money", {"reason": "limit"})

    order = shop.start("order", variables={"amount": 1})
    shop.work()

    history = shop.read.history(order.id)
    assert [each.element_id for each in history.activities][-1] == "Refused"
    assert history.job_attempts[0].outcome == "bpmn_error"


def test_an_unknown_process_is_named(engine: Engine) -> None:
    with pytest.raises(NotFound, match="There is no process 'nothing'"):
        engine.start("nothing")


def test_an_ended_instance_takes_no_more_commands(shop: Engine) -> None:
    order = shop.start("order", variables={"amount": 1})
    shop.cancel(order.id, "changed their mind", by="ann")

    with pytest.raises(Conflict, match="has ended"):
        shop.set_variables(order.id, {"amount": 2})
    with pytest.raises(Conflict, match="has ended"):
        shop.cancel(order.id)


def test_cancelling_leaves_nothing_that_waits(shop: Engine) -> None:
    order = shop.start("order", variables={"amount": 1})
    shop.cancel(order.id, "changed their mind", by="ann")

    instance = shop.read.instance(order.id)
    assert (instance.state, instance.end_reason) == (InstanceState.CANCELLED, "changed their mind")
    assert (shop.read.jobs(order.id), shop.read.active(order.id)) == ([], [])


def test_a_suspended_instance_stands_still_until_it_is_activated(shop: Engine) -> None:
    order = shop.start("order", variables={"amount": 1})
    shop.suspend(order.id, by="ann", reason="audit")

    assert shop.work() == 0
    with pytest.raises(Conflict, match="is suspended"):
        shop.set_variables(order.id, {"amount": 2})
    shop.activate(order.id, by="ann")
    assert shop.work() == 1


def test_what_a_handler_did_while_its_instance_was_suspended_is_kept(shop: Engine) -> None:
    order = shop.start("order", variables={"amount": 1})
    calls: list[str] = []

    @shop.handler("charge")
    def charge(job: Job) -> dict[str, str]:
        calls.append(job.id)
        shop.suspend(order.id)
        return {"receipt": "r"}

    shop.work()
    shop.activate(order.id)
    shop.work()

    assert len(calls) == 1
    assert shop.read.variables(order.id)["receipt"] == "r"


def test_variables_can_be_corrected_from_outside(shop: Engine) -> None:
    order = shop.start("order", variables={"amount": 1})
    shop.set_variables(order.id, {"amount": 7}, by="ann")

    change = shop.read.history(order.id).variable_changes[-1]
    assert (change.name, change.before, change.after, change.actor) == ("amount", 1, 7, "ann")


def test_a_variable_of_unknown_type_is_refused_and_changes_nothing(shop: Engine) -> None:
    order = shop.start("order", variables={"amount": 1})
    with pytest.raises(InvalidInput, match="'amount' is of type 'object'"):
        shop.set_variables(order.id, {"amount": object()})
    assert shop.read.variables(order.id) == {"amount": 1}


@pytest.mark.parametrize("business_key", ["", "x" * 256, "nul\0", 5])
def test_a_business_key_that_does_not_fit_is_refused(shop: Engine, business_key: Any) -> None:
    with pytest.raises(InvalidInput, match="business key"):
        shop.start("order", business_key=business_key)


def test_a_large_value_is_kept_once(shop: Engine) -> None:
    from sqlalchemy import func, select

    from engine.store.tables import value

    document = "x" * 10_000
    order = shop.start("order", variables={"amount": 1, "document": document, "copy": document})
    shop.work()

    with shop.store.reading() as connection:
        assert connection.execute(select(func.count()).select_from(value)).scalar() == 1
    assert shop.read.variables(order.id)["copy"] == document
    assert {each.after for each in shop.read.history(order.id).variable_changes if each.name == "copy"} == {document}


def test_a_permanent_failure_is_an_incident_at_once(shop: Engine) -> None:
    @shop.handler("charge")
    def charge(job: Job) -> None:
        raise PermanentFailure("the account is closed")

    order = shop.start("order", variables={"amount": 1})
    shop.work()

    incident = shop.read.incidents(order.id)[0]
    assert (incident.message, incident.kind) == ("the account is closed", "job")
    assert shop.read.instance(order.id).incident_count == 1


def test_what_happened_and_cannot_be_kept_changes_nothing(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """An instance has moved in memory when its new variable turns out to be of no known type."""
    from engine.events import VariableChanged

    orders = [shop.start("order", variables={"amount": n}) for n in range(3)]
    advance = shop.programs.advance

    def spoil(instance, command, stores):
        events = advance(instance, command, stores)
        return [*events, VariableChanged(0, "odd", None, object())] if instance.id == orders[1].id else events

    monkeypatch.setattr(shop.programs, "advance", spoil)
    shop.work()
    with pytest.raises(InvalidInput, match="'odd' is of type 'object'"):
        shop.set_variables(orders[1].id, {"amount": 5})

    assert [shop.read.variables(order.id).get("receipt") for order in orders] == ["r-0", None, "r-2"]
    assert "'odd' is of type 'object'" in shop.read.incidents(orders[1].id)[0].message
    assert shop.read.variables(orders[1].id) == {"amount": 1}


def test_state_changes_are_logged_with_ids_and_without_values(shop: Engine, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "engine")
    order = shop.start("order", variables={"amount": 120_815}, by="ann")
    line = next(record for record in caplog.records if record.message == "instance.started")
    assert (line.instance_id, line.process_key, line.actor) == (order.id, "order", "ann")
    assert not any("120815" in str(vars(record)) for record in caplog.records)
