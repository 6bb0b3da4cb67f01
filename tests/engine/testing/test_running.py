"""Running scenario files: outcomes, messages, exit codes, reports."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.cli import run
from engine.testing.format import EXPECTATIONS, VERBS
from engine.testing.reader import read_scenario_file

SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"
FAILING = str(SCENARIOS / "broken" / "failing.scenario.yaml")
WRONG = str(SCENARIOS / "broken" / "wrong.scenario.yaml")
PASSING = str(SCENARIOS / "events.scenario.yaml")


@pytest.fixture
def outcomes(tmp_path: Path):
    """Runs a command line of `fermata test`; the exit code, and the results by name."""

    def call(*arguments: str) -> tuple[int, dict[str, dict[str, str]]]:
        file = tmp_path / "results.json"
        code = run(["test", "--json", str(file), *arguments])
        return code, {result["name"]: result for result in json.loads(file.read_text())}

    return call


def test_each_scenario_has_an_outcome_and_the_worst_decides(outcomes) -> None:
    code, results = outcomes(FAILING)

    assert code == 1
    assert {name: result["outcome"] for name, result in results.items()} == {
        "passes": "passed",
        "expects something else": "failed",
        "takes a step that is refused": "failed",
        "expects a refusal that does not come": "failed",
    }


def test_a_failed_expectation_says_the_step_and_every_difference(outcomes) -> None:
    _, results = outcomes(FAILING, "-k", "something else")

    result = results["expects something else"]
    assert result["step"] == "step 2 (complete Approve), line 11"
    assert "active: expected [Charge], actual []" in result["message"]
    assert "variables: approved: expected true, actual false" in result["message"]
    assert "variables: refund: expected 1, but there is no such variable (there are: [approved])" in result["message"]
    assert "state" not in result["message"]


def test_every_expectation_can_fail_and_says_what_is_instead(outcomes) -> None:
    code, results = outcomes(str(SCENARIOS / "broken" / "expectations.scenario.yaml"))

    assert code == 1
    assert list(results) == list(EXPECTATIONS)
    assert {name: result["outcome"] for name, result in results.items()} == dict.fromkeys(EXPECTATIONS, "failed")
    assert [name for name, result in results.items() if not result["message"].startswith(f"{name}: ")] == []


def test_every_verb_is_used_by_the_scenarios_of_this_folder() -> None:
    plans = [read_scenario_file(file) for file in SCENARIOS.rglob("*.scenario.yaml") if file.name != Path(WRONG).name]
    used = {step.verb for plan in plans for scenario in plan.scenarios for step in scenario.steps}

    assert set(VERBS) - used == set()


def test_the_report_shows_the_path_taken_so_far(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["test", FAILING, "-k", "something else"])

    out = capsys.readouterr().out
    assert code == 1
    assert "failing.scenario.yaml:8: expects something else" in out
    assert "path so far: Received > Approve > TwoDays > Remind > Reminded > IsApproved > Rejected" in out
    assert out.splitlines()[-1] == "1 failed"


def test_a_step_that_is_refused_says_why(outcomes) -> None:
    _, results = outcomes(FAILING, "-k", "refused")

    assert "No open user task 'Charge'" in results["takes a step that is refused"]["message"]


def test_a_refusal_that_does_not_come_fails(outcomes) -> None:
    _, results = outcomes(FAILING, "-k", "refusal")

    assert "but the step succeeded" in results["expects a refusal that does not come"]["message"]


def test_a_file_that_is_wrong_is_exit_code_2_and_the_others_run(outcomes, capsys: pytest.CaptureFixture[str]) -> None:
    code, results = outcomes(WRONG, PASSING)

    assert code == 2
    assert results["wrong.scenario.yaml"]["outcome"] == "error"
    assert [result["outcome"] for result in results.values()].count("passed") == 6
    assert "wrong.scenario.yaml:5: error: 'finish' is no verb. Allowed: start, complete" in capsys.readouterr().out


def test_a_deployment_that_is_refused_for_another_reason_fails(outcomes) -> None:
    code, results = outcomes(str(SCENARIOS / "broken" / "accepted.scenario.yaml"))

    assert code == 1
    assert "but deploying succeeded" in results["accepted.scenario.yaml"]["message"]


def test_stopping_at_the_first_leaves_the_rest_out(outcomes, capsys: pytest.CaptureFixture[str]) -> None:
    code, results = outcomes(FAILING, "-x")

    assert code == 1
    assert [result["outcome"] for result in results.values()] == ["passed", "failed"]
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 1 failed, 2 not run"


def test_saving_and_restoring_between_transitions_changes_no_outcome(outcomes) -> None:
    files = [str(SCENARIOS / name) for name in ("approval.scenario.yaml", "events.scenario.yaml")]

    assert outcomes(*files, "--save-restore") == outcomes(*files, "--no-save-restore")


def test_scenarios_run_in_several_processes(outcomes) -> None:
    code, results = outcomes(PASSING, "-n", "2")

    assert code == 0
    assert len(results) == 6


def test_a_file_of_lines_has_one_object_a_line(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    run(["test", PASSING, "--json", str(file)])

    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [set(line) for line in lines] == [{"file", "name", "outcome", "step", "message"}] * 6


def test_coverage_is_drawn_and_can_be_demanded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "coverage"
    arguments = ["test", PASSING, "-k", "expires", "--coverage", f"html:{folder}", "--coverage-fail-under"]

    assert run([*arguments, "30"]) == 0
    assert run([*arguments, "90"]) == 1
    assert "less than 90 %" in capsys.readouterr().err
    page = (folder / "1-events.html").read_text()
    assert "Shipped" in page
    assert "Expired" not in page.partition("Elements never entered")[2].partition("</ul>")[0]
    assert "events.bpmn" in (folder / "index.html").read_text()


def test_a_diagram_is_drawn_with_what_was_taken(tmp_path: Path) -> None:
    sample = Path(__file__).resolve().parents[3] / "docs" / "example" / "order.bpmn"
    from engine.testing.drawing import draw

    svg = draw(sample.read_bytes(), sample.name, {"Ordered", "ChargeCard"})

    assert 'class="startEvent taken" id="element-Ordered"' in svg
    assert 'class="endEvent missed"' in svg


def test_the_process_must_be_named_where_there_are_several(tmp_path: Path, outcomes) -> None:
    (tmp_path / "calls.bpmn").write_bytes((SCENARIOS / "calls.bpmn").read_bytes())
    file = tmp_path / "calls.scenario.yaml"
    file.write_text("models: [calls.bpmn]\nscenarios: [{name: one}]\n")

    code, results = outcomes(str(file))

    assert code == 2
    assert "Add 'process:' with one of: caller, review." in results["one"]["message"]


def test_agents_answer_from_their_scripts_also_where_a_key_is_set(
    tmp_path: Path, outcomes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-key")
    model = (SCENARIOS / "approval.bpmn").read_text().replace('camunda:class="org.example.ChargeCard"', AGENT_TOPIC)
    (tmp_path / "approval.bpmn").write_text(model)
    (tmp_path / "handlers.py").write_text("def script(turn):\n    return 'paid offline'\n")
    (tmp_path / "fermata.toml").write_text(AGENT)
    (tmp_path / "agent.scenario.yaml").write_text(AGENT_SCENARIO)

    code, results = outcomes(str(tmp_path))

    assert (code, results["one"]["message"]) == (0, "")


AGENT_TOPIC = 'camunda:type="external" camunda:topic="charge"'
AGENT = """
[agents.charge]
model = "openai:gpt-5-mini"
instructions = "Charge the card."
inputs = ["approved"]
result_variable = "receipt"
offline = "handlers:script"
"""
AGENT_SCENARIO = """
models: [approval.bpmn]
handlers: handlers.py
scenarios:
  - name: one
    steps: [{complete: Approve, variables: {approved: true}}]
    expect: {state: completed, variables: {receipt: paid offline}}
"""
