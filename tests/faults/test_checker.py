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
from checker import problems

HERE = Path(__file__).parent


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
    ],
)
def test_a_fault_in_the_database_is_named(company, statement, words):
    with sqlite3.connect(company / "company.db") as database:
        assert database.execute(statement).rowcount > 0
    assert named(company, words)


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


@pytest.mark.parametrize("what", ["start", "letter", "task", "confirm", "parcel"])
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
