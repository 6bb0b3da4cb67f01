"""One life of an engine under load: the samples run, people and a carrier do their part, nothing is tidied up.

Every handler call and every step of an agent is noted in `calls.jsonl` before it is made, for the checker.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine import Engine, Job
from engine.application import load_application
from engine.errors import EngineError
from engine.executors.agent.recorder import Recorder
from engine.executors.python import PythonExecutor

HERE = Path(__file__).parent
SAMPLES = HERE.parents[1] / "samples"
CALLS = "calls.jsonl"

STARTS: list[tuple[str, Callable[[int], Mapping[str, Any]]]] = [
    (
        "employee-onboarding",
        lambda n: {
            "fullName": "Adaeze Okonkwo",
            "email": f"adaeze{n}@example.com",
            "department": "engineering",
            "startDate": "2026-03-02",
            "role": "Python developer, works from home three days a week",
            "paperworkText": "Name: OKONKWO, Adaeze\ngeb. 12.04.1990\nSteuer-ID: 12 345 678 903\n"
            "account DE89 3704 0044 0532 0130 00\nEnclosed: passport copy, health insurance card and signed contract.",
        },
    ),
    (
        "order-fulfilment",
        lambda n: {
            "orderId": f"load-{n}",
            "email": "kim@example.com",
            "items": "2 lamp, 1 chair",
            "cardToken": "tok-4242",
        },
    ),
    (
        "invoice-approval",
        lambda n: {
            "invoiceNumber": f"load-{n}",
            "supplier": "Papierhaus",
            "supplierStatus": "known",
            "iban": "DE89 3704 0044 0532 0130 00",
            "amount": 89.9 if n % 2 else 4200,
            "purpose": "paper",
            "hasOrder": True,
        },
    ),
    ("rounds", lambda n: {"rounds": 0}),
]
ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "DecideStart": {"decision": "approve"},
    "PackItem": {"weight": 5},
    "ReviewInvoice": {"plausible": True},
    "ApproveInvoice": {"decision": "approve"},
}


def live(folder: Path, seed: int, instances: int, comes_up: int, *, until_done: bool = False) -> None:
    """Runs until killed, or *until_done*: until *instances* have been started and all of them have ended.
    *comes_up*: a descriptor to write to when the workers run."""
    os.chdir(folder)
    _note_calls()
    engine = _open(f"sqlite:///{folder / 'company.db'}")
    engine.start_workers(3)
    dice = random.Random(seed)
    for work in (_start_instances, _answer_tasks, _confirm_shipments, _retry_what_lost_its_workers):
        threading.Thread(
            target=_go_on, args=(work, engine, instances, random.Random(dice.random())), daemon=True
        ).start()
    os.write(comes_up, b"!")
    while not (until_done and _is_done(engine, instances)):
        time.sleep(0.2)
    engine.close()


def warm_up() -> None:
    """Imports and compiles what a life needs, so that those forked from here begin at once. It runs no job:
    threads and event loops would not survive the fork."""
    for module in ("loop", "models", "tools", "transcript", "offline"):
        importlib.import_module(f"engine.executors.agent.{module}")
    importlib.import_module("pydantic_ai.models.function")
    with _open("sqlite://") as engine:
        for key, variables in STARTS:
            engine.start(key, variables=variables(1))


def _open(database: str) -> Engine:
    engine = Engine(database)
    engine.deploy(HERE / "rounds.bpmn")
    engine.handler("walk")(_walk)
    for sample in ("employee-onboarding", "order-fulfilment", "invoice-approval"):
        load_application(SAMPLES / sample).install(engine)
    return engine


def _walk(job: Job) -> dict[str, Any]:
    return {"rounds": job.variables["rounds"] + 1}


def _go_on(
    work: Callable[[Engine, int, random.Random], None], engine: Engine, instances: int, dice: random.Random
) -> None:
    while True:
        with suppress(EngineError):  # somebody else was faster, or nobody waits for it yet
            work(engine, instances, dice)
        time.sleep(0.01)


def _start_instances(engine: Engine, instances: int, dice: random.Random) -> None:
    """The next one that is not there yet; not too many at a time."""
    running = engine.read.instances(state="running", limit=1).total
    number = engine.read.instances(limit=1).total + 1
    if running >= 12 or number > instances:
        return
    key, variables = STARTS[number % len(STARTS)]
    business_key = f"load-{number}"
    if not engine.read.instances(business_key=business_key, limit=1).total:
        note(start=number)
        engine.start(key, variables=variables(number), business_key=business_key, by="user:load")


def _answer_tasks(engine: Engine, instances: int, dice: random.Random) -> None:
    tasks = engine.read.tasks(scope="all", limit=20).items
    if tasks:
        task = dice.choice(tasks)
        engine.complete(task.id, ANSWERS[task.element_id], by="user:ann")


def _confirm_shipments(engine: Engine, instances: int, dice: random.Random) -> None:
    for order in engine.read.instances(key="order-fulfilment", state="running", limit=50).items:
        if any(activity.element_id == "CarrierAnswers" for activity in engine.read.active(order.id)):
            engine.correlate(
                "shipment-confirmed", correlation_key=order.business_key, variables={"trackingNumber": "T"}
            )


def _retry_what_lost_its_workers(engine: Engine, instances: int, dice: random.Random) -> None:
    """The engine keeps a job that took many workers down from taking down more. Here it is not the job."""
    for incident in engine.read.incidents(open_only=True):
        if "workers vanished" in incident.message:
            engine.retry(incident.id, by="user:operator")


def _is_done(engine: Engine, instances: int) -> bool:
    return (
        engine.read.instances(limit=1).total >= instances and not engine.read.instances(state="running", limit=1).total
    )


def note(**what: Any) -> None:
    """One write each, so a kill leaves whole lines, in the order of what happened."""
    log = os.open(CALLS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.write(log, json.dumps(what).encode() + b"\n")
    os.close(log)


def _note_calls() -> None:
    call, perform = PythonExecutor.__call__, Recorder._performed

    def noted_call(self: PythonExecutor, job: Job, journal: Any) -> Any:
        note(job=job.id, key=job.idempotency_key, type=job.type, attempt=job.attempt)
        return call(self, job, journal)

    async def noted_step(self: Recorder, kind: str, request: Mapping[str, Any], do: Any) -> Any:
        note(step=[self._job_id, self._next], kind=kind)
        return await perform(self, kind, request, do)

    PythonExecutor.__call__ = noted_call  # type: ignore[method-assign]
    Recorder._performed = noted_step  # type: ignore[method-assign]
