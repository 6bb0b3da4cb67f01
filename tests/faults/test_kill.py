"""kill -9 at any moment, hundreds of times, while the samples run: nothing is lost and nothing happens twice."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from checker import problems

KILLS = int(os.environ.get("FERMATA_KILLS", "200"))
SEED = int(os.environ.get("FERMATA_SEED", "20261122"))
HERE = Path(__file__).parent


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_killed_at_any_moment_nothing_is_lost_and_nothing_happens_twice(tmp_path):
    at_least = 50

    run = subprocess.run(
        [sys.executable, HERE / "killer.py", tmp_path, str(KILLS), str(at_least), str(SEED)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1]), "FERMATA_OFFLINE": "1"},
    )

    assert run.returncode == 0, run.stderr[-4000:]
    deaths = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(deaths) == KILLS + 1
    assert problems(tmp_path, deaths, deaths[-1]["instances"]) == []
    died_busy = sum(before["log"] < after["log"] for before, after in pairwise(deaths))
    assert died_busy > KILLS // 2, "the kills must hit a company at work, or this test says nothing"
