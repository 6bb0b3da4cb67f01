"""An old and a new engine work side by side on one database; what newer engines do to it is made up here."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import event, text

from engine.batch import SetVariablesOfAll, SuspendAll
from engine.clock import SystemClock
from engine.engine import Engine
from engine.errors import Conflict
from engine.external.records import Topic
from engine.model import JobState
from engine.operations import batch_runner
from engine.store.migrations import HEAD, NewerDatabase, configuration
from engine.store.transaction import Store

Open = Callable[[], Engine]
LONG = 120.0
SIDE_BY_SIDE = "0008"
"""Later migrations may find older engines at work."""
CONTRACTS = re.compile(
    r"\b(DROP(?! INDEX| CONSTRAINT IF EXISTS fk_)|RENAME|TRUNCATE)\b|ALTER COLUMN \S+ (SET NOT NULL|TYPE)"
    r"|ADD CONSTRAINT|CREATE UNIQUE INDEX|ADD COLUMN (?!.*DEFAULT).*NOT NULL"
)
EXPANDS = """
    op.add_column("process_instance", sa.Column("colour", sa.Text(), nullable=True))
    op.add_column("job", sa.Column("weight", sa.Integer(), nullable=False, server_default="1"))
    op.create_index("ix_process_instance_colour", "process_instance", ["colour"])
    op.add_column("external_topic", sa.Column("colour", sa.Text(), nullable=True))
    op.add_column("batch", sa.Column("colour", sa.Text(), nullable=True))
    op.add_column("batch_item", sa.Column("weight", sa.Integer(), nullable=False, server_default="1"))
    op.create_table("palette", sa.Column("colour", sa.Text(), primary_key=True))
