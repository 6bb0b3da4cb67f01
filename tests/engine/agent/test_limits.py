"""Reaching a limit stops an agent, and says which."""

from decimal import Decimal

import pytest

from engine.errors import BpmnError, InvalidInput, PermanentFailure
from engine.executors.agent import AgentExecutor, AgentSettings, Limits, MemoryJournal, Price, ToolCall


def wave() -> str:
    return "waved"


def _stopped(run, settings, journal=None):
    with pytest.raises(BpmnError) as caught:
        run(settings, journal)
    return caught.value


def test_runaway_loop_of_tool_calls_is_stopped_by_model_calls(run, declare):
    settings = declare([ToolCall("wave")] * 9, tools=(wave,), limits=Limits(model_calls=4))

    error = _stopped(run, settings)

    assert error.code == "AGENT_LIMIT_MODEL_CALLS"
    assert "model_calls: it used 4 model calls, allowed are 4" in error.message
    assert len(settings.offline.turns) == 4


def test_tool_calls_are_limited_within_one_answer(run, declare):
    calls = []

    def ring() -> str:
        calls.append(1)
        return "rung"

    settings = declare([[ToolCall("ring")] * 5], tools=(ring,), limits=Limits(tool_calls=3))

    assert _stopped(run, settings).code == "AGENT_LIMIT_TOOL_CALLS"
    assert len(calls) == 3


@pytest.mark.parametrize("limit", ["input_tokens", "output_tokens", "total_tokens"])
def test_tokens_are_limited(run, declare, limit):
    settings = declare([ToolCall("wave")] * 9, tools=(wave,), limits=Limits(**{limit: 1}))

    error = _stopped(run, settings)

    assert error.code == "AGENT_LIMIT_TOKENS"
    assert limit in error.message
    assert len(settings.offline.turns) == 1


def test_answer_that_crosses_a_limit_is_saved_but_not_used(run, declare):
    journal = MemoryJournal()

    _stopped(run, declare(limits=Limits(total_tokens=3)), journal)

    assert len(journal.steps()) == 1


def test_time_at_work_is_limited_over_all_attempts(declare, job):
    seconds = iter(range(0, 1000, 7))
    settings = declare([ToolCall("wave")] * 9, tools=(wave,), limits=Limits(seconds=60))
    executor = AgentExecutor(settings, timer=lambda: next(seconds))
    journal = MemoryJournal()

    for _ in range(2):
        with pytest.raises(BpmnError) as caught:
            executor(job, journal)
        assert caught.value.code == "AGENT_LIMIT_TIME"
    assert len(settings.offline.turns) == 2


def test_limit_is_an_incident_where_declared(run, declare):
    settings = declare([ToolCall("wave")] * 9, tools=(wave,), limits=Limits(model_calls=2), on_limit="incident")

    with pytest.raises(PermanentFailure, match=r'raise model_calls in \[agents."assess".limits\]'):
        run(settings)


def test_error_code_is_configurable(run, declare):
    settings = declare(limits=Limits(total_tokens=1), error_codes={"tokens": "TOO_LONG"})

    assert _stopped(run, settings).code == "TOO_LONG"


def test_scripted_model_costs_nothing(run, declare):
    journal = MemoryJournal()
    run(declare(limits=Limits(cost=Decimal(0))), journal)

    assert [step.cost for step in journal.steps()] == ["0"]


def test_limit_of_cost_without_a_known_price_is_refused_when_declared():
    settings = AgentSettings(
        job_type="assess", model="openai:no-such-model", result_variable="x", limits=Limits(cost=Decimal(1))
    )

    with pytest.raises(InvalidInput, match="no price is known for model 'openai:no-such-model'"):
        AgentExecutor(settings, environ={"OPENAI_API_KEY": "k"})


@pytest.mark.parametrize(
    "changes", [{"model": "openai:gpt-4o-mini"}, {"price": Price(Decimal(1), Decimal(2))}], ids=["listed", "given"]
)
def test_limit_of_cost_with_a_known_price_is_accepted(changes):
    fields = {"job_type": "a", "model": "openai:mine", "result_variable": "x", "limits": Limits(cost=Decimal(1))}

    assert AgentExecutor(AgentSettings(**{**fields, **changes}), environ={"OPENAI_API_KEY": "k"})


@pytest.mark.parametrize("limits", [{"model_calls": 0}, {"total_tokens": -1}, {"cost": Decimal("-0.1")}])
def test_impossible_limits_are_refused(limits):
    with pytest.raises(InvalidInput, match="Give a number of at least"):
        Limits(**limits)
