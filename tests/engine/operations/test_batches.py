from __future__ import annotations

import signal
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest

from engine import Engine, Job
from engine.batch import (
    ActivateAll,
    BatchChange,
    BatchState,
    CancelAll,
    DeleteAll,
    ItemState,
    MigrateAll,
    ModifyAll,
    RetryAll,
    SetVariablesOfAll,
    SuspendAll,
    arguments_of,
    kind_of,
    operation_from,
)
from engine.clock import VirtualClock
from engine.errors import Conflict, InvalidInput, NotFound
from engine.model import InstanceState
from engine.modification import CancelActivity, CancelElement, Move, StartAfter, StartBefore, StartOn
from engine.operations import batch_runner
from engine.searching import Condition, Operator
from engine.store import retention

LINE = '<startEvent id="Start"/><userTask id="Pick"/><userTask id="Ship"/>'
PAY = '<startEvent id="Start"/><serviceTask id="Pay" camunda:type="external" camunda:topic="pay"/>'
ALL = (Condition("process_key", "p"),)
KILLED = """
import os, signal, sys
from engine import Engine
from engine.operations import batch_runner
batch_runner.CHUNK = 1
engine = Engine(sys.argv[1])
commits = []
def die():
    commits.append(1)
    if len(commits) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
engine.on_commit(die)
engine.work()
"""


@pytest.fixture
def lines(engine: Engine, deploy) -> Engine:
    deploy(LINE, "Start Pick Ship")
    return engine


def started(engine: Engine, count: int, **variables: Any) -> list[str]:
    return [engine.start("p", variables={"n": number, **variables}).id for number in range(count)]


def states(engine: Engine) -> list[InstanceState]:
    return [instance.state for instance in engine.read.instances().items]


def test_a_batch_is_done_by_the_workers_in_small_commits(lines: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_runner, "CHUNK", 2)
    ids = started(lines, 5)
    batch = lines.batch(CancelAll(), where=ALL, reason="recalled", by="ann")
    assert (batch.state, batch.total, batch.waiting) == (BatchState.RUNNING, 5, 5)
    assert states(lines) == [InstanceState.RUNNING] * 5
    lines.work()
    batch = lines.batches.get(batch.id)
    assert (batch.state, batch.done, batch.summary) == (BatchState.COMPLETED, 5, "5 cancelled")
    assert states(lines) == [InstanceState.CANCELLED] * 5
    assert lines.read.instance(ids[0]).end_reason == "recalled"
    entry = next(each for each in lines.read.history(ids[0]).log if each.action == "batch.applied")
    assert (entry.actor, entry.detail) == ("ann", {"batch": batch.id, "kind": "cancel", "reason": "recalled"})


def test_what_is_refused_for_one_is_done_for_the_others_and_said_of_each(lines: Engine) -> None:
    first, second, third = started(lines, 3)
    lines.complete(lines.read.tasks(instance_id=second).items[0].id)
    lines.cancel(third)
    batch = lines.batch(ModifyAll((Move("Pick", "Ship"),)), [first, second, third, "nobody"])
    lines.work()
    items = lines.batches.items(batch.id)
    assert [item.state for item in items] == [ItemState.DONE] + [ItemState.FAILED] * 3
    assert "No token" in items[1].message
    assert "has ended (cancelled)" in items[2].message
    assert "There is no process instance 'nobody'" in items[3].message
    assert lines.batches.get(batch.id).summary == "1 modified, 3 failed"
    assert [item.number for item in lines.batches.items(batch.id, "failed", limit=1, offset=1)] == [3]
    assert [item.number for item in lines.batches.items(batch.id, "failed", after=3)] == [4]


