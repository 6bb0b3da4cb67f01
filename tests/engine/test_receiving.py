"""Messages and signals that a receiver cannot take in: its own incident, and nobody else's trouble."""

from datetime import timedelta
from pathlib import Path

import pytest

from engine.engine import Engine
from engine.errors import Conflict
from engine.model import Incident, InstanceState, Job, MessageState, PublicationOutcome

HOUR = timedelta(hours=1)


@pytest.fixture
def office(engine: Engine, models: Path) -> Engine:
    engine.deploy(models / "receiving.bpmn")
    return engine


def deaf_desk(engine: Engine) -> str:
    """A desk that has got its message, and cannot wait for the signal again once that has come."""
    desk = engine.start("desk", variables={"tone": "high"}).id
    engine.correlate("ping", instance_id=desk)
    engine.set_variables(desk, {"tone": None})
    return desk


def deaf_deal(engine: Engine) -> str:
    """A deal that cannot tell any more which customer's answers it waits for."""
    deal = engine.start("deal", variables={"me": "anna"}).id
    engine.set_variables(deal, {"me": None})
    return deal


def repair(engine: Engine, deal: str) -> None:
    engine.set_variables(deal, {"me": "anna"})
    engine.retry(incident_of(engine, deal).id, by="otto")
    engine.work()


def incident_of(engine: Engine, instance_id: str) -> Incident:
    (incident,) = engine.read.incidents(instance_id=instance_id)
    return incident


def visits(engine: Engine, instance_id: str, element_id: str) -> int:
    return sum(each.element_id == element_id for each in engine.read.history(instance_id).activities)


def actions(engine: Engine, instance_id: str) -> list[str]:
    return [entry.action for entry in engine.read.history(instance_id).log]


def test_a_signal_reaches_the_others_and_waits_for_repair_where_it_cannot_be_taken_in(office: Engine) -> None:
    deaf = [deaf_desk(office) for _ in range(2)]
    well = office.start("desk", variables={"tone": "high"}).id
    office.correlate("ping", instance_id=well)

    assert office.signal("high", variables={"pitch": 5}) == 3

    assert visits(office, well, "Rung") == 1
    for desk in deaf:
        incident = incident_of(office, desk)
        assert (incident.element_id, visits(office, desk, "Rung")) == ("Both", 0)
        assert "The signal has no name" in incident.message
        office.set_variables(desk, {"tone": "low"})
        office.retry(incident.id, by="otto")
        office.work()
        assert (visits(office, desk, "Rung"), office.read.incidents(instance_id=desk)) == (1, [])
        assert office.read.variables(desk)["pitch"] == 5
        kept = ["command.deferred", "incident.raised", "variables.set", "incident.resolved", "job.retried"]
        assert actions(office, desk)[-5:] == kept


def test_a_name_that_cannot_be_waited_for_is_the_receivers_incident(office: Engine) -> None:
    desk = deaf_desk(office)
    office.set_variables(desk, {"tone": "a" * 300})

    assert office.signal("high") == 1

    assert "A signal's name has 1 to 255 characters" in incident_of(office, desk).message
    assert visits(office, desk, "Rung") == 0


def test_who_correlates_is_not_refused_for_what_is_wrong_at_the_receiver(office: Engine) -> None:
    deal = deaf_deal(office)

    sent = office.correlate("ask", variables={"who": "anna", "number": 7}, by="bank")

    assert sent.matched == (deal,)
    incident = incident_of(office, deal)
    assert (incident.element_id, incident.kind) == ("Asked", "expression")
    log = {entry.action: entry for entry in office.read.history(deal).log}
    assert (log["message.correlated"].actor, log["command.deferred"].actor) == ("bank", "bank")
    assert log["incident.raised"].detail["incident"] == incident.id
    repair(office, deal)
    assert [task.element_id for task in office.read.tasks(instance_id=deal).items] == ["Answer"]
    assert office.read.variables(deal)["number"] == 7


