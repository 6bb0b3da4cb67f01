import threading

import pytest
from alembic import command
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


def test_on_sqlite_rows_move_into_the_order_of_their_keys_and_none_is_lost(tmp_path) -> None:
    store = Store(f"sqlite:///{tmp_path}/before.db")
    config = configuration()
    with store.writing(is_marked=False) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0012")
        for sql in _DEPLOYED:
            connection.execute(text(sql))
        for number in (2, 1):
            values = {"id": f"i{number}", "at": "2026-01-01T00:00:00.000000Z"}
            connection.execute(text(_INSTANCE), values)
            connection.execute(text(_LOG), values)
    store.migrate()
    with store.reading() as connection:
        kept = connection.execute(text("SELECT instance_id, action FROM log")).all()
        schemas = dict(connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")).all())
        indexes = {index["name"] for index in inspect(connection).get_indexes("activity")}
        broken = connection.execute(text("PRAGMA foreign_key_check")).all()
    store.close()
    clustered = {name for name, sql in schemas.items() if sql.endswith("WITHOUT ROWID")}
    described = {name for name, table in metadata.tables.items() if not table.dialect_options["sqlite"]["with_rowid"]}
    assert (kept, clustered, broken) == ([("i1", "started"), ("i2", "started")], described, [])
    assert indexes == {"ix_activity_open"}


_DEPLOYED = (
    "INSERT INTO deployment (id, name, deployed_at, deployed_by) VALUES ('x', '', '2026-01-01', 'ann')",
    "INSERT INTO process_definition (id, key, version, name, deployment_id, resource_name, sha256, deployed_at,"
    " documentation, has_start_form, is_startable, starter_users, starter_groups)"
    " VALUES ('d', 'p', 1, '', 'x', 'p.bpmn', '', '2026-01-01T00:00:00.000000Z', '', 0, 1, '[]', '[]')",
)
_INSTANCE = """
    INSERT INTO process_instance (id, definition_id, process_key, state, version, log_sequence, incident_count,
        started_at, started_by, end_reason, depth)
    VALUES (:id, 'd', 'p', 'running', 0, 0, 0, :at, 'ann', '', 0)
"""
_LOG = """
    INSERT INTO log (instance_id, sequence, at, action, actor, detail) VALUES (:id, 1, :at, 'started', 'ann', '{}')
"""