"""


@pytest.fixture
def clock() -> SystemClock:
    return SystemClock()


@pytest.fixture
def newer(tmp_path: Path) -> Callable[[Store, str], None]:
    """newer(store, body): an engine of a later version starts, whose migration 9001 has this body."""

    def start(store: Store, body: str) -> None:
        folder = tmp_path / "versions"
        folder.mkdir()
        head = f'import sqlalchemy as sa\nfrom alembic import op\nrevision = "9001"\ndown_revision = "{HEAD}"\n'
        rules = "from engine.store.migrations.rules import contract\n\n\ndef upgrade():\n"
        (folder / "9001_later.py").write_text(head + rules + body)
        config = configuration()
        ours = Path(str(config.get_main_option("script_location"))) / "versions"
        config.set_main_option("path_separator", "newline")
        config.set_main_option("version_locations", f"{ours}\n{folder}")
        with store.writing(is_marked=False) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "9001")

    return start


def test_a_worker_goes_on_while_and_after_a_newer_engine_expands_the_tables(
    open_engine: Open, newer: Callable[[Store, str], None], models: Path
) -> None:
    old = open_engine()
    halfway, is_upgraded = threading.Event(), threading.Event()

    @old.handler("charge")
    def charge(job) -> None:
        halfway.set()
        is_upgraded.wait(LONG)

    old.deploy(models / "order.bpmn")
    old.start_workers(2)
    before = [old.start("order", variables={"amount": 1}).id for _ in range(5)]
    assert halfway.wait(LONG)
    newer(open_engine().store, EXPANDS)
    is_upgraded.set()
    another_old = open_engine()
    after = [another_old.start("order", variables={"amount": 1}).id for _ in range(5)]
    old.stop_workers()
    old.work()

    assert {task.instance_id for task in another_old.read.tasks(limit=100).items} == {*before, *after}
    with old.store.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM process_instance WHERE colour IS NULL")).scalar() == 10


def test_external_tasks_that_one_engine_has_handed_out_are_taken_back_by_the_other(
    open_engine: Open, newer: Callable[[Store, str], None], models: Path
) -> None:
    old = open_engine()
    old.deploy(models / "order.bpmn")
    old.external.open()
    orders = [old.start("order", variables={"amount": 1}).id for _ in range(4)]
    charge = [Topic("charge", timedelta(minutes=1))]
    first, second = old.external.fetch_and_lock("w", charge, 2)
    newer(open_engine().store, EXPANDS)
    another = open_engine()
    another.external.open()

    another.external.complete(first.id, "w", {"receipt": 1}, token=first.lock_token)
    another.external.extend_lock(second.id, "w", timedelta(minutes=2), token=second.lock_token)
    old.external.complete(second.id, "w", {"receipt": 2}, token=second.lock_token)
    third, fourth = another.external.fetch_and_lock("v", charge, 4)
    old.external.fail(third.id, "v", "no answer", retries=1, retry_in=timedelta(), token=third.lock_token)
    old.external.complete(fourth.id, "v", {"receipt": 4}, token=fourth.lock_token)
    with pytest.raises(Conflict):
        another.external.complete(third.id, "v", token=third.lock_token)
    [again] = old.external.fetch_and_lock("w", charge, 4)
    another.external.complete(again.id, "w", {"receipt": 3}, token=again.lock_token)

    assert {task.instance_id for task in old.read.tasks(limit=100).items} == {*orders}
    attempts = [each.outcome for one in orders for each in another.read.history(one).job_attempts]
    assert sorted(map(str, attempts)) == ["completed"] * 4 + ["retry"]


def test_a_batch_that_one_engine_has_begun_is_done_by_turns(
    open_engine: Open, newer: Callable[[Store, str], None], models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_runner, "CHUNK", 1)
    monkeypatch.setattr(batch_runner, "TURN", 0)
    old = open_engine()
    old.deploy(models / "order.bpmn")
    old.handler("charge")(lambda job: None)
    orders = [old.start("order", variables={"amount": 1}).id for _ in range(6)]
    old.work()
    begun = old.batch(SetVariablesOfAll({"checked": True}), ids=orders)
    old.work(limit=1)
    newer(open_engine().store, EXPANDS)
    another = open_engine()
    another.work(limit=1)
    old.work(limit=1)
    assert old.batches.get(begun.id).done == another.batches.get(begun.id).done == 3
    another.batches.pause(begun.id)
    assert old.work() == 0
    old.batches.resume(begun.id)
    later = another.batch(SuspendAll(), ids=orders[:2])
    old.work()
    another.work()

    assert old.batches.get(begun.id).summary == "6 changed"
    assert another.batches.get(later.id).summary == "2 suspended"
    logs = [each.action for one in orders for each in old.read.history(one).log]
    assert (logs.count("variables.set"), logs.count("instance.suspended")) == (6, 2)


def test_engines_that_cannot_work_with_contracted_tables_are_turned_away(
    open_engine: Open, newer: Callable[[Store, str], None], models: Path
) -> None:
    old = open_engine()
    old.deploy(models / "order.bpmn")
    newer(old.store, '    contract(oldest="9001")')
    with pytest.raises(NewerDatabase, match="oldest that can: '9001'"):
        open_engine()
    with pytest.raises(NewerDatabase):
        old.work()


def test_a_running_pool_takes_no_more_jobs_from_contracted_tables(
    open_engine: Open, newer: Callable[[Store, str], None], models: Path, refusals: threading.Event
) -> None:
    old = open_engine()
    old.handler("charge")(lambda job: None)
    old.deploy(models / "order.bpmn")
    newer(old.store, '    contract(oldest="9001")')
    old.start_workers(1)
    assert refusals.wait(LONG)
    instance = old.start("order", variables={"amount": 1})
    old.stop_workers()
    assert [job.state for job in old.read.jobs(instance_id=instance.id)] == [JobState.AVAILABLE]


@pytest.fixture
def refusals() -> Iterator[threading.Event]:
    """Set when a worker says that it takes no more jobs."""
    said = threading.Event()

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "takes no more jobs" in record.getMessage():
                said.set()

    ear = Ear()
    logging.getLogger("engine.jobs").addHandler(ear)
    yield said
    logging.getLogger("engine.jobs").removeHandler(ear)


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_migrations_only_expand_or_say_whom_they_leave_behind(database_url: str) -> None:
    """Reads what each migration really sends, from the first that may find older engines at work."""
    store = Store(database_url)
    with store.writing(is_marked=False) as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    statements: list[str] = []
    with store.writing(is_marked=False) as connection:
        config = configuration()
        config.attributes["connection"] = connection
        command.upgrade(config, SIDE_BY_SIDE)
        event.listen(connection, "before_cursor_execute", lambda *given: statements.append(given[2]))
        command.upgrade(config, "head")
    store.close()
    assert rule_breaks(statements) == []


def test_the_rule_for_migrations_knows_what_contracts() -> None:
    end = "UPDATE alembic_version SET version_num='x'"
    assert rule_breaks(["ALTER TABLE job ADD COLUMN a TEXT", "CREATE INDEX i ON job (a)", end]) == []
    assert rule_breaks(["ALTER TABLE job ADD COLUMN a INTEGER DEFAULT '1' NOT NULL", end]) == []
    aside = [
        "ALTER TABLE log RENAME TO old",
        "CREATE TABLE log (LIKE old)",
        "ALTER TABLE log ATTACH PARTITION old DEFAULT",
    ]
    assert (rule_breaks([*aside, end]), rule_breaks([*aside[:2], end])) == ([], aside[:1])
    for statement in (
        "ALTER TABLE job ADD COLUMN a TEXT NOT NULL",
        "ALTER TABLE job DROP COLUMN a",
        "ALTER TABLE job RENAME a TO b",
        "ALTER TABLE job ALTER COLUMN a SET NOT NULL",
        "DROP TABLE job",
    ):
        assert rule_breaks([statement, end]) == [statement]
        assert rule_breaks([statement, "UPDATE schema_support SET oldest = '0009'", end]) == []


def rule_breaks(statements: list[str]) -> list[str]:
    """Those that contract, in migrations that do not say so."""
    breaks: list[str] = []
    of_one: list[str] = []
    for statement in statements:
        of_one.append(statement)
        if statement.startswith("UPDATE alembic_version"):
            if not any(each.startswith("UPDATE schema_support") for each in of_one):
                breaks += [each for each in of_one if CONTRACTS.search(each) and not _is_replaced(each, of_one)]
            of_one = []
    return breaks


def _is_replaced(statement: str, of_one: list[str]) -> bool:
    """A table that moves aside for one which takes its name, and has it as a partition; indexes nobody names."""
    if statement.startswith("ALTER INDEX"):
        return True
    renamed = re.fullmatch(r"ALTER TABLE (\w+) RENAME TO (\w+)", statement)
    if renamed is None:
        return False
    heirs = (f"CREATE TABLE {renamed[1]} (", f"ALTER TABLE {renamed[1]} ATTACH PARTITION {renamed[2]} DEFAULT")
    return all(any(each.startswith(heir) for each in of_one) for heir in heirs)
