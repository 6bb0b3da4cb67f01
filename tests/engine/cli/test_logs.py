"""Log lines: for people and for programs; ids, and never what variables hold."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import pytest

from engine import Job, telemetry
from engine.cli.logs import JsonLine, _JobIds, _Line
from engine.engine import Engine

MODELS = Path(__file__).resolve().parents[1]


def record(message: str, **fields: object) -> logging.LogRecord:
    return logging.getLogger("engine.jobs").makeRecord("engine.jobs", 30, "f.py", 1, message, (), None, extra=fields)


def test_a_json_line_has_time_level_message_and_the_ids() -> None:
    said = json.loads(JsonLine().format(record("job failed", job_id="i1.2", attempt=2, element_id=None)))
    assert said.pop("time").endswith("+00:00")
    assert said == {
        "level": "warning",
        "logger": "engine.jobs",
        "message": "job failed",
        "job_id": "i1.2",
        "attempt": 2,
    }


def test_a_field_cannot_stand_in_for_the_message() -> None:
    assert json.loads(JsonLine().format(record("job failed", level="none")))["level"] == "warning"


@pytest.mark.parametrize("formatter", [JsonLine(), _Line("%(message)s")])
def test_an_exception_is_told_by_its_type_and_stack_and_not_by_what_it_says(formatter: logging.Formatter) -> None:
    card = "4711-0815"
    try:
        raise ValueError(card)
    except ValueError:
        broken = logging.getLogger("engine").makeRecord("engine", 40, "f.py", 1, "broke", (), sys.exc_info())
    said = formatter.format(broken)
    assert "ValueError" in said
    assert "test_logs.py" in said
    assert card not in said


def test_what_a_handler_logs_carries_the_ids_of_its_job() -> None:
    said: list[dict[str, object]] = []
    leave = telemetry.watch(_JobIds())
    with Engine("sqlite://") as engine:

        @engine.handler("charge")
        def charge(job: Job) -> None:
            said.append(json.loads(JsonLine().format(record("charging"))))

        engine.deploy(MODELS / "order.bpmn")
        instance = engine.start("order")
        engine.work()
    leave()
    assert said[0]["instance_id"] == instance.id
    assert (said[0]["job_type"], said[0]["attempt"]) == ("charge", 1)
    assert "instance_id" not in json.loads(JsonLine().format(record("afterwards")))


def test_no_value_of_a_variable_is_logged_from_start_to_end(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "engine"), Engine("sqlite://") as engine:
        engine.handler("charge")(lambda job: {"receipt": job.variables["card"]})
        engine.deploy(MODELS / "order.bpmn")
        instance = engine.start("order", variables={"card": "4711-0815"})
        engine.work()
        (task,) = engine.read.tasks(scope="all").items
        engine.complete(task.id, {"reason": "4711-0815"})
    lines = [JsonLine().format(each) for each in caplog.records]
    assert any(instance.id in line for line in lines)
    assert not any("4711-0815" in line for line in lines)
