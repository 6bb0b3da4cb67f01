"""The engine beside a simple model of it: any commands in any order, with crashes and a second engine in between."""

from __future__ import annotations

import os
import secrets
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import create_engine, make_url, select, text

from engine.external import tasks
from engine.jobs import running_on, worker
from engine.operations import batch_runner
from engine.store import tables
from engine.store.transaction import Store
from tests.engine.stateful.machine import Machine, Numbers
from tests.engine.stateful.operators import Operators
from tests.engine.stateful.people import People
from tests.engine.stateful.workers import Workers

EXAMPLES = int(os.environ.get("FERMATA_EXAMPLES", "0"))
"""How many to try, other ones each time; 0: a few, always the same."""
STEPS = 50
NEVER = 3600.0


OFTEN = {
    "a batch whose worker died": 10,
    "a lease ran out": 13,
    "a message that had waited was received": 4,
    "a worker did Late": 3,
    "a worker did Pause": 12,
    "a worker did Stamp": 19,
    "a worker did Weigh": 20,
    "a worker did what was deferred": 6,
    "activate": 14,
    "batch (activate)": 4,
    "batch (cancel)": 5,
    "batch (delete)": 5,
    "batch (migrate)": 5,
    "batch (set-variables)": 7,
    "batch (suspend)": 9,
    "begin_a_branch_again": 4,
    "cancel": 21,
    "claim": 13,
    "clean_up": 1,
    "complete": 15,
    "complete_external": 7,
    "complete_external (refused)": 20,
    "complete_job": 12,
    "correlate": 11,
    "crash": 10,
    "crash_at_work (1 after)": 1,
    "crash_at_work (1 before)": 2,
    "crash_at_work (2 after)": 2,
    "crash_at_work (2 before)": 2,
    "crash_in_a_handler": 5,
    "dies after": 13,
    "dies before": 14,
    "extend_lock": 2,
    "fail_external": 3,
    "fail_job": 8,
    "fetch": 17,
    "fetch (died)": 3,
    "migrate": 17,
    "modify": 19,
    "publish (delivered)": 7,
    "publish (dropped)": 10,
    "publish (duplicate)": 2,
    "publish (stored)": 18,
    "restart": 10,
    "retry": 5,
    "set_variables": 12,
    "signal": 9,
    "suspend": 11,
    "the handler of Stamp failed": 3,
    "the handler of Weigh failed": 2,
    "unlock": 6,
    "work": 10,
    "work_for_one_that_is_suspended": 5,
    "work_for_what_another_holds": 2,
    "work_in_vain": 4,
    "work_too_long": 2,
}
"""How often each thing must have happened at least in twenty examples, and half as often in ten, so that the test
cannot become an empty one: half of what the examples do now."""


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
    """What depends on how fast the machine is, or on chance, would make each run another one."""
    monkeypatch.setattr(worker, "SETTLE_AFTER", NEVER)
    monkeypatch.setattr(worker, "LOOK", NEVER)
    monkeypatch.setattr(running_on, "LONGEST", NEVER)
    monkeypatch.setattr(batch_runner, "TURN", NEVER)
    monkeypatch.setattr(tasks, "_NOTE_EVERY", 1e9)
    monkeypatch.setattr(tasks, "_LEAVE_EVERY", 0.0)
    monkeypatch.setattr("engine.clock.secrets.randbits", Machine.bits.getrandbits)


@pytest.mark.slow
@pytest.mark.timeout(3600 if EXAMPLES else 600)
@pytest.mark.parametrize(
    ("fresh_url", "examples"),
    [("sqlite", 20), pytest.param("postgresql", 10, marks=pytest.mark.postgres)],
    indirect=["fresh_url"],
)
def test_any_commands_in_any_order_do_what_the_model_says(fresh_url: Callable[[], str], examples: int) -> None:
    done: Counter[str] = Counter()
    if EXAMPLES:
        _try_others(fresh_url, done)
    else:
        for number in range(examples):
            _try_again(fresh_url, done, number)
    if not EXAMPLES or EXAMPLES >= 100:  # chance leaves out what is rare
        share = 1 if EXAMPLES else examples / 20
        assert {name: done[name] for name, least in OFTEN.items() if done[name] < least * share} == {}


@pytest.mark.parametrize(
    "fresh_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=["fresh_url"]
)
def test_the_same_numbers_take_the_same_path(fresh_url: Callable[[], str]) -> None:
    paths = [_try_again(fresh_url, Counter(), 1, steps=25) for _ in range(2)]
    assert paths[0] == paths[1]


def _try_again(fresh_url: Callable[[], str], done: Counter[str], number: int, steps: int = STEPS) -> list[str]:
    """One example, always the same; what was drawn, and what the logs of the instances say of it."""
    told: list[str] = []
    settings = {"make_url": staticmethod(fresh_url), "done": done, "tell": staticmethod(told.append)}
    machine = type("TheMachine", (Everything,), settings)()
    numbers = Numbers(number)
    try:
        machine.begin(data=numbers)
        machine.all_is_as_the_model_says()
        for _ in range(steps):
            machine.do(data=numbers)
            machine.all_is_as_the_model_says()
        with machine.observer.connect() as connection:
            log = connection.execute(select(tables.log).order_by(tables.log.c.instance_id, tables.log.c.sequence))
            return told + [str(row[:4]) for row in log]
    except BaseException as problem:
        problem.add_note("\n".join([f"example {number}:", *told]))
        raise
    finally:
        machine.teardown()


def _try_others(fresh_url: Callable[[], str], done: Counter[str]) -> None:
    run_state_machine_as_test(
        type("TheMachine", (Everything,), {"make_url": staticmethod(fresh_url), "done": done}),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
