import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from engine.store.migrations import HEAD, NewerDatabase, configuration
from engine.store.tables import metadata
from engine.store.transaction import Store


@pytest.fixture
def store(database_url: str):
    store = Store(database_url)
    yield store
    store.close()


def test_the_migrated_tables_are_those_described(store: Store) -> None:
    store.migrate()
    with store.reading() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    assert differences == []


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


def test_a_database_of_a_newer_engine_is_left_alone(store: Store) -> None:
    store.migrate()
    with store.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'future'"))
    with pytest.raises(NewerDatabase, match="future"):
        store.migrate()
