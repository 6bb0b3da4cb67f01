from datetime import UTC, datetime, timedelta

from engine.model import ActivityRecord, History, Incident, InstanceState, JobAttempt, ProcessInstance
from webapp.timeline import entries, marks, waiting_at

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
INSTANCE = ProcessInstance("i", "d:1", "d", "Order", 1, None, InstanceState.RUNNING, START, "ann")


def activity(number, element_id, kind="serviceTask", parent=0, outcome="completed", seconds=2):
    return ActivityRecord(
        instance_id="i",
        activity_id=number,
        element_id=element_id,
        name=element_id,
        kind=kind,
        parent_id=parent,
        entered_at=START,
        ended_at=START + timedelta(seconds=seconds) if outcome else None,
        outcome=outcome,
        actor=None,
    )


def incident(activity_id, element_id, resolved_at=None):
    return Incident(f"i.{activity_id}", "i", activity_id, element_id, "job", "No.", START, resolved_at=resolved_at)


def history(*activities, flows=(), incidents=(), attempts=()):
    return History(INSTANCE, activities, tuple(flows), (), tuple(attempts), (), tuple(incidents), ())


def test_a_token_is_marked_where_it_stands_and_not_on_the_subprocess_around_it():
    told = history(activity(1, "Sub", "subProcess", outcome=None), activity(2, "Pack", parent=1, outcome=None))

    assert {name: node["tokens"] for name, node in marks(told)["nodes"].items()} == {"Sub": 0, "Pack": 1}
    assert waiting_at(told) == [("Pack", 1)]


def test_visits_of_a_multi_instance_do_not_count_its_body():
    told = history(
        activity(1, "Pack", "multiInstanceBody"), *(activity(number, "Pack", parent=1) for number in (2, 3, 4))
    )

    assert marks(told)["nodes"]["Pack"]["visits"] == 3


def test_flows_are_counted():
    assert marks(history(flows=["a", "b", "a"]))["flows"] == {"a": 2, "b": 1}


def test_only_open_incidents_are_marked():
    told = history(
        activity(1, "Charge", outcome=None),
        activity(2, "Ship", outcome=None),
        incidents=[incident(1, "Charge"), incident(2, "Ship", resolved_at=START)],
    )

    assert {name: node["incidents"] for name, node in marks(told)["nodes"].items()} == {"Charge": 1, "Ship": 0}
    assert [entry.state for entry in entries(told)] == ["incident", "waiting"]


def test_an_entry_knows_its_depth_its_duration_and_its_attempts():
    attempt = JobAttempt("i.2", 2, 1, START, "worker")
    told = history(activity(1, "Sub", "subProcess"), activity(2, "Pack", parent=1, seconds=30), attempts=[attempt])

    outer, inner = entries(told)
    assert (outer.depth, inner.depth) == (0, 1)
    assert inner.duration == timedelta(seconds=30)
    assert inner.attempts == (attempt,)
