"""Lets the company live and kills it without warning, again and again; then lets it finish its work.

    python killer.py FOLDER KILLS INSTANCES SEED

New instances come as long as it is killed, and at least INSTANCES in all. Prints one JSON line for each death:
the size of the call log then, and the agent steps saved by then; the last one tells how many instances there are.
"""

from __future__ import annotations

import json
import os
import random
import select
import shutil
import signal
import sqlite3
import sys
import time
from pathlib import Path

import company

ALWAYS_MORE = 1_000_000


def main(folder: Path, kills: int, instances: int, seed: int) -> None:
    dice = random.Random(seed)
    os.chdir(folder)
    company.warm_up()
    shutil.rmtree("var", ignore_errors=True)
    for number in range(kills):
        child, is_up = _begin(folder, dice.randrange(2**32), ALWAYS_MORE)
        if dice.random() < 0.1:
            time.sleep(dice.uniform(0, 0.5))  # while it comes up
        else:
            select.select([is_up], [], [], 30)
            time.sleep(dice.uniform(0, 0.4) if dice.random() < 0.8 else dice.uniform(0.4, 1.5))
        os.close(is_up)
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        print(json.dumps({"kill": number, **_seen(folder)}), flush=True)
    instances = max(instances, _asked_for(folder))
    child, _ = _begin(folder, seed, instances, until_done=True)
    deadline = time.monotonic() + 240
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > deadline:
            os.killpg(child, signal.SIGKILL)
            sys.exit("The company did not finish its work in time.")
        time.sleep(0.1)
    if ended[1]:
        sys.exit("The company's last life ended with an error.")
    print(json.dumps({"kill": None, "instances": instances, **_seen(folder)}), flush=True)


def _begin(folder: Path, seed: int, instances: int, *, until_done: bool = False) -> tuple[int, int]:
    """The process, a group of its own, and a descriptor that can be read when its workers run."""
    is_up, comes_up = os.pipe()
    child = os.fork()
    if child:
        os.close(comes_up)
        return child, is_up
    os.setsid()
    status = 1
    try:
        company.live(folder, seed, instances, comes_up, until_done=until_done)
        status = 0
    finally:
        os._exit(status)


def _asked_for(folder: Path) -> int:
    """The highest number of an instance that anybody has asked for."""
    log = folder / company.CALLS
    lines = log.read_text().splitlines() if log.exists() else []
    return max((json.loads(line).get("start", 0) for line in lines), default=0)


def _seen(folder: Path) -> dict[str, object]:
    log = folder / company.CALLS
    steps: list[tuple[str, int]] = []
    if (folder / "company.db").exists():
        connection = sqlite3.connect(folder / "company.db")
        if connection.execute("select 1 from sqlite_master where name = 'agent_step'").fetchone():
            steps = connection.execute("select job_id, sequence from agent_step").fetchall()
        connection.close()
    return {"log": log.stat().st_size if log.exists() else 0, "steps": steps}


if __name__ == "__main__":
    target, *numbers = sys.argv[1:]
    main(Path(target).resolve(), *map(int, numbers))
