"""kill -9 in the middle of an agent's work, on a real database."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import json, os, signal, sys
from pathlib import Path
from engine.engine import Engine
from engine.executors.agent import AgentExecutor, AgentSettings, ToolCall
from engine.model import Resource

folder, die_at = Path(sys.argv[1]), sys.argv[2]

def note(entry):
    with (folder / "ledger.txt").open("a") as ledger:
        ledger.write(json.dumps(entry) + "\\n")
    if entry[0] == die_at:
        os.kill(os.getpid(), signal.SIGKILL)

def charge(amount: int, key: str) -> str:
    note([f"charge {amount}", key])
    return "paid"

def script(turn):
    note([f"turn {turn.number}", ""])
    return ToolCall("charge", {"amount": turn.number}) if turn.number < 2 else {"verdict": "yes"}

settings = AgentSettings(
    job_type="assess", model="offline", inputs=["cv"], tools=(charge,), output={"type": "object"}, offline=script
)
with Engine(f"sqlite:///{folder}/test.db") as engine:
    engine.register_executor("assess", AgentExecutor(settings))
    engine.deploy(Resource("hiring.bpmn", Path(sys.argv[3]).read_bytes()))
    if not engine.read.instances().total:
        engine.start("hiring", variables={"cv": "ten years of ships"})
    engine.work(until_idle=True)
    [instance] = engine.read.instances().items
    steps = [[step.sequence, step.kind] for step in engine.read.agent_steps(instance.id)]
    print(json.dumps([instance.state, engine.read.variables(instance.id).get("verdict"), steps]))
"""


def _run(folder: Path, die_at: str) -> subprocess.CompletedProcess[str]:
    model = Path(__file__).with_name("hiring.bpmn")
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), die_at, str(model)], capture_output=True, text=True, timeout=240
    )


@pytest.mark.faults
@pytest.mark.parametrize("die_at", ["turn 1", "charge 1", "turn 2"])
def test_killed_agent_goes_on_after_its_last_saved_step(tmp_path, die_at):
    killed = _run(tmp_path, die_at)
    assert killed.returncode == -signal.SIGKILL

    resumed = _run(tmp_path, "never")

    state, verdict, steps = json.loads(resumed.stdout)
    assert (state, verdict) == ("completed", "yes")
    assert steps == [[1, "model"], [2, "tool"], [3, "model"], [4, "tool"], [5, "model"]]
    ledger = [json.loads(line) for line in (tmp_path / "ledger.txt").read_text().splitlines()]
    assert sorted(entry for entry, _ in ledger) == sorted(
        ["turn 0", "charge 0", "turn 1", "charge 1", "turn 2", die_at]
    ), "only the step under way was repeated"
    assert len({(entry, key) for entry, key in ledger}) == 5, "with the same key"
