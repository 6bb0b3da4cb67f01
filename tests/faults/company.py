"""The lives of a company under load: workers, and the web that people, programs and carriers ask.

Nothing is tidied up when a life ends. Every handler call and every step of an agent is noted in `calls.jsonl` before
it is made, for the checker.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

from children import Child
from crafts import compute
from hosts import Host
from load import CLOCKS, LEAVES, SEEN, STARTS, first_version, note
from operators import steer
from plan import WORKERS

from engine import Engine, Job
from engine.application import load_application
from engine.executors.agent.recorder import Recorder
from engine.executors.asynchronous import AsyncExecutor
from engine.executors.processes import ProcessExecutor
from engine.executors.python import PythonExecutor
from engine.model import Resource
from engine.store.transaction import DatabaseError
from webapp.serve import serve

HERE = Path(__file__).parent
SAMPLES = HERE.parents[1] / "samples"
LEASE = timedelta(seconds=3)
"""A tenth of the real one, so that a run sees many of them lost."""
DATABASE_AWAY = 3
"""Exit status of a life that found no database when it came up."""


OPERATOR = "operator-0"


class OffsetClock:
    """Reads by how many seconds it is wrong from a file, which somebody else writes."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.touch()

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(self._file.read_text() or 0))


def live(name: str, folder: Path, url: str, comes_up: int, port: int | None = None) -> int:
    """Until killed, or asked to end by SIGTERM; the exit status. *port*: where the web listens, None for a worker and
    the operator; *comes_up*: a descriptor to write to when it is at work."""
    os.chdir(folder)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    _keep_log(name)
    vars(sys.modules["__main__"]).pop("__file__", None)  # processes of handlers need none of the run
    _note_calls()
    _shorten_leases()
    try:
        engine = open_engine(url, OffsetClock(folder / f"clock-{name}"))
    except DatabaseError:
        return DATABASE_AWAY
    if name == OPERATOR:
        os.write(comes_up, b"!")
        steer(engine, stop)
    elif port is None:
        engine.start_workers(2)
        os.write(comes_up, b"!")
        while not stop.wait(0.5):
            pass
    else:
        serve(engine, port=port, var=folder / "var", stop=stop, on_ready=lambda _: os.write(comes_up, b"!"))
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
    for name in ("weigh", "measure", "open", "ride", "stroll"):
        engine.handler(name, retries=9)(_see_to)
    engine.handler("listen", retries=9)(_listen)
    engine.handler("compute", retries=9, process=True)(compute)
    for sample in ("employee-onboarding", "order-fulfilment", "invoice-approval"):
        load_application(SAMPLES / sample).install(engine)
    return engine


def found(engine: Engine) -> None:
    """Deploys what is there in two versions."""
    visits = HERE / "visits.bpmn"
    engine.deploy(Resource(visits.name, first_version(visits.read_bytes())))
    engine.deploy(visits)


def warm_up() -> None:
    """Imports and compiles what a life needs, so that those forked from here begin at once. It runs no job:
    threads and event loops would not survive the fork."""
    for module in ("loop", "models", "tools", "transcript", "offline"):
        importlib.import_module(f"engine.executors.agent.{module}")
    importlib.import_module("pydantic_ai.models.function")
    importlib.import_module("psycopg")
    with open_engine("sqlite://") as engine:
        found(engine)
        for key, variables in STARTS:
            if key != "straight":  # whose handlers run at once
                engine.start(key, variables=variables(1))


def _walk(job: Job) -> dict[str, Any]:
    return {"rounds": job.variables["rounds"] + 1}


def _collect(job: Job) -> dict[str, Any]:
    return {"trail": [job.idempotency_key]}


def _pass_on(job: Job) -> dict[str, Any]:
    return {"trail": [*job.variables.get("trail", []), job.idempotency_key]}


def _read(job: Job) -> dict[str, Any]:
    return {"letters": [*job.variables.get("letters", []), [job.variables["number"], job.idempotency_key]]}


def _see_to(job: Job) -> dict[str, Any]:
    """Takes its time, so that whoever runs beside it is seen."""
    time.sleep(0.02)
    return {LEAVES[job.element_id]: job.idempotency_key}


async def _listen(job: Job) -> dict[str, Any]:
    await asyncio.sleep(0.02)
    return {"heard": job.idempotency_key}


