"""The process applications in samples/, each as a folder and as it runs on an engine of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine import Engine
from engine.application import load_application
from engine.clock import VirtualClock
from engine.history.reader import Reader
from engine.model import ProcessInstance, UserTask

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
NAMES = sorted(folder.name for folder in SAMPLES.iterdir() if (folder / "fermata.toml").is_file())


class Office:
    """An engine with a sample on it, spoken of as the people in the story would."""

    def __init__(self, database_url: str) -> None:
        self.clock = VirtualClock(datetime(2026, 2, 2, 9, tzinfo=UTC))
        self.database_url = database_url
        self.groups: dict[str, tuple[str, ...]] = {}
        self.engine = Engine(database_url, clock=self.clock)

    @property
    def read(self) -> Reader:
        return self.engine.read

    def install(self, name: str) -> None:
        application = load_application(SAMPLES / name)
        application.install(self.engine)
        self.groups |= {person.name: person.groups for person in application.people}

    def restart(self, name: str) -> None:
        """The program ends and is started again on the same database."""
        self.engine.close()
        self.engine = Engine(self.database_url, clock=self.clock)
        self.install(name)

    def start(self, key: str, form: dict[str, str], by: str) -> str:
        instance = self.engine.start(key, form=form, business_key=form.get("orderId"), by=by)
        self.engine.work(until_idle=True)
        return instance.id

    def tasks_of(self, user: str) -> list[UserTask]:
        """What *user* finds among the tasks of their groups."""
        return list(self.read.tasks(user=user, groups=self.groups[user], scope="groups").items)

    def do(self, user: str, task: str, form: dict[str, str]) -> None:
        """*user* claims the first task *task* and sends its form."""
        found = next(each for each in self.tasks_of(user) if each.element_id == task)
        self.engine.claim(found.id, user)
        self.engine.complete(found.id, form=form, by=user)
        self.engine.work(until_idle=True)

    def wait(self, **duration: float) -> None:
        self.clock.advance(timedelta(**duration))
        self.engine.work(until_idle=True)

    def instance(self, instance_id: str) -> ProcessInstance:
        return self.read.instance(instance_id)

    def path(self, instance_id: str) -> list[str]:
        return [activity.element_id for activity in self.read.history(instance_id).activities]


@pytest.fixture
def office(tmp_path, monkeypatch) -> Iterator[Office]:
    """On a database file, offline, with the samples' ledgers in a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FERMATA_OFFLINE", "1")
    office = Office(f"sqlite:///{tmp_path / 'office.db'}")
    yield office
    office.engine.close()
