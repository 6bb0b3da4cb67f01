"""What people read of an agent's work."""

from datetime import timedelta
from decimal import Decimal

from engine.executors.agent import MemoryJournal, ToolCall, describe, totals


def look_up(name: str) -> str:
    """Looks a person up."""
    return f"{name} is known"


def _steps(run, declare):
    journal = MemoryJournal()
    run(
        declare([ToolCall("look_up", {"name": "Ann"}), {"verdict": "no way"}, {"verdict": "yes"}], tools=(look_up,)),
        journal,
    )
    return journal.steps()


def test_first_step_shows_what_was_asked_and_what_the_model_wanted(run, declare):
    view = describe(_steps(run, declare)[0])

    assert [part.kind for part in view.asked] == ["instructions", "prompt", "output_schema"]
    assert "ten years of ships" in view.asked[1].value
    assert [(part.kind, part.title, part.value) for part in view.answered] == [
        ("tool_call", "Calls look_up", {"name": "Ann"})
    ]


def test_tool_step_shows_arguments_and_result(run, declare):
    view = describe(_steps(run, declare)[1])

    assert (view.kind, view.name) == ("tool", "look_up")
    assert [part.value for part in (*view.asked, *view.answered)] == [{"name": "Ann"}, "Ann is known"]


def test_later_steps_refer_to_the_tool_step_instead_of_repeating_it(run, declare):
    [told] = describe(_steps(run, declare)[2]).asked

    assert (told.kind, told.title, told.value, told.sequence) == ("tool_result", "Result of look_up", None, 2)


def test_refused_answer_shows_what_was_sent_back(run, declare):
    [told] = describe(_steps(run, declare)[3]).asked

    assert told.kind == "retry"
    assert "'no way' is not one of" in told.value


def test_scripted_steps_say_so_and_cost_nothing(run, declare):
    steps = _steps(run, declare)

    assert {describe(step).is_offline for step in steps} == {True}
    assert describe(steps[0]).name == "offline:script"
    assert describe(steps[0]).cost == Decimal(0)


def test_totals_sum_up_the_steps(run, declare):
    steps = _steps(run, declare)
    summed = totals(steps)

    assert (summed.model_calls, summed.tool_calls) == (3, 1)
    assert summed.input_tokens == sum(step.input_tokens for step in steps) > 0
    assert (summed.cost, summed.has_unpriced, summed.is_offline) == (Decimal(0), False, True)
    assert summed.duration >= timedelta(0)
