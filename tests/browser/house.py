"""The whole product in one process, for a real browser: engine, workers, samples, people, web server."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine import Engine
from engine.application import load_application
from engine.clock import Clock
from engine.model import UserTask
from webapp.serve import Server, make_server

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ("employee-onboarding", "invoice-approval", "order-fulfilment")
PAPERWORK = """\
Hi! Here is everything, sorry for the mess.
Name (as in passport): OKONKWO, Adaeze Grace
geb. 12.04.1990
Steuer-ID: 12 345 678 903
my account is DE89 3704 0044 0532 0130 00 (Commerzbank)
Enclosed: passport copy, health insurance card and the signed contract.
"""
NEW_HIRE = {
    "fullName": "Adaeze Okonkwo",
    "email": "adaeze@example.com",
    "department": "engineering",
    "startDate": "2026-03-02",
    "role": "Python developer, works from home three days a week",
    "paperworkText": PAPERWORK,
}


@dataclass(frozen=True, slots=True)
class House:
    """*passwords* by the names of the samples' people."""

    engine: Engine
    address: str
    passwords: dict[str, str]

    def wait_for_tasks(self, instance_id: str, seconds: float = 120) -> tuple[UserTask, ...]:
        """The open user tasks of an instance, as soon as the workers have brought it to one."""
        changed = threading.Event()
        self.engine.on_commit(changed.set)
        end = time.monotonic() + seconds
        while not (found := self.engine.read.tasks(instance_id=instance_id).items):
            if time.monotonic() > end:
                raise TimeoutError(f"Instance {instance_id} has come to no user task in {seconds} s.")
            changed.wait(1)
            changed.clear()
        return found


@contextmanager
def serving(folder: Path, clock: Clock | None = None) -> Iterator[House]:
    """A running product in *folder*, which becomes the working directory: the samples' handlers write there."""
    before = Path.cwd()
    os.chdir(folder)
    keys = {name: os.environ.pop(name) for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY") if name in os.environ}
    try:
        with Engine("sqlite:///fermata.db", clock=clock) as engine:
            passwords: dict[str, str] = {}
            for name in SAMPLES:
                application = load_application(ROOT / "samples" / name)
                application.install(engine)
                for person in application.people:
                    passwords[person.name] = person.password
                    if engine.people.get(person.name) is None:
                        engine.people.add(
                            person.name, person.password, person.display_name, person.groups, is_admin=person.is_admin
                        )
            engine.start_workers(2)
            with _running(make_server(engine, port=0)) as server:
                yield House(engine, server.address, passwords)
    finally:
        os.environ.update(keys)
        os.chdir(before)


@contextmanager
def _running(server: Server) -> Iterator[Server]:
    thread = threading.Thread(target=server.run, name="web")
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(10)
