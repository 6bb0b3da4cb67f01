"""Tools: an allow-list of plain functions, whose arguments the model may get wrong."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

import pytest

from engine.errors import InvalidInput, PermanentFailure, RetryLater
from engine.executors.agent import AgentExecutor, MemoryJournal, ToolCall


def _tool_schema(settings, job):
    """What the model is shown of the only tool, as it leaves for the model."""
    import asyncio

    from pydantic_ai.models.test import TestModel

    from engine.clock import SystemClock
    from engine.executors.agent.limits import Limits
    from engine.executors.agent.loop import Task, converse
    from engine.executors.agent.recorder import Recorder

    model = TestModel(call_tools=[], custom_output_args={"verdict": "yes"})
    timer = iter(range(1000)).__next__
    recorder = Recorder(job.id, MemoryJournal(), Limits(), clock=SystemClock(), is_offline=False, timer=timer)
    task = Task(job=job, instructions="", prompt="x")
    asyncio.run(converse(settings, task, model, recorder, 3))
    [tool] = model.last_model_request_parameters.function_tools
    return tool


def test_docstring_and_annotations_describe_the_tool(declare, job):
    def look_up(name: str, born: date | None = None) -> str:
        """Looks a person up.

        Args:
            name: family name first
        """
        return name

    tool = _tool_schema(declare(tools=(look_up,)), job)

    assert (tool.name, tool.description) == ("look_up", "Looks a person up.")
    assert tool.parameters_json_schema["properties"]["name"] == {"type": "string", "description": "family name first"}
    assert tool.parameters_json_schema["required"] == ["name"]


def test_key_and_job_are_filled_in_and_hidden_from_the_model(run, declare, job):
    seen = []

    def charge(amount: "int", key: "str", job: "object") -> str:
        """Charges."""
        seen.append((amount, key, job.business_key))
        return "paid"

    settings = declare([ToolCall("charge", {"amount": 3}), {"verdict": "yes"}], tools=(charge,))
    run(settings)

    assert seen == [(3, "instance-1.4:2", "A-17")]
    assert list(_tool_schema(settings, job).parameters_json_schema["properties"]) == ["amount"]


def test_model_cannot_choose_the_key(run, declare):
    keys = []

    def charge(amount: int, key: str) -> str:
        keys.append(key)
        return "paid"

    settings = declare(
        [ToolCall("charge", {"amount": 3, "key": "mine"}), ToolCall("charge", {"amount": 3}), {"verdict": "yes"}],
        tools=(charge,),
    )
    run(settings)

    assert "mine" not in keys


def test_arguments_are_validated_before_the_tool_runs(run, declare):
    calls = []

    def book(day: date) -> str:
        calls.append(day)
        return "booked"

    settings = declare(
        [ToolCall("book", {"day": "someday"}), ToolCall("book", {"day": "2026-12-01"}), {"verdict": "yes"}],
        tools=(book,),
    )
    journal = MemoryJournal()

    assert run(settings, journal) == {"verdict": "yes"}
    assert calls == [date(2026, 12, 1)]
    assert [step.request["arguments"] for step in journal.steps() if step.kind == "tool"] == [{"day": "2026-12-01"}]


def test_asynchronous_tools_are_awaited(run, declare):
    async def look_up(name: str, key: str) -> str:
        return f"{name} {key}"

    settings = declare([ToolCall("look_up", {"name": "Ann"}), {"verdict": "yes"}], tools=(look_up,))
    run(settings)

    assert settings.offline.turns[1].results[0].value == "Ann instance-1.4:2"


def test_results_are_seen_as_json_now_and_when_played_back(run, declare, crashing):
    @dataclass
    class Person:
        name: str
        born: date

    def look_up() -> Person:
        return Person("Ann", date(1980, 5, 1))

    settings = declare([ToolCall("look_up"), {"verdict": "yes"}], tools=(look_up,))
    journal = crashing([], lasts=2, saves_the_last=False)
    with pytest.raises(crashing.Crash):
        run(settings, journal)
    run(settings, MemoryJournal(journal.steps()))

    live, played_back = settings.offline.turns[1:]
    assert live.results == played_back.results
    assert live.results[0].value == {"name": "Ann", "born": "1980-05-01"}


def test_result_that_is_no_json_is_an_incident(run, declare):
    def look_up() -> object:
        return object()

    with pytest.raises(PermanentFailure, match="Tool 'look_up' returned a object that cannot be written as JSON"):
        run(declare([ToolCall("look_up")], tools=(look_up,)))


def test_tool_may_ask_the_model_to_try_again(run, declare):
    from pydantic_ai import ModelRetry

    def look_up(name: str) -> str:
        if name == "Ann":
            raise ModelRetry("Give the family name.")
        return "known"

    settings = declare(
        [ToolCall("look_up", {"name": "Ann"}), ToolCall("look_up", {"name": "Smith"}), {"verdict": "yes"}],
        tools=(look_up,),
    )
    journal = MemoryJournal()
    run(settings, journal)

    assert settings.offline.turns[1].results[0].is_refused
    assert journal.steps()[1].response == {"retry": "Give the family name."}
    assert run(settings, journal) == {"verdict": "yes"}


@pytest.mark.parametrize("error", [RetryLater, PermanentFailure], ids=["retry later", "permanent failure"])
def test_what_a_tool_asks_of_the_job_reaches_the_worker(run, declare, error):
    from datetime import timedelta

    wanted = error(timedelta(minutes=5)) if error is RetryLater else error("no such account")

    def charge() -> str:
        raise wanted

    with pytest.raises(error) as caught:
        run(declare([ToolCall("charge")], tools=(charge,)))
    assert caught.value is wanted


def test_agents_run_in_many_threads_at_once(declare, job):
    together = threading.Barrier(4, timeout=120)

    def meet(name: str) -> str:
        together.wait()
        return name

    settings = declare([ToolCall("meet", {"name": "Ann"}), {"verdict": "yes"}], tools=(meet,))
    executor = AgentExecutor(settings)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: executor(job, MemoryJournal()), range(4)))

    assert answers == [{"verdict": "yes"}] * 4


def test_two_tools_of_one_name_are_refused(declare):
    def look_up() -> str:
        return ""

    with pytest.raises(InvalidInput, match="two functions named 'look_up'"):
        declare(tools=(look_up, look_up))
