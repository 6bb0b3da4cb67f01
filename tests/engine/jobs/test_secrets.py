"""Secrets reach the handler and nothing else."""

from pathlib import Path

import pytest

from engine import Job
from engine.clock import VirtualClock
from engine.engine import Engine

MODEL = Path(__file__).parents[1] / "secrets.bpmn"
VALUES = {"TOKEN": "s3cret-token", "USER": "robot"}
THEIRS = "{{secrets.TOKEN}}"  # typed by somebody who would like to see it


@pytest.fixture
def secretive(database_url: str, clock: VirtualClock) -> Engine:
    with Engine(database_url, clock=clock, secrets=VALUES.get) as engine:
        engine.deploy(MODEL)
        yield engine


def stored(engine: Engine, instance_id: str) -> str:
    """All that people can read about an instance."""
    read = engine.read
    return f"{read.history(instance_id)} {read.variables(instance_id)} {read.incidents()} {read.jobs()}"


def test_a_handler_gets_the_values_where_the_diagram_names_secrets_and_nowhere_else(secretive: Engine) -> None:
    jobs: list[Job] = []
    secretive.handler("http")(jobs.append)
    instance = secretive.start("calling", variables={"text": THEIRS})
    secretive.work()

    (job,) = jobs
    assert job.variables["authentication"] == {"token": "Bearer s3cret-token", "user": "robot:x"}
    assert job.headers == {"key": "s3cret-token"}
    assert (job.variables["body"], job.variables["text"]) == (THEIRS, THEIRS)
    assert "s3cret-token" not in stored(secretive, instance.id)
    assert "{{secrets.TOKEN}}" in stored(secretive, instance.id)


def test_a_secret_that_comes_back_is_not_kept(secretive: Engine) -> None:
    secretive.handler("http")(lambda job: {"echo": [job.headers["key"]]})
    instance = secretive.start("calling", variables={"text": ""})
    secretive.work()

    assert "s3cret-token" not in stored(secretive, instance.id)


def test_a_secret_in_an_error_is_not_kept(secretive: Engine) -> None:
    @secretive.handler("http", retries=1)
    def call(job: Job) -> None:
        raise ValueError(f"401 for {job.headers['key']}")

    instance = secretive.start("calling", variables={"text": ""})
    secretive.work()

    (incident,) = secretive.read.incidents(instance_id=instance.id)
    assert incident.message == "ValueError: 401 for {{secrets.TOKEN}}"
    assert "s3cret-token" not in stored(secretive, instance.id)


def test_an_unknown_secret_is_an_incident_that_names_it(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs: list[Job] = []
    engine.handler("http")(jobs.append)
    engine.deploy(MODEL)
    instance = engine.start("calling", variables={"text": ""})
    engine.work()
    (incident,) = engine.read.incidents(instance_id=instance.id)
    assert (incident.kind, incident.element_id) == ("secret", "Call")
    assert "There is no secret 'TOKEN'. Set FERMATA_SECRET_TOKEN" in incident.message
    assert jobs == []

    for name, value in VALUES.items():
        monkeypatch.setenv(f"FERMATA_SECRET_{name}", value)
    engine.retry(incident.id)
    engine.work()
    assert jobs[0].headers == {"key": "s3cret-token"}


def test_the_key_of_the_sessions_is_no_secret_for_diagrams(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FERMATA_SECRET_KEY", "signs sessions")
    monkeypatch.setenv("FERMATA_SECRET_USER", "robot")
    model = tmp_path / "key.bpmn"
    model.write_text(MODEL.read_text().replace("secrets.TOKEN", "secrets.KEY"))
    engine.handler("http")(lambda job: None)
    engine.deploy(model)
    instance = engine.start("calling", variables={"text": ""})
    engine.work()

    (incident,) = engine.read.incidents(instance_id=instance.id)
    assert "give the secret another name" in incident.message


def test_who_keeps_what_it_is_given_gets_the_name_only(secretive: Engine) -> None:
    kept: list[Job] = []

    class Keeper:
        gets_secrets = False

        def __call__(self, job: Job, journal: object) -> None:
            kept.append(job)

    secretive.register_executor("http", Keeper())
    secretive.start("calling", variables={"text": ""})
    secretive.work()

    assert kept[0].headers == {"key": "{{secrets.TOKEN}}"}
