"""Agents in a process, on a real database."""

from pathlib import Path

import pytest

from engine.engine import Engine
from engine.executors.agent import AgentExecutor, Limits, ToolCall, totals
from engine.model import InstanceState, Resource

MODEL = Path(__file__).with_name("hiring.bpmn").read_bytes()


def look_up(name: str) -> str:
    """Looks a person up."""
    return f"{name} is known"


@pytest.fixture
def engine(tmp_path):
    with Engine(f"sqlite:///{tmp_path}/test.db") as engine:
        engine.deploy(Resource("hiring.bpmn", MODEL))
        yield engine


def _run(engine, settings):
    engine.register_executor("assess", AgentExecutor(settings, clock=engine.clock))
    instance = engine.start("hiring", variables={"cv": "ten years of ships"})
    engine.work(until_idle=True)
    return instance.id


def test_answer_reaches_the_process_and_every_step_its_history(engine, declare):
    settings = declare([ToolCall("look_up", {"name": "Ann"}), {"verdict": "yes", "score": 3}], tools=(look_up,))

    instance_id = _run(engine, settings)

    assert engine.read.instance(instance_id).state is InstanceState.COMPLETED
    assert engine.read.variables(instance_id)["verdict"] == "yes"
    steps = engine.read.agent_steps(instance_id)
    assert [(step.sequence, step.kind, step.is_offline) for step in steps] == [
        (1, "model", True),
        (2, "tool", True),
        (3, "model", True),
    ]
    assert totals(steps).model_calls == 2


def test_limit_is_caught_by_a_boundary_event(engine, declare):
    settings = declare([ToolCall("look_up", {"name": "Ann"})] * 9, tools=(look_up,), limits=Limits(model_calls=3))

    instance_id = _run(engine, settings)

    assert [a.element_id for a in engine.read.history(instance_id).activities][-1] == "byHand"
    assert len(engine.read.agent_steps(instance_id)) == 6


def test_retried_incident_goes_on_where_the_limit_stopped_it(engine, declare):
    answers = [ToolCall("look_up", {"name": "Ann"}), {"verdict": "yes"}]
    tight = declare(answers, tools=(look_up,), limits=Limits(model_calls=1), on_limit="incident")
    instance_id = _run(engine, tight)
    [incident] = engine.read.incidents(instance_id)
    assert "reached its limit model_calls" in incident.message

    roomy = declare(answers, tools=(look_up,), limits=Limits(model_calls=2))
    engine.register_executor("assess", AgentExecutor(roomy, clock=engine.clock))
    engine.retry(incident.id)
    engine.work(until_idle=True)

    assert engine.read.variables(instance_id)["verdict"] == "yes"
    assert [step.sequence for step in engine.read.agent_steps(instance_id)] == [1, 2, 3]


def test_error_in_a_tool_is_retried_without_asking_the_model_again(engine, declare):
    calls = []

    def charge(key: str) -> str:
        calls.append(key)
        if len(calls) == 1:
            raise OSError("the bank is away")
        return "paid"

    settings = declare([ToolCall("charge"), {"verdict": "yes"}], tools=(charge,))
    instance_id = _run(engine, settings)
    [job] = engine.read.jobs(instance_id)
    engine.run_job(job.id)

    assert engine.read.instance(instance_id).state is InstanceState.COMPLETED
    assert calls == [f"{job.id}:2"] * 2
    assert len(settings.offline.turns) == 2
