from __future__ import annotations

from datetime import timedelta

import pytest

from engine import Engine
from engine.clock import VirtualClock
from engine.errors import Conflict, InvalidInput
from engine.model import InstanceState

LATE = '<boundaryEvent id="{0}" attachedToRef="{1}"><timerEventDefinition><timeDuration>PT1H</timeDuration>'
LATE += "</timerEventDefinition></boundaryEvent>"
BODY = (
    '<startEvent id="Start"/><parallelGateway id="Fork"/><userTask id="Pick{0}"/>{1}'
    '<serviceTask id="Pay{0}" camunda:type="external" camunda:topic="pay"/>'
    '<receiveTask id="Hear{0}" messageRef="m"/><userTask id="Ship"/>'
)
PATHS = ("Start Fork Pick{0} Ship", "Fork Pay{0}", "Fork Hear{0}", "Late{0} Ship")
MESSAGE = '<message id="m" name="heard"/>'
RENAMED = {f"{name}": f"{name}2" for name in ("Pick", "Pay", "Hear", "Late")}


@pytest.fixture
def versions(engine: Engine, deploy) -> Engine:
    for suffix in ("", "2"):
        late = LATE.format(f"Late{suffix}", f"Pick{suffix}")
        paths = [path.format(suffix) for path in PATHS]
        if suffix:
            engine.start("p", business_key="A-1")
        deploy(BODY.format(suffix, late), *paths, definitions=MESSAGE)
    return engine


def migrated(engine: Engine) -> str:
    order = engine.read.instances(business_key="A-1").items[0]
    plan = engine.migration_plan("p", mapping=RENAMED)
    engine.migrate(order.id, plan, reason="new form", by="ann")
    return order.id


def test_all_that_waits_moves_along(versions: Engine, clock: VirtualClock) -> None:
    order = migrated(versions)
    assert versions.read.instance(order).version == 2
    assert [task.element_id for task in versions.read.tasks().items] == ["Pick2"]
    assert {job.element_id for job in versions.read.jobs(order)} == {"Pay2", "Late2"}
    assert {each.element_id for each in versions.read.active(order)} == {"Pick2", "Pay2", "Hear2"}
    versions.correlate("heard")
    service = next(job for job in versions.read.jobs(order) if job.kind == "service")
    versions.complete_job(service.id)
    clock.advance(timedelta(hours=1))
    versions.work()
    assert [task.element_id for task in versions.read.tasks().items] == ["Ship"]
    versions.complete(versions.read.tasks().items[0].id)
    assert versions.read.instance(order).state == InstanceState.COMPLETED


def test_what_is_in_and_at_a_renamed_scope_keeps_its_place(engine: Engine, deploy, clock: VirtualClock) -> None:
    for name in ("Pack", "Wrap"):
        inside = '<startEvent id="In"/><userTask id="Fold"/><sequenceFlow id="i" sourceRef="In" targetRef="Fold"/>'
        deploy(
            f'<startEvent id="Start"/><subProcess id="{name}">{inside}</subProcess>{LATE.format("Late", name)}'
            '<userTask id="Ship"/>',
            f"Start {name} Ship",
            "Late Ship",
        )
        if name == "Pack":
            order = engine.start("p").id
    clock.advance(timedelta(minutes=59))

    plan = engine.migration_plan("p", mapping={"Pack": "Wrap"})
    assert (plan.is_valid, plan.unmapped) == (True, ())
    assert (plan.mapping["Fold"], plan.mapping["Late"]) == ("Fold", "Late")
    assert engine.migration_plan("p", mapping={"Pack": "Wrap", "Late": None}).unmapped == ("Late",)
    found = engine.migrate(order, plan)
    assert (found.given_up, found.new) == ((), ())
    clock.advance(timedelta(minutes=1))
    engine.work()
    assert [task.element_id for task in engine.read.tasks().items] == ["Ship"]