def _note_calls() -> None:
    perform, begin = Recorder._performed, Recorder.__init__
    call, call_process, begin_coroutine = PythonExecutor.__call__, ProcessExecutor.__call__, AsyncExecutor.begin

    def noted_call(self: PythonExecutor, job: Job, journal: Any) -> Any:
        _note_call(job)
        return _note_end(job, call(self, job, journal))

    def noted_process(self: ProcessExecutor, job: Job, journal: Any) -> Any:
        _note_call(job)
        return _note_end(job, call_process(self, job, journal))

    def noted_coroutine(self: AsyncExecutor, job: Job, timeout: timedelta | None = None) -> Any:
        _note_call(job)
        future = begin_coroutine(self, job, timeout)
        future.add_done_callback(
            lambda done: None if done.cancelled() or done.exception() else _note_end(job, done.result())
        )
        return future

    def noted_begin(self: Any, job_id: str, *arguments: Any, **options: Any) -> None:
        self.attempt_of_test = token_hex(8)
        note(agent=job_id, begins=self.attempt_of_test)  # before it looks at what is saved
        begin(self, job_id, *arguments, **options)

    async def noted_step(self: Any, kind: str, request: Mapping[str, Any], do: Any) -> Any:
        note(step=[self._job_id, self._next], kind=kind, by=self.attempt_of_test)
        return await perform(self, kind, request, do)

    PythonExecutor.__call__ = noted_call  # type: ignore[method-assign]
    ProcessExecutor.__call__ = noted_process  # type: ignore[method-assign]
    AsyncExecutor.begin = noted_coroutine  # type: ignore[method-assign]
    Recorder.__init__ = noted_begin  # type: ignore[method-assign]
    Recorder._performed = noted_step  # type: ignore[method-assign]


def _note_call(job: Job) -> None:
    note(
        job=job.id,
        key=job.idempotency_key,
        type=job.type,
        attempt=job.attempt,
        instance=job.instance_id,
        activity=job.activity_id,
        element=job.element_id,
        saw={name: job.variables[name] for name in SEEN if name in job.variables},
    )


def _note_end(job: Job, result: Any) -> Any:
    note(ended=job.id, attempt=job.attempt, result=result or {})
    return result


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


class Company:
    """Its processes: whoever dies is started again, as any supervisor would. *unexpected*: what nobody asked for;
    *offsets*: by how many seconds clocks are wrong."""

    def __init__(
        self,
        folder: Path,
        urls: list[str],
        hosts: list[Host | None],
        clients: Callable[[int, int], int],
    ) -> None:
        """*urls*, *hosts*: where each worker finds the database, and stands; the web's URL comes last. *clients*: told
        the web's port, and the descriptor to write to when they are up; they are no part of what is broken."""
        self.folder = folder
        self.unexpected: list[str] = []
        self._began = time.time()
        self.offsets: dict[str, float] = {}
        self._extremes = (0.0, 0.0)
        self.workers = [self._worker(n, urls[n], hosts[n]) for n in range(WORKERS)]
        port = _free_port()
        self.web = Child("web-0", lambda comes_up: live("web-0", folder, urls[-1], comes_up, port))
        self.clients = Child("clients", lambda comes_up: clients(port, comes_up))
        self.operator = Child(OPERATOR, lambda comes_up: live(OPERATOR, folder, urls[-1], comes_up))
        for each in (*self.lives, self.clients):
            each.start()

    @property
    def lives(self) -> list[Child]:
        return [*self.workers, self.web, self.operator]

    def supervise(self) -> None:
        for life in self.lives:
            if (status := life.ended()) is not None:
                if status != DATABASE_AWAY:
                    self.unexpected.append(f"{life.name} ended by itself with status {status}")
                life.start()

    def stop(self) -> None:
        """The clients first: they wait for the answers to all that they have asked."""
        for each in (self.clients, *self.lives):
            if (status := each.stop(120)) != 0:
                self.unexpected.append(f"{each.name} did not end when it was asked to: status {status}")

    def kill(self) -> None:
        for each in (*self.lives, self.clients):
            if each.pid:
                each.kill()

    def set_clock(self, name: str, seconds: float) -> None:
        file = self.folder / f"clock-{name}"
        fresh = file.with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.replace(file)
        self.offsets[name] = seconds
        self._extremes = (min(self._extremes[0], seconds), max(self._extremes[1], seconds))

    def note_clocks(self) -> None:
        """For the checker, once all is over."""
        least, most = self._extremes
        said = {"began": self._began, "ended": time.time(), "least": least, "most": most}
        (self.folder / CLOCKS).write_text(json.dumps(said))

    def _worker(self, number: int, url: str, host: Host | None) -> Child:
        name = f"worker-{number}"

        def work(comes_up: int) -> int:
            if host is not None:
                host.join()
            return live(name, self.folder, url, comes_up)

        return Child(name, work)


def _free_port() -> int:
    """Below those that the system gives to whoever connects: the web comes back to it."""
    for port in range(20_000 + os.getpid() % 10_000, 32_000):
        with socket.socket() as trial, suppress(OSError):
            trial.bind(("127.0.0.1", port))
            return port
    raise OSError("No port is free between 20000 and 32000.")
