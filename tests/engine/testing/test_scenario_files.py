"""Reading scenario files: what is accepted, and how mistakes are named."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.testing.format import VERBS
from engine.testing.reader import find_scenario_files, read_scenario_file
from engine.testing.source import ScenarioFileError, read_yaml

HEAD = "models: [order.bpmn]\nscenarios:\n  - name: one\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "order.bpmn").write_text("<definitions/>")
    return tmp_path


def read(folder: Path, text: str):
    file = folder / "order.scenario.yaml"
    file.write_text(text)
    return read_scenario_file(file)


def mistake(folder: Path, text: str) -> ScenarioFileError:
    with pytest.raises(ScenarioFileError) as caught:
        read(folder, text)
    return caught.value


def test_a_file_keeps_what_it_says(folder: Path) -> None:
    plan = read(
        folder,
        """
models: [order.bpmn]
process: order
now: 2026-03-01T08:00:00+01:00
hold_jobs: true
stubs:
  charge: {return: {receipt: r-1}}
scenarios:
  - name: a large order
    start: {variables: {amount: 900}, business_key: 17}
    steps:
      - advance: P2D
      - complete: Approve
        variables: {approved: true}
        nth: 2
        expect: {state: completed}
""",
    )

    scenario = plan.scenarios[0]
    assert plan.process == "order"
    assert plan.now == datetime(2026, 3, 1, 7, tzinfo=UTC)
    assert plan.hold_jobs is True
    assert plan.stubs["charge"][0].returns == {"receipt": "r-1"}
    assert scenario.start.business_key == "17"
    assert [step.verb for step in scenario.steps] == ["advance", "complete"]
    assert scenario.steps[1].options == {"variables": {"approved": True}, "nth": 2}
    assert scenario.steps[1].expect is not None
    assert scenario.steps[1].expect.values == {"state": "completed"}


def test_json_is_read_as_well(folder: Path) -> None:
    plan = read(folder, '{"models": ["order.bpmn"], "scenarios": [{"name": "one", "start": "none"}]}')

    assert plan.scenarios[0].start.kind == "none"


def test_a_stub_may_behave_differently_on_each_call(folder: Path) -> None:
    plan = read(folder, HEAD + "stubs: {flaky: [{fail: timeout}, {return: {}}], noop: {}}\n")

    assert [behaviour.fail for behaviour in plan.stubs["flaky"]] == ["timeout", None]
    assert plan.stubs["noop"][0].returns is None


def test_dates_and_clock_times_stay_text_and_exponents_are_numbers() -> None:
    read = read_yaml("{day: 2026-01-05, at: 12:30, big: 1e3, small: -0.5, version: '1.0', yes: yes}", "x")

    assert read == {"day": "2026-01-05", "at": "12:30", "big": 1000.0, "small": -0.5, "version": "1.0", "yes": True}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("models: [order.bpmn]\nsteps: []\n", 2, "unknown key 'steps' in the file. Allowed: models, process"),
        ("models: [order.bpmn]\n", 1, "needs 'scenarios'"),
        ("models: [other.bpmn]\nscenarios: [{name: x}]\n", 1, "no file 'other.bpmn' beside this one"),
        (HEAD + "    then: []\n", 4, "unknown key 'then' in a scenario. Allowed: name, start, steps, expect"),
        ("models: [order.bpmn]\nscenarios:\n  - start: none\n", 3, "has no name"),
        (HEAD + "    steps:\n      - finish: Approve\n", 5, "'finish' is no verb. Allowed: start, complete"),
        (HEAD + "    steps:\n      - complete: A\n        signal: B\n", 6, "one verb, this has complete and signal"),
        (HEAD + "    steps:\n      - complete: A\n        user: ann\n", 6, "unknown key 'user' in the step 'complete'"),
        (HEAD + "    steps:\n      - claim: A\n", 5, "the step 'claim' needs 'user'"),
        (HEAD + "    steps:\n      - advance: two days\n", 5, "is no duration"),
        (HEAD + "    steps:\n      - complete: A\n        nth: 0\n", 6, "counts from 1"),
        (HEAD + "    steps:\n      - complete: A\n        fails: '('\n", 6, "no regular expression"),
        (HEAD + "    steps:\n      - job: A\n        do: skip\n", 6, "Allowed: run, complete, fail, bpmn_error"),
        (HEAD + "    expect: {state: done}\n", 4, "'state' is 'done'. Allowed: running, completed"),
        (HEAD + "    expect:\n      activ: []\n", 5, "unknown key 'activ' in expect. Allowed: active, state"),
        (HEAD + "    expect: {visits: {A: many}}\n", 4, "must be a number from 0 up"),
        (
            HEAD + "    expect:\n      tasks:\n        - owner: x\n",
            6,
            "unknown key 'owner' in a task. Allowed: id, name",
        ),
        (HEAD + "    start: {message: {name: A}, signal: {name: B}}\n", 4, "both message and signal"),
        (HEAD + "stubs:\n  a: {return: 1, fail: x}\n", 5, "has both return and fail"),
        (HEAD + "stubs:\n  a: {returns: 1}\n", 5, "unknown key 'returns' in stub 'a'. Allowed: return, fail"),
        (HEAD + "stubs:\n  a: {bpmn_error: {message: x}}\n", 5, "has no code"),
        (HEAD + "name: x\nname: y\n", 5, "stands twice, first in line 4"),
        ("models: [order.bpmn\n", 2, "not valid YAML"),
        ("- 1\n", 1, "a scenario file is a mapping"),
        (HEAD + "now: soon\n", 4, "is no date and time"),
        ("a: &x [*x]\n", 1, "contains itself"),
        ("a: !!python/object:os.system {}\nmodels: !run x\n", 2, "not allowed"),
    ],
)
def test_a_mistake_names_its_line_and_what_is_allowed(folder: Path, text: str, line: int, says: str) -> None:
    wrong = mistake(folder, text)

    assert wrong.line == line
    assert says in wrong.message
    assert str(wrong).startswith(f"{folder / 'order.scenario.yaml'}:{line}: error: ")


@pytest.mark.parametrize("verb", [verb for verb, form in VERBS.items() if form.value == "none"])
@pytest.mark.parametrize("way", ["- {verb}", "- {verb}:", "- {verb}: true", "- {verb}: {{}}"])
def test_a_verb_without_a_value_may_be_written_in_any_of_four_ways(folder: Path, verb: str, way: str) -> None:
    plan = read(folder, HEAD + "    steps:\n      " + way.format(verb=verb) + "\n")

    assert plan.scenarios[0].steps[0].verb == verb


def test_folders_are_searched_for_scenario_files_and_each_is_found_once(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    for name in ("b.scenario.yaml", "a.scenario.yaml", "other.yaml"):
        (inner / name).write_text("")

    assert [file.name for file in find_scenario_files([tmp_path, inner / "a.scenario.yaml"])] == [
        "a.scenario.yaml",
        "b.scenario.yaml",
    ]


def test_a_path_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        find_scenario_files([tmp_path / "nowhere"])
