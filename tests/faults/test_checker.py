"""The checker finds what it is there to find: each fault, planted into a finished company, is named."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from checker import Tables, problems
from keeping import cleaned, kept, wrongly_kept

HERE = Path(__file__).parent
OF_LOAD_1 = "instance_id in (select id from process_instance where business_key = 'load-1')"
LONG_AGO = "2020-01-01T00:00:00.000000Z"
pytestmark = pytest.mark.timeout(600)  # for the company's work before the first test, on a slow machine


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("company")
    run = subprocess.run(
        [sys.executable, HERE / "run.py", "sqlite", "--faults", "0", "--keep", folder],
        capture_output=True,
        text=True,
        env={**os.environ, "FERMATA_OFFLINE": "1"},
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]
    return folder / "sqlite"


@pytest.fixture
def company(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "company")
    return tmp_path / "company"


def found(folder: Path, deaths: list[dict[str, Any]] | None = None) -> list[str]:
    return problems(f"sqlite:///{folder / 'company.db'}", folder, deaths or [])


def named(folder: Path, words: str) -> bool:
    return any(words in problem for problem in found(folder))


def note(folder: Path, **line: object) -> None:
    with (folder / "calls.jsonl").open("a") as log:
        log.write(json.dumps(line) + "\n")


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "calls.jsonl").read_text().splitlines()]


def rewrite(folder: Path, kept: list[dict[str, Any]]) -> None:
    (folder / "calls.jsonl").write_text("".join(json.dumps(line) + "\n" for line in kept))


def first(folder: Path, **wanted: Any) -> dict[str, Any]:
    return next(line for line in lines(folder) if wanted.items() <= line.items())


def test_a_company_that_was_left_alone_has_no_problems(company):
    assert found(company) == []


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("update process_instance set business_key = 'other' where business_key = 'load-1'", "load-1 is lost"),
        (
            "update process_instance set business_key = 'load-1' where business_key = 'load-2'",
            "load-1 is there 2 times",
        ),
        ("update process_instance set state = 'running' where business_key = 'load-2'", "load-2 is ['running']"),
        ("update process_instance set incident_count = 1 where business_key = 'load-2'", "instances that count"),
        ("update activity set ended_at = null where activity_id = 2", "activities without an end"),
        ("update activity set element_id = 'Walk' where element_id = 'Rest'", "entered"),
        ("delete from flow_taken where flows like '%\"f3\"%'", "entered"),
        ("delete from job_attempt", "attempts on record"),
        ("update job_attempt set ended_at = null where attempt = 1", "attempts without an end"),
        (
            "insert into job_attempt select job_id, attempt + 90, instance_id, activity_id, started_at, worker, "
            "ended_at, outcome, error from job_attempt where outcome = 'completed' limit 1",
            "was completed 2 times",
        ),
        ("delete from log where sequence = 1", "the log of"),
        ("update process_instance set business_key = null where business_key = 'load-3'", "nobody asked for it"),
        ("delete from message where message_id = 'load-1/1'", "letter load-1/1 is there 0 times"),
        ("update message set delivered_at = null where message_id = 'load-1/2'", "never received"),
        ("update activity set outcome = 'cancelled' where element_id = 'ShipmentConfirmed'", "was confirmed 0 times"),
        ("update user_task set outcome = 'cancelled'", "was said to be completed and is cancelled"),
        ("update user_task set closed_by = 'others'", "was completed by others"),
        (
            "insert into incident (id, instance_id, activity_id, element_id, kind, message, detail, location, "
            "created_at, resolved_at) select 'i', id, 1, 'Walk', 'job', 'it broke', '', '', started_at, started_at "
            "from process_instance limit 1",
            "gave cause for: it broke",
        ),
        ("delete from variable_change", "and by its history not there"),
        (f"delete from variable_change where {OF_LOAD_1}", "and by its history not there"),
        ("delete from variable", "is not there, and by its history"),
        (f"delete from variable where {OF_LOAD_1}", "is not there, and by its history"),
        ("update variable set value = '[\"x\"]' where name = 'trail'", 'is ["x"], and by its history'),
        ("insert into variable select instance_id, 7, name, value from variable limit 1", "of scope 7"),
        (
            "update variable_change set after = '7' where name = 'rounds' and after = '3'",
            "became 7 by activity",
        ),
        (
            "delete from activity where parent_id in (select body.activity_id from activity body where "
            "body.kind = 'multiInstanceBody' and body.instance_id = activity.instance_id)",
            "has 0 items, and its collection orderLines 2",
        ),
        ("delete from activity where element_id = 'PackingStarted'", "was entered 0 times, and what it begins 2 times"),
        (
            "delete from job_attempt where activity_id in (select activity_id from activity where element_id = 'Stamp' "
            "and instance_id = job_attempt.instance_id)",
            "Stamp of",
        ),
        ("update job_attempt set outcome = 'lost'", "of its attempts [1] are []"),
        ("update job_attempt set outcome = 'x' where attempt = 1", "is 'x'"),
        ("update job_attempt set activity_id = activity_id + 1", "are said to be of"),
        ("delete from user_task", "has no user task"),
        (
            "update user_task set outcome = 'cancelled' where element_id = 'PackItem'",
            "is cancelled, and it is completed",
        ),
        ("delete from log where action = 'task.created'", "has 0 lines 'task.created' in the log"),
        ("delete from agent_step", "and saved []"),
        ("delete from agent_step where sequence = 1", "and saved [2"),
        (
            "update activity set outcome = 'cancelled' where element_id in ('Stamp', 'Walk')",
            "was completed 0 times and",
        ),
        ("update activity set outcome = null where element_id = 'Walk'", "an end and no outcome"),
        ("update activity set parent_id = 999 where element_id = 'Walk'", "stands in 999, which is not there"),
        (f"update activity set ended_at = '{LONG_AGO}'", "a row of activity is of"),
        (f"update log set at = '{LONG_AGO}' where sequence > 1", "a row of log is of"),
        (f"update variable_change set at = '{LONG_AGO}'", "a row of variable_change is of"),
        (f"update job_attempt set started_at = '{LONG_AGO}'", "a row of job_attempt is of"),
        ("update log set action = 'x'", "lines 'x', which nothing writes"),
        ("update log set action = 'job.retried' where action = 'instance.started'", "does not begin with its start"),
        ("delete from log where action = 'instance.ended'", "tells of 0 ends"),
        ("update flow_taken set step = -step", "is of step -1"),
        ("update activity set step = step + 1 where element_id = 'Walk'", "was entered in the steps"),
        ("update process_instance set ended_at = null", "is completed, and its end is None"),
        (
            "insert into job (id, instance_id, activity_id, element_id, kind, type, names, written_as, line, state, "
            "is_suspended, rank, created_at, due_at, attempt, lost_leases, headers, parameters, scopes) select 'x.1', "
            "id, 1, '', 'service', '', '', '', 0, 'queued', 0, 0, started_at, started_at, 0, 0, '', '', '' "
            "from process_instance limit 1",
            "1 jobs are left",
        ),
        ("delete from process_instance where parent_id is not null", "is completed, and what it called []"),
        ("update process_instance set state = 'cancelled' where parent_id is not null", "what it called ['cancelled']"),
        ("delete from process_instance where business_key = 'load-1'", "belong to no instance"),
        (
            "update variable set value = '[]' where name = 'findings' and instance_id in "
            "(select id from process_instance where parent_id is null)",
            "should have found ['load-",
        ),
        ("update process_instance set parent_activity_id = 1 where parent_id is not null", "which is no call"),
        ("delete from variable_change where name = 'ring'", "heard the bell 0 times"),
        ("update variable_change set after = '99' where name = 'ring'", "nobody was told that it was rung"),
        ("delete from log where action = 'instance.suspended'", "suspend load-7 is in the log 0 times"),
        ("delete from log where action = 'instance.activated'", "was suspended, and not activated as often"),
        ("update process_instance set state = 'completed' where business_key = 'load-2'", "and was cancelled 1 times"),
        ("update process_instance set state = 'cancelled' where business_key = 'load-24'", "and was cancelled 0 times"),
        (
            "update process_instance set definition_id = 'visits:1' where business_key = 'load-24'",
            "is of visits:1, and was migrated 0 times",
        ),
    ],
)
def test_a_fault_in_the_database_is_named(company, statement, words):
    with sqlite3.connect(company / "company.db") as database:
        assert database.execute(statement).rowcount > 0
    assert named(company, words)


@pytest.mark.parametrize(
    ("table", "column", "place"),
    [
        ("log", "at", "sequence = 2"),
        ("variable_change", "at", "step = 3"),
        ("activity", "entered_at", "step = 3"),
        ("agent_step", "at", "sequence = 2"),
    ],
)
def test_times_that_go_back_are_named(company, table, column, place):
    clocks = json.loads((company / "clocks.json").read_text())
    (company / "clocks.json").write_text(json.dumps(clocks | {"began": clocks["began"] - 7200}))
    assert found(company) == []
    an_hour_before = f"strftime('%Y-%m-%dT%H:%M:%fZ', {column}, '-1 hour')"
    with sqlite3.connect(company / "company.db") as database:
        assert database.execute(f"update {table} set {column} = {an_hour_before} where {place}").rowcount > 0
    assert named(company, " go back to ")


def test_where_clocks_agree_the_times_of_an_instance_go_back_by_nothing(company):
    clocks = json.loads((company / "clocks.json").read_text())
    (company / "clocks.json").write_text(json.dumps(clocks | {"least": clocks["most"]}))
    a_moment_before_the_first = (
        "(select strftime('%Y-%m-%dT%H:%M:%fZ', first.at, '-0.1 seconds') from log first "
        "where first.instance_id = log.instance_id and first.sequence = 1)"
    )
    with sqlite3.connect(company / "company.db") as database:
        assert database.execute(f"update log set at = {a_moment_before_the_first} where sequence = 2").rowcount > 0
    assert named(company, "the lines of the log of ")


def test_an_instance_that_ends_before_its_last_activity_is_named(company):
    with sqlite3.connect(company / "company.db") as database:
        database.execute("update process_instance set ended_at = strftime('%Y-%m-%dT%H:%M:%fZ', ended_at, '-1 hour')")
    assert named(company, "and the last of its activities at")


def test_a_result_that_is_not_in_the_history_is_named(company):
    rewrite(company, [line | {"result": {"rounds": 77}} if "ended" in line else line for line in lines(company)])
    assert named(company, "whose handler had returned [77]")


@pytest.mark.parametrize("what", ["modify", "migrate", "cancel", "suspend"])
def test_what_an_operator_was_said_to_have_done_and_is_not_in_the_log_is_named(company, what):
    note(company, request=what, of="load-24", result="done", again=False)
    assert named(company, f"{what} load-24 is in the log 0 times")


@pytest.mark.parametrize("what", ["suspend", "activate", "cancel"])
def test_what_an_operator_was_not_told_of_and_is_in_the_log_is_named(company, what):
    kept = [
        line | ({"result": "refused"} if line.get("request") == what and line["result"] == "done" else {})
        for line in lines(company)
    ]
    rewrite(company, kept)
    assert named(company, " is in the log 1 times, where ")


def test_a_bell_that_was_not_heard_by_all_who_were_said_to_hear_it_is_named(company):
    note(company, rung=99, receivers=1000)
    assert named(company, "that were said to hear the bell did not")


def test_exclusive_jobs_that_run_beside_each_other_are_named(company):
    log = lines(company)
    measured = first(company, element="Measure")
    weighed = next(line for line in log if line.get("element") == "Weigh" and line["instance"] == measured["instance"])
    log.remove(measured)
    log.insert(log.index(weighed) + 1, measured)
    rewrite(company, log)
    assert named(company, f"Measure of {measured['instance']} was called while")


def test_work_that_begins_in_a_suspended_instance_is_named(company):
    rewrite(company, [{"request": "suspend", "of": "load-24", "result": "done", "again": False}, *lines(company)])
    assert named(company, "was called while that was suspended")


def test_a_version_that_is_not_kept_to_is_named(company):
    note(company, **{**first(company, element="GoHome"), "type": "fly"})
    assert named(company, "was done by fly")


def test_what_the_last_task_of_a_visit_does_not_see_is_named(company):
    note(company, **{**first(company, element="GoHome"), "saw": {}})
    assert named(company, "where it should be {'weight':")


def test_a_cleanup_takes_what_is_due_and_nothing_else(company):
    database = f"sqlite:///{company / 'company.db'}"
    found, removed = cleaned(database, company, seed=7, kills=1)
    assert found == []
    with Tables(database) as tables:
        left = {row.process_key for row in tables.rows("select process_key from process_instance")}
    assert removed > 0
    assert "errands" in left
    assert not {"visits", "consultation"} & left


def test_what_a_cleanup_leaves_or_takes_wrongly_is_named(company):
    with Tables(f"sqlite:///{company / 'company.db'}") as tables:
        before = kept(tables)
    due, other, *_ = before
    gone = {instance: rows for instance, rows in before.items() if instance != due}
    assert list(wrongly_kept(before, gone, {due})) == []
    assert "still in" in next(wrongly_kept(before, before, {due}))
    assert "was to be kept" in next(wrongly_kept(before, gone, set()))
    changed = gone | {other: {**gone[other], "log": "another"}}
    assert "its rows have changed in ['log']" in next(wrongly_kept(before, changed, {due}))


def test_a_repeat_with_another_key_is_named(company):
    note(company, **{**first(company, element="Walk"), "key": "another"})
    assert named(company, "with the keys")


def test_a_key_that_two_activities_share_is_named(company):
    note(company, **{**first(company, element="Walk"), "activity": 99})
    assert named(company, "was given to the activities")


def test_an_activity_that_ended_without_its_handler_is_named(company):
    rewrite(company, [line for line in lines(company) if line.get("element") != "Walk"][:-1])
    note(company, **{**first(company, element="Collect"), "element": "Walk", "instance": "another"})
    assert named(company, "its handler was never called")


def test_what_a_handler_left_and_the_next_one_does_not_see_is_named(company):
    note(company, **{**first(company, element="Seal"), "saw": {"trail": []}})
    assert named(company, "saw the trail []")


def test_handlers_that_are_called_in_the_wrong_order_are_named(company):
    log = lines(company)
    seal = next(place for place, line in enumerate(log) if line.get("element") == "Seal")
    rewrite(company, [log[seal], *log[:seal], *log[seal + 1 :]])
    assert named(company, "(Collect was not called)")


def test_letters_that_are_received_twice_are_named(company):
    report = first(company, element="Report")
    note(company, **{**report, "saw": {**report["saw"], "letters": report["saw"]["letters"] * 2}})
    assert named(company, "saw the letters")


def test_a_parcel_that_was_refused_and_is_in_the_state_is_named(company):
    rewrite(company, [line | {"result": "refused"} if "parcel" in line else line for line in lines(company)])
    assert named(company, "which was refused or never sent")


def test_a_parcel_that_was_accepted_and_is_not_in_the_state_is_named(company):
    note(company, **{**first(company, request="parcel", result="done"), "of": "another", "parcel": "another"})
    report = first(company, element="Report")
    note(company, **{**report, "saw": {**report["saw"], "parcel": "unheard of"}})
    assert named(company, "has the parcel unheard of")


@pytest.mark.parametrize("what", ["start", "letter", "task", "confirm", "parcel", "ring"])
def test_what_was_done_twice_is_named(company, what):
    note(company, **first(company, request=what, result="done", again=False))
    assert named(company, "was done 2 times")


@pytest.mark.parametrize("what", ["start", "letter", "confirm"])
def test_what_was_said_to_be_done_before_and_was_not_is_named(company, what):
    done = first(company, request=what, result="done", again=False)
    rewrite(company, [line | {"again": True} if line == done else line for line in lines(company)])
    assert named(company, f"{what} {done['of']} was answered as done before")


@pytest.mark.parametrize("what", ["start", "letter", "task", "confirm"])
def test_what_was_done_though_the_web_had_said_that_nothing_was_is_named(company, what):
    done = first(company, request=what, result="done", again=False)
    rest = [line for line in lines(company) if line.get("of") != done["of"]]
    rewrite(company, [*rest, done | {"result": "not done"}, done | {"again": True, "result": "refused"}])
    assert named(company, "['not done'] had come of it")


@pytest.mark.parametrize("what", ["start", "letter", "task"])
def test_a_client_that_was_never_told_is_named(company, what):
    rewrite(company, [line for line in lines(company) if (line.get("request"), line.get("result")) != (what, "done")])
    assert named(company, "was never told")


def test_an_answer_that_names_another_instance_is_named(company):
    note(company, **{**first(company, request="start", of="load-1", result="done"), "again": True, "told": "another"})
    assert named(company, "was said to be instance another, which is not there")


def test_a_thread_that_died_is_named(company):
    note(company, bug="the thread 'fermata pump' died")
    assert named(company, "a bug: the thread 'fermata pump' died")


def test_a_step_taken_again_after_it_was_saved_is_named(company):
    step = next(line for line in lines(company) if "step" in line)
    death = {"kill": 7, "log": (company / "calls.jsonl").stat().st_size, "steps": [step["step"]]}
    assert found(company, [death]) == []
    note(company, agent=step["step"][0], begins="again")
    note(company, **{**step, "by": "again"})
    assert any("was taken again after kill 7" in problem for problem in found(company, [death]))


def test_an_effect_on_the_world_that_is_there_twice_is_named(company):
    ledger = next((company / "var").glob("*.jsonl"))
    ledger.write_text(ledger.read_text() + ledger.read_text().splitlines()[0] + "\n")
    assert named(company, "is there 2 times")
    assert named(company, ledger.name)
