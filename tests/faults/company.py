"""The lives of a company under load: workers, and the web where people, clients and a carrier do their part.

Nothing is tidied up when a life ends. Every handler call and every step of an agent is noted in `calls.jsonl` before
it is made, for the checker; so is what came of each delivery.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

from engine import Engine, Job
from engine.application import load_application
from engine.executors.agent.recorder import Recorder
from engine.executors.python import PythonExecutor
from engine.store.transaction import DatabaseError

HERE = Path(__file__).parent
SAMPLES = HERE.parents[1] / "samples"
CALLS = "calls.jsonl"
LEASE = timedelta(seconds=3)
"""A tenth of the real one, so that a run sees many of them lost."""
DATABASE_AWAY = 3
"""Exit status of a life that found no database when it came up."""


class OffsetClock:
    """Reads by how many seconds it is wrong from a file, which somebody else writes."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.touch()

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(self._file.read_text() or 0))


def live(role: str, name: str, folder: Path, url: str, seed: int, comes_up: int) -> int:
    """Until killed, or asked to end by SIGTERM; the exit status. *role*: worker or web; *comes_up*: a descriptor to
    write to when it is at work."""
    os.chdir(folder)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    _keep_log(name)
    _note_calls()
    _shorten_leases()
    try:
        engine = open_engine(url, OffsetClock(folder / f"clock-{name}"))
    except DatabaseError:
        return DATABASE_AWAY
    if role == "worker":
        engine.start_workers(2)
    else:
        from web import open_web

        open_web(engine, random.Random(seed), folder)
    os.write(comes_up, b"!")
    while not stop.wait(0.5):
        pass
    engine.close()
    return 0


def open_engine(url: str, clock: OffsetClock | None = None) -> Engine:
    engine = Engine(url, clock=clock)
    engine.deploy(HERE / "rounds.bpmn", HERE / "errands.bpmn")
    engine.handler("walk")(_walk)
    engine.handler("collect", retries=9)(_collect)
    for name in ("stamp", "seal", "file", "report"):
        engine.handler(name, retries=9, save_point=False)(_pass_on)
    engine.handler("read", retries=9)(_read)
    engine.register_external("parcel")
    for sample in ("employee-onboarding", "order-fulfilment", "invoice-approval"):
        load_application(SAMPLES / sample).install(engine)
    return engine


def warm_up() -> None:
    """Imports and compiles what a life needs, so that those forked from here begin at once. It runs no job:
    threads and event loops would not survive the fork."""
    from web import STARTS

    for module in ("loop", "models", "tools", "transcript", "offline"):
        importlib.import_module(f"engine.executors.agent.{module}")
    importlib.import_module("pydantic_ai.models.function")
    importlib.import_module("psycopg")
    with open_engine("sqlite://") as engine:
        for key, variables in STARTS:
            if key != "straight":  # whose handlers run at once
                engine.start(key, variables=variables(1))


def note(**what: Any) -> None:
    """One write each, so a kill leaves whole lines, in the order of what happened."""
    log = os.open(CALLS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(log, json.dumps(what).encode() + b"\n")
    finally:
        os.close(log)


def _walk(job: Job) -> dict[str, Any]:
    return {"rounds": job.variables["rounds"] + 1}


def _collect(job: Job) -> dict[str, Any]:
    return {"trail": [job.idempotency_key]}


def _pass_on(job: Job) -> dict[str, Any]:
    return {"trail": [*job.variables.get("trail", []), job.idempotency_key]}


def _read(job: Job) -> dict[str, Any]:
    return {"letters": [*job.variables.get("letters", []), [job.variables["number"], job.idempotency_key]]}


def _note_calls() -> None:
    call, perform, begin = PythonExecutor.__call__, Recorder._performed, Recorder.__init__

    def noted_call(self: PythonExecutor, job: Job, journal: Any) -> Any:
        saw = {name: job.variables[name] for name in ("trail", "letters", "parcel") if name in job.variables}
        note(
            job=job.id,
            key=job.idempotency_key,
            type=job.type,
            attempt=job.attempt,
            instance=job.instance_id,
            activity=job.activity_id,
            element=job.element_id,
            saw=saw,
        )
        return call(self, job, journal)

    def noted_begin(self: Any, job_id: str, *arguments: Any, **options: Any) -> None:
        self.attempt_of_test = token_hex(8)
        note(agent=job_id, begins=self.attempt_of_test)  # before it looks at what is saved
        begin(self, job_id, *arguments, **options)

    async def noted_step(self: Any, kind: str, request: Mapping[str, Any], do: Any) -> Any:
        note(step=[self._job_id, self._next], kind=kind, by=self.attempt_of_test)
        return await perform(self, kind, request, do)

    PythonExecutor.__call__ = noted_call  # type: ignore[method-assign]
    Recorder.__init__ = noted_begin  # type: ignore[method-assign]
    Recorder._performed = noted_step  # type: ignore[method-assign]


def _shorten_leases() -> None:
    from engine.store import jobs

    usual = jobs.LEASE
    for module in list(sys.modules.values()):
        if getattr(module, "LEASE", None) is usual and getattr(module, "__name__", "").startswith("engine."):
            module.LEASE = LEASE  # type: ignore[attr-defined]


def _keep_log(name: str) -> None:
    """What the engine says, one line each, in `lives.log`."""
    handler = logging.FileHandler("lives.log")
    handler.setFormatter(logging.Formatter(f"%(asctime)s {name} %(name)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    threading.excepthook = lambda hook: _a_thread_died(hook.thread, hook.exc_value)


def _a_thread_died(thread: threading.Thread | None, problem: BaseException | None) -> None:
    note(bug=f"the thread '{thread and thread.name}' died of {type(problem).__name__}: {problem}")
    logging.getLogger("faults").error("a thread died", exc_info=problem)


def forever(work: Callable[[], None], pause: float) -> None:
    """Repeats *work* in a thread of its own, whatever is refused; what is neither refusal nor database is noted."""
    from engine.errors import EngineError

    def go_on() -> None:
        while True:
            try:
                work()
            except EngineError:  # somebody else was faster, or nobody waits for it yet
                pass
            except DatabaseError:
                time.sleep(0.1)
            except Exception as problem:
                note(bug=f"{work} met {type(problem).__name__}: {problem}")
                logging.getLogger("faults").exception("a client broke off")
                time.sleep(0.1)
            time.sleep(pause)

    threading.Thread(target=go_on, daemon=True).start()
