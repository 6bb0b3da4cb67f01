"""A short run of faults on each database: nothing is lost, nothing happens twice, nothing is stuck."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from plan import SHARES, plan

FAULTS = int(os.environ.get("FERMATA_FAULTS", "30"))
HERE = Path(__file__).parent


@pytest.mark.faults
@pytest.mark.timeout(900)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the faults are done by means of Linux")
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_whatever_breaks_nothing_is_lost_and_nothing_happens_twice(database):
    run = subprocess.run(
        [sys.executable, HERE / "run.py", database, "--faults", str(FAULTS)], capture_output=True, text=True
    )

    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-4000:]
    said = json.loads(run.stdout.splitlines()[-1])
    assert (said["database"], said["problems"]) == (database, 0)
    assert said["faults"] >= FAULTS


@pytest.mark.parametrize("database", list(SHARES))
def test_the_same_seed_plans_the_same_faults(database):
    assert sum(SHARES[database].values()) == 1000
    faults = plan(7, 1000, database)
    assert len(faults) == 1000
    assert {fault.kind for fault in faults} == set(SHARES[database])
    assert faults == plan(7, 1000, database) != plan(8, 1000, database)


def test_no_fault_and_no_client_throws_dice_of_its_own():
    for module in HERE.glob("*.py"):
        assert not re.search(r"\brandom\.(?!Random\b)\w+|order by random\(", module.read_text()), module.name
