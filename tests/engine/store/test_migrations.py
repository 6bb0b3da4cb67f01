import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from engine.store.migrations import HEAD, NewerDatabase, configuration
from engine.store.tables import metadata
from engine.store.transaction import Store

DESCENDING = "ix_user_task_urgent"
"""An index in which a column descends: Alembic cannot compare it on SQLite."""
OF_POSTGRESQL = """
    SELECT relname FROM pg_class WHERE relispartition
    UNION ALL SELECT 'fk_' || table_name || '_instance_id' FROM unnest(
        ARRAY['activity', 'flow_taken', 'variable_change', 'job_attempt', 'log', 'agent_step']) table_name
"""
"""Partitions, and the foreign keys that tables of partitions do without."""


@pytest.fixture
def store(database_url: str):
    store = Store(database_url)
    yield store
    store.close()


def test_the_migrated_tables_are_those_described(store: Store) -> None:
    store.migrate()
    with store.reading() as connection:
        apart = set(connection.execute(text(OF_POSTGRESQL)).scalars()) if not store.is_sqlite else {DESCENDING}
        options = {"include_object": lambda item, name, *_: name not in apart}
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
        indexes = {index["name"] for index in inspect(connection).get_indexes("user_task")}
    assert (differences, DESCENDING in indexes) == ([], True)


def test_the_engine_knows_its_newest_migration() -> None:
    assert ScriptDirectory.from_config(configuration()).get_current_head() == HEAD


def test_processes_that_start_at_once_migrate_once(store: Store, tmp_path) -> None:
    url = store.url.render_as_string(hide_password=False)
    failures: list[BaseException] = []

    def start() -> None:
        other = Store(url)
        try:
            other.migrate()
        except BaseException as problem:
            failures.append(problem)
        finally:
            other.close()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.reading() as connection:
        revisions = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    assert (failures, list(revisions)) == ([], [HEAD])


def set_revision(store: Store, revision: str, oldest: str) -> None:
    with store.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
        connection.execute(text("UPDATE schema_support SET oldest = :oldest"), {"oldest": oldest})


def test_a_database_that_a_newer_engine_has_changed_is_left_alone(store: Store) -> None:
    store.migrate()
    set_revision(store, "9002", oldest="9001")
    with pytest.raises(NewerDatabase, match=r"'9002'.*'9001'.*Upgrade the engine"):
        store.migrate()


def test_an_engine_goes_on_with_a_database_that_a_newer_one_has_only_added_to(store: Store) -> None:
    store.migrate()
    set_revision(store, "9002", oldest=HEAD)
    store.migrate()


@pytest.mark.parametrize("revision", ["future", "9002b"])
def test_a_database_of_a_revision_that_is_none_of_ours_is_left_alone(store: Store, revision: str) -> None:
    store.migrate()
    set_revision(store, revision, oldest=HEAD)
    with pytest.raises(NewerDatabase, match=revision):
        store.migrate()