def test_a_retry_before_the_repair_is_an_incident_again(office: Engine) -> None:
    deal = deaf_deal(office)
    office.correlate("ask", variables={"who": "anna", "number": 7})

    office.retry(incident_of(office, deal).id)
    office.work()

    assert "'customer' is null" in incident_of(office, deal).message
    repair(office, deal)
    assert visits(office, deal, "Answer") == 1


def test_a_second_message_is_for_somebody_else_while_the_first_waits_for_repair(office: Engine) -> None:
    deal = deaf_deal(office)
    office.correlate("ask", variables={"who": "anna", "number": 7})

    with pytest.raises(Conflict, match="Retry its incident"):
        office.correlate("ask", variables={"who": "anna", "number": 8})
    later = office.publish("ask", variables={"who": "anna", "number": 9}, ttl=HOUR)

    assert later.outcome is PublicationOutcome.STORED
    repair(office, deal)
    assert (visits(office, deal, "Answer"), office.read.variables(deal)["number"]) == (1, 7)
    other = office.start("deal", variables={"me": "anna"}).id
    assert office.read.variables(other)["number"] == 9


def test_a_throwing_instance_goes_on_and_its_handler_runs_once(office: Engine) -> None:
    runs: list[str] = []

    @office.handler("do")
    def do(job: Job) -> None:
        runs.append(job.id)

    desk, sender = deaf_desk(office), office.start("sender")
    office.work()

    assert office.read.instance(sender.id).state is InstanceState.COMPLETED
    assert (len(runs), visits(office, sender.id, "Told")) == (1, 1)
    assert incident_of(office, desk).element_id == "Both"


def test_a_stored_message_is_kept_by_the_instance_that_picks_it_up(office: Engine) -> None:
    stored = [office.publish("ping", variables={"number": each}, ttl=HOUR).id for each in (1, 2)]
    desk = office.start("desk", variables={"tone": "high"}).id
    office.set_variables(desk, {"tone": None})
    office.signal("high")
    incident = incident_of(office, desk)
    office.set_variables(desk, {"tone": "high"})
    office.retry(incident.id)
    office.work()

    assert visits(office, desk, "Rung") == 1
    states = {each.id: (each.state, each.receiver_id) for each in office.read.messages()}
    assert [states[each] for each in stored] == [(MessageState.DELIVERED, desk)] * 2


def test_what_was_kept_goes_with_the_activity_that_it_was_for(office: Engine) -> None:
    deal = deaf_deal(office)
    office.correlate("ask", variables={"who": "anna", "number": 7})

    office.signal("alarm")

    assert office.read.incidents(instance_id=deal) == []
    assert office.read.instance(deal).incident_count == 0
    assert office.read.jobs(instance_id=deal) == []


def test_a_value_that_cannot_be_kept_is_the_receivers_incident(office: Engine) -> None:
    deep: list[object] = []
    for _ in range(199):
        deep = [deep]
    writer = office.start("writer").id

    assert office.correlate("broken", variables={"letter": deep}).matched == (writer,)

    incident = incident_of(office, writer)
    assert (incident.element_id, incident.kind) == ("Got", "value")
    assert "nested more than" in incident.message
    assert visits(office, writer, "Last") == 0


def test_an_error_that_the_caller_cannot_match_does_not_fail_the_called_instance(office: Engine) -> None:
    runs: list[str] = []

    @office.handler("do")
    def do(job: Job) -> None:
        runs.append(job.id)

    caller = office.start("caller")
    office.work()

    incident = incident_of(office, caller.id)
    assert (incident.element_id, len(runs)) == ("Call", 1)
    office.set_variables(caller.id, {"code": "LATE"})
    office.retry(incident.id)
    office.work()
    assert visits(office, caller.id, "Handled") == 1
    assert office.read.instance(caller.id).state is InstanceState.COMPLETED
