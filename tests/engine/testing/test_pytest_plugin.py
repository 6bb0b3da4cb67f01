"""The pytest plugin: scenario files as tests, and scenarios in Python."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from engine.errors import NotFound
from engine.model import InstanceState

MODELS = Path(__file__).resolve().parents[2] / "scenarios"
APPROVAL = "../../scenarios/approval.bpmn"


@pytest.fixture
def approval(scenario):
    return scenario.deploy(APPROVAL).stub("reminder").stub("org.example.ChargeCard", {"receipt": "r-1"})


def test_reviewer_is_reminded_after_two_days(approval) -> None:
    payment = approval.start("approval", amount=900)

    approval.advance(days=2)

    assert payment.passed == ["Received", "TwoDays", "Remind"]
    assert payment.ended_at == ["Reminded"]
    assert payment.waiting_at == ["Approve"]


def test_a_payment_is_approved_and_charged(approval) -> None:
    payment = approval.start("approval", business_key="A-17", amount=900)

    payment.claim("Approve", "ann")
    payment.complete("Approve", approved=True)

    assert payment.state is InstanceState.COMPLETED
    assert payment.variables == {"amount": 900, "approved": True, "receipt": "r-1"}
    assert approval.stub_calls["org.example.ChargeCard"] == 1


def test_a_stub_can_fail_and_be_replaced(approval) -> None:
    payment = approval.stub("org.example.ChargeCard", fail="bank is down").start("approval")

    payment.complete("Approve", approved=True)

    assert [message.endswith("bank is down") for message in payment.incidents] == [True]


def test_a_stub_can_raise_a_bpmn_error(approval) -> None:
    payment = approval.stub("org.example.ChargeCard", error="LIMIT").start("approval")

    payment.complete("Approve", approved=True)

    assert payment.ended_at == ["Rejected"]


def test_a_task_that_is_not_open_is_refused(approval) -> None:
    payment = approval.start("approval")

    with pytest.raises(NotFound, match="Open tasks: Approve"):
        payment.complete("Charge")


def test_messages_reach_the_instance_that_waits(scenario) -> None:
    scenario.deploy("../../scenarios/events.bpmn")

    scenario.message("Ordered", orderId="o-1")
    scenario.message("Ordered", orderId="o-2")
    scenario.message("Paid", correlate="o-2", amount=5)

    assert [order.ended_at for order in scenario.instances("ordering")] == [[], ["Shipped"]]


def run_pytest(folder: Path, *arguments: str) -> str:
    """pytest on *folder* in a process of its own; what it prints."""
    registered = any(entry.name == "fermata" for entry in entry_points(group="pytest11"))
    plugin = [] if registered else ["-p", "engine.testing.plugin"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugin, *arguments, str(folder)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[3]))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "approval.bpmn").write_bytes((MODELS / "approval.bpmn").read_bytes())
    return tmp_path


def test_scenario_files_are_collected_as_tests(folder: Path) -> None:
    failing = (MODELS / "broken" / "failing.scenario.yaml").read_text().replace("../", "")
    (folder / "failing.scenario.yaml").write_text(failing)

    out = run_pytest(folder, "--no-save-restore", "-k", "passes or (something and else)")

    assert re.search(r"1 failed, 1 passed, 2 deselected", out)
    assert "failing.scenario.yaml:8: expects something else" in out
    assert "active: expected [Charge], actual []" in out
    assert "Traceback" not in out


def test_a_wrong_scenario_file_is_an_error_of_collection(folder: Path) -> None:
    wrong = (MODELS / "broken" / "wrong.scenario.yaml").read_text().replace("../", "")
    (folder / "wrong.scenario.yaml").write_text(wrong)

    out = run_pytest(folder)

    assert "wrong.scenario.yaml:5: error: 'finish' is no verb" in out
    assert "1 error" in out


def test_the_plugin_does_not_import_the_engine_by_itself() -> None:
    code = "import sys, engine.testing.plugin; print('engine.engine' in sys.modules, 'sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False", "False"]
