"""What the fleet of the tests does. Each call is noted in the file CALLS before it is made."""

import json
import os
import time
from pathlib import Path

from engine import BpmnError, Job, handler


@handler("first", retries=2)
def first(job: Job) -> dict[str, object]:
    _note(job)
    do = job.variables.get("do")
    if do == "hang":
        while True:
            time.sleep(0.05)
    if do == "hang once" and job.attempt == 1:
        while True:
            time.sleep(0.05)
    if do == "give way":
        while not job.is_cancelled():
            time.sleep(0.05)
    if do == "refuse":
        raise BpmnError("REFUSED", "not today")
    return {"first": os.getpid()}


@handler("second")
def second(job: Job) -> dict[str, object]:
    _note(job)
    return {"second": os.getpid()}


@handler("compute", process=True)
def compute(job: Job) -> dict[str, object]:
    _note(job)
    while job.variables.get("do") == "hang":
        time.sleep(0.05)
    return {}


def _note(job: Job) -> None:
    line = {"type": job.type, "key": job.idempotency_key, "attempt": job.attempt, "process": os.getpid()}
    line["parent"] = os.getppid()
    with Path(os.environ["CALLS"]).open("a") as calls:
        calls.write(json.dumps(line) + "\n")