def test_a_retry_counts_what_came_of_it(engine: Engine, deploy) -> None:
    deploy(PAY, "Start Pay")
    broken = True

    @engine.handler("pay", retries=1)
    def pay(job: Job) -> dict[str, Any]:
        if broken or job.variables["n"] == 0:
            raise RuntimeError("no route to host")
        return {}

    started(engine, 4)
    engine.work()
    broken = False
    gone = engine.read.incidents()[3]
    batch = engine.batch(RetryAll(), where=[Condition("element_id", "Pay")])
    engine.cancel(gone.instance_id)
    engine.work()
    found = engine.batches.get(batch.id)
    assert found.retried is not None
    assert (found.done, found.skipped, found.retried.completed, found.retried.failed_again) == (3, 1, 2, 1)
    assert found.summary.startswith("3 retried, 2 completed, 1 failed again with 'RuntimeError: no route to host")
    assert "resolved already" in engine.batches.items(batch.id, "skipped")[0].message


def test_incidents_are_chosen_by_their_ids(engine: Engine, deploy) -> None:
    deploy(PAY, "Start Pay")
    started(engine, 2)
    engine.work()
    incident = engine.read.incidents()[0]
    engine.batch(RetryAll(retries=2), [incident.id])
    engine.work(limit=1)
    assert engine.read.jobs(incident.instance_id)[0].retries_left == 2
    with pytest.raises(NotFound, match="no incident 'nothing'"):
        engine.batch(RetryAll(), ["nothing"])


def test_many_are_suspended_activated_and_given_variables(lines: Engine) -> None:
    ids = started(lines, 2)
    lines.suspend(ids[0])
    suspended = lines.batch(SuspendAll(), ids, reason="audit")
    lines.work()
    assert states(lines) == [InstanceState.SUSPENDED] * 2
    assert lines.batches.get(suspended.id).summary == "1 suspended, 1 skipped"
    lines.batch(ActivateAll(), where=ALL)
    lines.work()
    lines.batch(SetVariablesOfAll({"rate": 2.5}), where=[Condition("variable:n", 1)])
    lines.work()
    assert [lines.read.variables(each).get("rate") for each in ids] == [None, 2.5]


def test_many_are_migrated(lines: Engine, deploy) -> None:
    started(lines, 3)
    deploy(LINE + '<userTask id="Check"/>', "Start Pick Check Ship")
    plan = lines.migration_plan("p")
    late = started(lines, 1)[0]
    batch = lines.batch(MigrateAll(plan), where=ALL)
    assert batch.total == 3
    lines.work()
    assert {instance.version for instance in lines.read.instances().items} == {2}
    again = lines.batch(MigrateAll(plan), [late])
    lines.work()
    assert lines.batches.get(again.id).summary == "0 migrated, 1 skipped"


def test_ended_instances_are_removed_with_their_history(engine: Engine, deploy) -> None:
    deploy('<startEvent id="S"/><userTask id="Inside"/>', "S Inside", key="child")
    deploy('<startEvent id="S"/><callActivity id="Call" calledElement="child"/>', "S Call")
    ended, runs = started(engine, 2)
    child = engine.read.children(ended)[0].id
    engine.cancel(ended)
    batch = engine.batch(DeleteAll(), [ended, child, runs])
    engine.work()
    items = engine.batches.items(batch.id)
    assert [item.state for item in items] == [ItemState.DONE, ItemState.SKIPPED, ItemState.FAILED]
    assert "has not ended" in items[2].message
    assert [each.id for each in engine.read.instances(key="p").items] == [runs]
    assert engine.read.cleanups()[0].instances == 1
    with pytest.raises(InvalidInput, match="Nothing is there to delete"):
        engine.batch(DeleteAll(), where=ALL)


