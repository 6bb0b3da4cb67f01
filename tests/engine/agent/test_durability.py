"""A crash in the middle of an agent's work: no saved answer is asked for twice, no saved tool is called twice."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest

from engine.clock import VirtualClock
from engine.errors import BpmnError, Conflict, PermanentFailure
from engine.executors.agent import AgentExecutor, Limits, MemoryJournal, ToolCall, totals

STEPS = 6  # model, tool, tool, model, tool, model


class Desk:
    """Tools that write down every call with its key."""

    def __init__(self):
        self.calls = []

        def look_up(name: str, key: str) -> str:
            """Looks a person up."""
            self.calls.append((name, key))
            return f"{name} is known"

        self.look_up = look_up


def _settings(declare, desk, **changes):
    answers = [
        [ToolCall("look_up", {"name": "Ann"}), ToolCall("look_up", {"name": "Bob"})],
        ToolCall("look_up", {"name": "Cid"}),
        {"verdict": "yes", "score": 3},
    ]
    return declare(answers, tools=(desk.look_up,), **changes)


@pytest.mark.parametrize("saves_the_last", [False, True], ids=["before the save", "after the save"])
@pytest.mark.parametrize("lasts", range(STEPS))
def test_work_goes_on_after_the_last_saved_step(run, declare, crashing, lasts, saves_the_last):
    desk = Desk()
    settings = _settings(declare, desk)
    journal = crashing([], lasts=lasts, saves_the_last=saves_the_last)
    with pytest.raises(crashing.Crash):
        run(settings, journal)
    saved = list(journal.steps())

    resumed = MemoryJournal(saved)
    assert run(settings, resumed) == {"verdict": "yes", "score": 3}

    assert list(resumed.steps())[: len(saved)] == saved
    assert [step.kind for step in resumed.steps()] == ["model", "tool", "tool", "model", "tool", "model"]
    assert len(settings.offline.turns) == 3 + (lasts in (0, 3, 5) and not saves_the_last)
    repeated = lasts in (1, 2, 4) and not saves_the_last
    assert len(desk.calls) == 3 + repeated
    assert len(set(desk.calls)) == 3, "a repeated call carries the same key"


def test_crash_after_every_single_step_still_finishes(run, declare, crashing):
    desk = Desk()
    settings = _settings(declare, desk)
    steps = []
    for _ in range(STEPS):
        journal = crashing(steps, lasts=0, saves_the_last=True)
        with pytest.raises(crashing.Crash):
            run(settings, journal)
        steps = list(journal.steps())

    assert run(settings, MemoryJournal(steps)) == {"verdict": "yes", "score": 3}
    assert len(settings.offline.turns) == 3
    assert [key for _, key in desk.calls] == ["instance-1.4:2", "instance-1.4:3", "instance-1.4:5"]


def test_finished_work_is_played_back_without_asking_anybody(run, declare):
    desk = Desk()
    settings = _settings(declare, desk)
    journal = MemoryJournal()
    first = run(settings, journal)
    asked, called, steps = len(settings.offline.turns), len(desk.calls), list(journal.steps())

    assert run(settings, journal) == first
    assert (len(settings.offline.turns), len(desk.calls), list(journal.steps())) == (asked, called, steps)


def test_saved_steps_are_plain_json(run, declare):
    journal = MemoryJournal()
    run(_settings(declare, Desk()), journal)

    for step in journal.steps():
        assert json.loads(json.dumps([step.request, step.response])) == [step.request, step.response]


def test_refused_save_stops_the_agent_at_once(run, declare):
    class Lost(MemoryJournal):
        def save(self, step):
            if step.sequence == 2:
                raise Conflict("The job is no longer this worker's.")
            super().save(step)

    desk = Desk()
    settings = _settings(declare, desk)
    with pytest.raises(Conflict):
        run(settings, Lost())

    assert len(desk.calls) == 1
    assert len(settings.offline.turns) == 1


def test_limits_count_played_back_steps_exactly_once(run, declare, crashing):
    desk = Desk()
    settings = _settings(declare, desk, limits=Limits(model_calls=3, tool_calls=3))
    journal = crashing([], lasts=5, saves_the_last=False)
    with pytest.raises(crashing.Crash):
        run(settings, journal)

    resumed = MemoryJournal(journal.steps())
    assert run(settings, resumed) == {"verdict": "yes", "score": 3}
    assert (totals(resumed.steps()).model_calls, totals(resumed.steps()).tool_calls) == (3, 3)


def test_tool_that_failed_is_called_again_with_its_key(run, declare):
    calls = []

    def charge(amount: int, key: str) -> str:
        calls.append((amount, key))
        if len(calls) == 1:
            raise OSError("the bank is away")
        return "paid"

    settings = declare([ToolCall("charge", {"amount": 3}), {"verdict": "yes"}], tools=(charge,))
    journal = MemoryJournal()
    with pytest.raises(OSError, match="the bank is away"):
        run(settings, journal)

    assert run(settings, journal) == {"verdict": "yes"}
    assert calls == [(3, "instance-1.4:2")] * 2
    assert len(settings.offline.turns) == 2


def test_bpmn_error_of_a_tool_ends_the_job_and_is_played_back(run, declare):
    calls = []

    def reserve() -> str:
        calls.append(1)
        raise BpmnError("SOLD_OUT", "none left", {"left": 0})

    settings = declare([ToolCall("reserve")], tools=(reserve,))
    journal = MemoryJournal()
    for _ in range(2):
        with pytest.raises(BpmnError) as caught:
            run(settings, journal)
        assert (caught.value.code, caught.value.variables) == ("SOLD_OUT", {"left": 0})
    assert calls == [1]


def test_changed_task_starts_over_while_no_tool_was_called(run, declare):
    journal = MemoryJournal()
    run(declare([{"verdict": "no"}]), journal)

    assert run(declare([{"verdict": "yes"}], instructions="Be kind."), journal) == {"verdict": "yes"}
    assert [(step.sequence, step.request["run"]) for step in journal.steps()] == [(1, 1), (2, 2)]


def test_changed_task_is_an_incident_once_a_tool_was_called(run, declare):
    desk = Desk()
    journal = MemoryJournal()
    run(_settings(declare, desk), journal)

    with pytest.raises(
        PermanentFailure, match="instructions changed since step 1 was saved, and it had called look_up"
    ):
        run(_settings(declare, desk, instructions="Be kind."), journal)
    assert len(desk.calls) == 3


def test_tool_that_was_asked_for_but_not_saved_counts_as_called(run, declare, crashing):
    desk = Desk()
    journal = crashing([], lasts=1, saves_the_last=False)
    with pytest.raises(crashing.Crash):
        run(_settings(declare, desk), journal)

    with pytest.raises(PermanentFailure, match="it had called look_up"):
        run(_settings(declare, desk, prompt="Quick!"), MemoryJournal(journal.steps()))


def test_changed_task_starts_over_after_tools_where_declared(run, declare):
    desk = Desk()
    journal = MemoryJournal()
    run(_settings(declare, desk), journal)

    again = _settings(declare, desk, instructions="Be kind.", on_change="restart")
    assert run(again, journal) == {"verdict": "yes", "score": 3}
    assert [key for _, key in desk.calls][3:] == ["instance-1.4:8", "instance-1.4:9", "instance-1.4:11"]


def test_abandoned_runs_count_towards_the_limits(run, declare):
    journal = MemoryJournal()
    run(declare([{"verdict": "no"}]), journal)

    with pytest.raises(BpmnError, match="2 model calls"):
        run(declare([{"verdict": "a"}] * 3, prompt="Now!", limits=Limits(model_calls=2)), journal)


def test_changed_inputs_are_a_changed_task(declare, job):
    journal = MemoryJournal()
    settings = declare([{"verdict": "yes"}])
    AgentExecutor(settings)(job, journal)
    changed = dataclasses.replace(job, variables={**job.variables, "cv": "corrected"})

    AgentExecutor(settings)(changed, journal)

    assert [turn.inputs["cv"] for turn in settings.offline.turns] == ["ten years of ships", "corrected"]


def test_inputs_that_depend_on_the_time_are_the_same_on_every_attempt(declare, crashing, job):
    desk = Desk()
    settings = _settings(declare, desk, inputs={"moment": "now()"})
    clock = VirtualClock(datetime(2026, 11, 22, 9, 0, tzinfo=UTC))
    journal = crashing([], lasts=2, saves_the_last=False)
    with pytest.raises(crashing.Crash):
        AgentExecutor(settings, clock=clock)(job, journal)
    clock.advance(timedelta(days=1))

    resumed = MemoryJournal(journal.steps())
    assert AgentExecutor(settings, clock=clock)(job, resumed) == {"verdict": "yes", "score": 3}
    assert {step.request["run"] for step in resumed.steps()} == {1}


def test_raised_limit_lets_the_agent_go_on(run, declare):
    desk = Desk()
    journal = MemoryJournal()
    with pytest.raises(PermanentFailure):
        run(_settings(declare, desk, limits=Limits(model_calls=2), on_limit="incident"), journal)

    assert run(_settings(declare, desk, limits=Limits(model_calls=3)), journal) == {"verdict": "yes", "score": 3}
    assert len(desk.calls) == 3


def test_size_of_a_saved_step_does_not_grow_with_the_steps_before(run, declare):
    def look_up(number: int) -> str:
        return "x" * 1000

    turns = 60
    answers = [ToolCall("look_up", {"number": 10 + number}) for number in range(turns)]
    settings = declare([*answers, {"verdict": "yes"}], tools=(look_up,), limits=Limits(model_calls=99, tool_calls=99))
    journal = MemoryJournal()
    run(settings, journal)

    sizes = [len(json.dumps([step.request, step.response])) for step in journal.steps()]
    early, late = sum(sizes[2:22]), sum(sizes[-22:-2])
    assert late <= early * 1.02


def test_scripts_see_results_and_turns_in_order(run, declare):
    desk = Desk()
    settings = _settings(declare, desk)
    run(settings, MemoryJournal())

    last = settings.offline.turns[-1]
    assert [result.arguments["name"] for result in last.results] == ["Ann", "Bob", "Cid"]
    assert [result.value for result in last.results] == ["Ann is known", "Bob is known", "Cid is known"]
