"""The checker finds what it is there to find: each fault, planted into a finished company, is named."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from checker import problems

HERE = Path(__file__).parent
INSTANCES = 4


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("company")
    run = subprocess.run(
        [sys.executable, HERE / "killer.py", folder, "0", str(INSTANCES), "1"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1]), "FERMATA_OFFLINE": "1"},
    )
    assert run.returncode == 0, run.stderr[-4000:]
    return folder, [json.loads(line) for line in run.stdout.splitlines()]


@pytest.fixture
def company(finished, tmp_path):
    folder, deaths = finished
    shutil.copytree(folder, tmp_path / "company")
    return tmp_path / "company", deaths


def sql(folder: Path, statement: str) -> None:
    with sqlite3.connect(folder / "company.db") as database:
        assert database.execute(statement).rowcount > 0


def note(folder: Path, **line: object) -> None:
    with (folder / "calls.jsonl").open("a") as log:
        log.write(json.dumps(line) + "\n")


def first(folder: Path, kind: str) -> dict:
    lines = map(json.loads, (folder / "calls.jsonl").read_text().splitlines())
    return next(line for line in lines if kind in line)


def test_a_company_that_was_left_alone_has_no_problems(company):
    folder, deaths = company
    assert problems(folder, deaths, INSTANCES) == []


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("update process_instance set business_key = 'other' where business_key = 'load-1'", "load-1 is lost"),
        ("update process_instance set state = 'running' where business_key = 'load-2'", "load-2 is ['running']"),
        ("update activity set ended_at = null where activity_id = 2", "activities without an end"),
        ("update activity set element_id = 'Walk' where element_id = 'Rest'", "entered"),
        ("delete from job_attempt", "attempts on record"),
    ],
)
def test_a_fault_in_the_database_is_named(company, statement, named):
    folder, deaths = company
    sql(folder, statement)
    assert any(named in problem for problem in problems(folder, deaths, INSTANCES))


def test_a_repeat_with_another_key_is_named(company):
    folder, deaths = company
    note(folder, **{**first(folder, "job"), "key": "another"})
    assert any("with the keys" in problem for problem in problems(folder, deaths, INSTANCES))


def test_a_step_taken_again_after_it_was_saved_is_named(company):
    folder, deaths = company
    note(folder, step=first(folder, "step")["step"], kind="model")
    assert any("taken again" in problem for problem in problems(folder, deaths, INSTANCES))


def test_an_effect_on_the_world_that_is_there_twice_is_named(company):
    folder, deaths = company
    ledger = next((folder / "var").glob("*.jsonl"))
    ledger.write_text(ledger.read_text() + ledger.read_text().splitlines()[0] + "\n")
    assert any("times" in problem and ledger.name in problem for problem in problems(folder, deaths, INSTANCES))