def test_instances_with_much_history_are_removed_in_several_commits(
    lines: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = started(lines, 3)
    for each in ids:
        lines.cancel(each)
    monkeypatch.setattr(retention, "ROOM", 3)
    batch = lines.batch(DeleteAll(), ids)
    lines.work()
    assert lines.batches.get(batch.id).summary == "3 deleted"
    assert lines.read.instances().total == 0


def test_a_paused_batch_goes_on_and_a_cancelled_one_leaves_the_rest(
    lines: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_runner, "CHUNK", 1)
    monkeypatch.setattr(batch_runner, "TURN", 0)
    started(lines, 4)
    batch = lines.batch(CancelAll(), where=ALL)
    lines.work(limit=1)
    lines.batches.pause(batch.id)
    assert lines.work() == 0
    assert (lines.batches.get(batch.id).state, lines.batches.get(batch.id).done) == (BatchState.PAUSED, 1)
    lines.batches.resume(batch.id)
    lines.work(limit=1)
    lines.batches.cancel(batch.id)
    assert lines.work() == 0
    found = lines.batches.get(batch.id)
    assert (found.state, found.done, found.cancelled, found.ended_at is None) == (BatchState.CANCELLED, 2, 2, False)
    with pytest.raises(Conflict, match="is cancelled"):
        lines.batches.resume(batch.id)


def test_who_steered_a_batch_when_and_why_is_on_record(lines: Engine, clock: VirtualClock) -> None:
    started(lines, 2)
    batch = lines.batch(CancelAll(), where=ALL, by="ann", reason="recall 17")
    assert lines.batches.changes(batch.id) == []
    began = clock.now()
    lines.batches.pause(batch.id, by="olga", reason="too fast")
    clock.advance(timedelta(hours=1))
    lines.batches.resume(batch.id, by="ann")
    lines.batches.cancel(batch.id, by="olga", reason="wrong parcels")
    with pytest.raises(Conflict):
        lines.batches.cancel(batch.id, by="ben", reason="too late")

    later = began + timedelta(hours=1)
    assert lines.batches.changes(batch.id) == [
        BatchChange(BatchState.PAUSED, began, "olga", "too fast"),
        BatchChange(BatchState.RUNNING, later, "ann", ""),
        BatchChange(BatchState.CANCELLED, later, "olga", "wrong parcels"),
    ]
    with pytest.raises(NotFound):
        lines.batches.changes("none")


def test_a_batch_whose_worker_is_killed_is_taken_up_where_it_was(lines: Engine, database_url: str) -> None:
    ids = started(lines, 4)
    batch = lines.batch(SetVariablesOfAll({"done": True}), where=ALL)
    killed = subprocess.run([sys.executable, "-c", KILLED, database_url], timeout=240, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert lines.batches.get(batch.id).done == 2
    lines.work()
    assert lines.batches.get(batch.id).summary == "4 changed"
    logs = [each.action for one in ids for each in lines.read.history(one).log]
    assert (logs.count("batch.applied"), logs.count("variables.set")) == (4, 4)


def test_a_batch_needs_a_choice_and_something_to_do(lines: Engine) -> None:
    started(lines, 1)
    for operation, ids, where, why in (
        (CancelAll(), None, (), "either the ids or conditions"),
        (CancelAll(), ["x"], ALL, "either the ids or conditions"),
        (CancelAll(), [], (), "Nothing is there to cancel"),
        (ActivateAll(), None, ALL, "Nothing is there to activate: process_key = p"),
        (CancelAll(), None, (Condition("colour", 1),), "'colour' is no field"),
        (SetVariablesOfAll({}), None, ALL, "No variables"),
        (ModifyAll(()), None, ALL, "says nothing"),
        (RetryAll(retries=0), None, ALL, "at least one attempt"),
    ):
        with pytest.raises(InvalidInput, match=why):
            lines.batch(operation, ids, where=where)
    assert lines.batches.list() == []
    with pytest.raises(NotFound):
        lines.batches.get("nothing")


def test_every_operation_is_kept_as_plain_data(lines: Engine, deploy) -> None:
    instructions = (
        CancelActivity(3),
        CancelElement("a"),
        StartBefore("a", {"x": 1}, {"y": 2}, 4),
        StartAfter("a"),
        StartOn("f"),
        Move("a", "b"),
    )
    deploy(LINE + '<userTask id="Check"/>', "Start Pick Check Ship")
    for operation in (
        CancelAll(),
        SuspendAll(),
        ActivateAll(),
        RetryAll(3),
        SetVariablesOfAll({"a": 1}),
        ModifyAll(instructions),
        MigrateAll(lines.migration_plan("p"), re_arms=True),
        DeleteAll(),
    ):
        assert operation_from(kind_of(operation), arguments_of(operation)) == operation


def test_batches_are_listed_the_newest_first(lines: Engine) -> None:
    started(lines, 1)
    first = lines.batch(SuspendAll(), where=[Condition("state", "running", Operator.EQUAL)])
    second = lines.batch(CancelAll(), where=ALL)
    assert [batch.id for batch in lines.batches.list()] == [second.id, first.id]
    assert [batch.id for batch in lines.batches.list(before=second.id)] == [first.id]
    assert [batch.id for batch in lines.batches.list(1, kind="suspend")] == [first.id]
    assert lines.batches.list(state=BatchState.CANCELLED) == []


def test_pages_of_batches_have_a_total_and_change_their_revision_with_what_they_show(lines: Engine) -> None:
    ids = started(lines, 3)
    first = lines.batch(SuspendAll(), ids)
    second = lines.batch(CancelAll(), ids)
    page = lines.batches.page(1)
    assert ([each.id for each in page], page.total) == ([second.id], 2)
    assert [each.id for each in lines.batches.page(10, 1)] == [first.id]
    assert [each.id for each in lines.batches.page(state=BatchState.RUNNING, kind="suspend")] == [first.id]

    seen = lines.batches.revision(first.id), lines.batches.page_revision(1, 1), lines.batches.page_revision(1)
    lines.batches.pause(second.id)
    lines.work()
    now = lines.batches.revision(first.id), lines.batches.page_revision(1, 1), lines.batches.page_revision(1)
    assert not set(seen) & set(now)
    assert lines.batches.page(1, 1).items[0].done == 3
    with pytest.raises(NotFound, match="no batch 'none'"):
        lines.batches.revision("none")


def test_what_a_batch_does_can_be_read_again(lines: Engine) -> None:
    batch = lines.batch(SetVariablesOfAll({"n": [1, {"deep": True}]}), started(lines, 1))
    assert lines.batches.operation(batch.id) == SetVariablesOfAll({"n": [1, {"deep": True}]})
    with pytest.raises(NotFound, match="no batch 'none'"):
        lines.batches.operation("none")


def test_a_preview_counts_what_a_batch_would_take_and_names_the_first(lines: Engine) -> None:
    ids = started(lines, 4)
    lines.suspend(ids[0])
    lines.cancel(ids[1])
    preview = lines.batches.preview(SuspendAll(), [Condition("id", ids, Operator.ONE_OF)], shown=1)
    assert (preview.total, [each.id for each in preview.first]) == (2, [ids[2]])
    assert lines.batches.preview(CancelAll(), ALL).total == 3
    assert lines.batches.preview(RetryAll(), ALL).total == 0
    assert lines.batches.list() == []


def test_a_text_chooses_what_a_list_of_instances_finds_by_it(engine: Engine, deploy) -> None:
    deploy(PAY, "Start Pay")
    engine.register_external("pay")
    for key in ("A_1", "AX1"):
        engine.start("p", business_key=key)
    for job in engine.read.jobs():
        engine.fail_job(job.id, "no line", retries=0)
    by_text = [Condition("text", "a_1")]
    [instance] = engine.batches.preview(SuspendAll(), by_text).first
    [incident] = engine.batches.preview(RetryAll(), by_text).first
    assert (instance.business_key, incident.business_key) == ("A_1", "A_1")
    assert engine.batch(RetryAll(), where=by_text).selection == "text = a_1"


def test_many_ids_in_a_condition_are_told_by_their_number(lines: Engine) -> None:
    ids = started(lines, 6)
    assert lines.batch(SuspendAll(), where=[Condition("id", ids, Operator.ONE_OF)]).selection == (
        "id in 6 that are given"
    )


def test_what_is_no_operation_is_refused(engine):
    with pytest.raises(InvalidInput, match="of type str is no operation"):
        engine.batch("cancel", ["x"])