def test_who_migrated_what_and_why_is_on_record(versions: Engine) -> None:
    history = versions.read.history(migrated(versions))
    entry = next(each for each in history.log if each.action == "instance.migrated")
    assert (entry.actor, entry.detail["reason"], entry.detail["renamed"]) == ("ann", "new form", RENAMED)
    assert (entry.detail["from"], entry.detail["to"]) == (
        versions.read.definitions(latest_only=False)[1].id,
        history.instance.definition_id,
    )
    assert [each["element"] for each in entry.detail["after"]] == ["Pick2", "Pay2", "Hear2"]


def test_a_dry_run_tells_what_it_would_do_and_changes_nothing(versions: Engine) -> None:
    order = versions.read.instances(business_key="A-1").items[0]
    before = versions.read.revision(order.id)
    found = versions.migrate(order.id, versions.migration_plan("p", mapping=RENAMED), is_dry_run=True)
    assert [(old, new) for _, old, new in found.moves] == [("Pick", "Pick2"), ("Pay", "Pay2"), ("Hear", "Hear2")]
    found = versions.migrate(order.id, versions.migration_plan("p"), is_dry_run=True)
    assert [problem.element_id for problem in found.problems] == ["Pick", "Pay", "Hear"]
    assert versions.read.revision(order.id) == before


def test_what_cannot_be_migrated_stays_as_it_is(versions: Engine) -> None:
    order = versions.read.instances(business_key="A-1").items[0]
    before = versions.read.revision(order.id)
    with pytest.raises(Conflict, match="Pay: activity"):
        versions.migrate(order.id, versions.migration_plan("p"))
    with pytest.raises(InvalidInput, match="another kind"):
        versions.migrate(order.id, versions.migration_plan("p", mapping=RENAMED | {"Pick": "Pay2"}))
    with pytest.raises(InvalidInput, match="no version 7 of"):
        versions.migration_plan("p", target=7)
    assert versions.read.revision(order.id) == before
    versions.migrate(order.id, versions.migration_plan("p", mapping=RENAMED))
    with pytest.raises(Conflict, match="and the plan is for"):
        versions.migrate(order.id, versions.migration_plan("p", mapping=RENAMED))


def test_an_incident_is_retried_by_the_diagram_that_mends_it(engine: Engine, deploy) -> None:
    body = '<startEvent id="Start"/><scriptTask id="Add" scriptFormat="python" camunda:resultVariable="sum"><script>{}'
    body += '</script></scriptTask><userTask id="Look"/>'
    deploy(body.format("a + missing"), "Start Add Look")
    order = engine.start("p", variables={"a": 1})
    incident = engine.read.incidents()[0]
    deploy(body.format("a + 1"), "Start Add Look")
    engine.migrate(order.id, engine.migration_plan("p"))
    engine.retry(incident.id)
    assert (engine.read.incidents(), [task.element_id for task in engine.read.tasks().items]) == ([], ["Look"])


def test_what_an_activity_has_called_stays_as_it_is_and_reports_back(engine: Engine, deploy) -> None:
    deploy('<startEvent id="S"/><userTask id="Inside"/>', "S Inside", key="child")
    body = '<startEvent id="S"/><callActivity id="{0}" calledElement="child"/><userTask id="Last"/>'
    deploy(body.format("Call"), "S Call Last")
    order = engine.start("p")
    deploy(body.format("Ask"), "S Ask Last")
    engine.migrate(order.id, engine.migration_plan("p", mapping={"Call": "Ask"}))
    engine.complete(engine.read.tasks().items[0].id)
    assert [task.element_id for task in engine.read.tasks().items] == ["Last"]


def test_a_migrated_instance_is_the_same_for_another_process(
    versions: Engine, open_engine, clock: VirtualClock
) -> None:
    order = migrated(versions)
    other = open_engine()
    other.complete(other.read.tasks().items[0].id)
    assert [task.element_id for task in other.read.tasks().items] == ["Ship"]
    assert versions.read.instance(order).state == InstanceState.RUNNING
