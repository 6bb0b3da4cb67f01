"""The engine beside a simple model of it: any commands in any order, with crashes and a second engine in between."""

from __future__ import annotations

import os
import secrets
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import create_engine, make_url, text

from engine.external import tasks
from engine.jobs import worker
from engine.store.transaction import Store
from tests.engine.stateful.operators import Operators
from tests.engine.stateful.people import People
from tests.engine.stateful.workers import Workers

EXAMPLES = int(os.environ.get("FERMATA_EXAMPLES", "0"))
"""How many to try, other ones each time; 0: a few, always the same."""
STEPS = 50


OFTEN = {
    "a batch whose worker died": 2,
    "a lease ran out": 3,
    "a message that had waited was received": 1,
    "a worker did Late": 2,
    "a worker did Pause": 4,
    "a worker did Stamp": 7,
    "a worker did Weigh": 5,
    "a worker did what was deferred": 1,
    "activate": 3,
    "batch (activate)": 1,
    "batch (cancel)": 4,
    "batch (delete)": 4,
    "batch (migrate)": 1,
    "batch (set-variables)": 1,
    "batch (suspend)": 3,
    "begin_a_branch_again": 2,
    "cancel": 7,
    "claim": 3,
    "complete": 2,
    "complete_external": 2,
    "complete_external (refused)": 10,
    "complete_job": 4,
    "correlate": 3,
    "crash": 4,
    "crash_at_work (2 after)": 1,
    "crash_at_work (2 before)": 1,
    "crash_in_a_handler": 1,
    "dies after": 3,
    "dies before": 5,
    "extend_lock": 1,
    "fail_external": 1,
    "fail_job": 3,
    "fetch": 5,
    "fetch (died)": 1,
    "migrate": 6,
    "modify": 3,
    "publish (delivered)": 1,
    "publish (stored)": 3,
    "restart": 3,
    "retry": 2,
    "set_variables": 4,
    "signal": 2,
    "suspend": 3,
    "the handler of Weigh failed": 1,
    "unlock": 2,
    "work": 2,
    "work_for_one_that_is_suspended": 1,
    "work_in_vain": 2,
    "work_too_long": 1,
}
"""How often each thing must have happened at least in ten runs, so that the test cannot become an empty one."""


class Everything(People, Workers, Operators):
    pass


@pytest.fixture
def fresh_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes the URL of an empty database of the current form, another one each time."""
    if request.param == "sqlite":
        template = tmp_path / "template.db"
        store = Store(f"sqlite:///{template}")
        store.migrate()
        store.close()
        return lambda: f"sqlite:///{shutil.copy(template, tmp_path / f'{secrets.token_hex(6)}.db')}"
    url = make_url(request.getfixturevalue("postgres_template"))

    def copy() -> str:
        name = f"stateful_{secrets.token_hex(6)}"
        server = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "template"'))
        server.dispose()
        return url.set(database=name).render_as_string(hide_password=False)

    return copy


@pytest.fixture(autouse=True)
def _by_the_clock_of_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """What depends on how fast the machine is would make each run another one."""
    monkeypatch.setattr(worker, "SETTLE_AFTER", 3600.0)
    monkeypatch.setattr(tasks, "_LEAVE_EVERY", 0.0)


@pytest.mark.slow
@pytest.mark.timeout(3600 if EXAMPLES else 600)
@pytest.mark.parametrize(
    ("fresh_url", "examples"),
    [("sqlite", 20), pytest.param("postgresql", 10, marks=pytest.mark.postgres)],
    indirect=["fresh_url"],
)
def test_any_commands_in_any_order_do_what_the_model_says(fresh_url: Callable[[], str], examples: int) -> None:
    done: Counter[str] = Counter()
    machine = type("TheMachine", (Everything,), {"make_url": staticmethod(fresh_url), "done": done})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES or examples,
            stateful_step_count=STEPS,
            derandomize=not EXAMPLES,
            phases=list(Phase) if EXAMPLES else [Phase.generate],  # shrinking takes minutes
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    if examples <= (EXAMPLES or examples):
        assert {name: done[name] for name, least in OFTEN.items() if done[name] < least} == {}
