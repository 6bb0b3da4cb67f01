import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Timer

import pytest
from sqlalchemy import bindparam, create_engine, event, literal_column, select, text

from engine.errors import DatabaseAway, InvalidInput
from engine.store.faults import Lost
from engine.store.transaction import Overtaken, Store


def test_sqlite_is_opened_for_full_durability(tmp_path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'engine.db'}")
    with store.reading() as connection:
        seen = {
            pragma: connection.execute(text(f"PRAGMA {pragma}")).scalar()
            for pragma in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    store.close()
    assert seen == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_who_opens_a_file_that_somebody_else_is_setting_up_waits(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'engine.db'}")
    with closing(sqlite3.connect(tmp_path / "engine.db", isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        release = Timer(0.1, other.rollback)
        release.start()
        with store.reading() as connection:
            assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        release.join()
    store.close()


@pytest.mark.parametrize("url", ["mysql://localhost/x", "nonsense", "", "oracle:"])
def test_a_url_of_no_known_database_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="sqlite:///"):
        Store(url)


def test_a_database_without_a_name_is_gone_when_closed() -> None:
    store = Store("sqlite://")
    store.migrate()
    path = store.url.database
    store.close()
    with pytest.raises(FileNotFoundError):
        Path(str(path)).read_bytes()


def test_work_that_lost_a_race_is_tried_again() -> None:
    store = Store("sqlite://")
    tries: list[int] = []

    def work() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise Overtaken("too late")
        return "done"

    assert (store.retrying(work), len(tries)) == ("done", 3)
    store.close()


def test_work_that_always_loses_gives_up_and_says_so() -> None:
    store = Store("sqlite://")

    def work() -> None:
        raise Overtaken("too late")

    with pytest.raises(Overtaken, match="too late"):
        store.retrying(work)
    store.close()


def test_the_folder_of_a_new_database_is_made(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'var' / 'deep' / 'engine.db'}")
    store.migrate()
    store.close()
    assert (tmp_path / "var" / "deep" / "engine.db").is_file()


def test_a_database_that_is_away_is_told_of_once_and_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    store = Store("sqlite://")
    store.patience = 120
    tries: list[int] = []

    def work() -> str:
        tries.append(1)
        if len(tries) < 4:
            raise Lost("no room")
        return "done"

    assert store.retrying(work) == "done"
    said = [(record.message, vars(record)["error"]) for record in caplog.records]
    assert said == [("the database is away, it is tried again", "no room")]
    store.close()


def test_who_finds_no_free_connection_is_told_to_try_again(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'engine.db'}")
    store.database = create_engine(store.database.url, pool_size=1, max_overflow=0, pool_timeout=0.01)
    with store.reading(), pytest.raises(DatabaseAway, match="in use, nothing has changed"), store.reading():
        pass
    store.close()


def test_the_newest_version_is_found_beside_a_writer_too(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'engine.db'}")
    query = select(literal_column("7")).where(literal_column("1") == bindparam("one"))
    with store.writing(is_marked=False):
        beside = store.first(query, {"one": 1})
    assert (beside, store.first(query, {"one": 1}), store.first(query, {"one": 2})) == ((7,), (7,), None)
    store.close()


@pytest.mark.parametrize("is_in_driver", [False, True])
def test_who_is_stopped_in_a_commit_leaves_no_lock(
    tmp_path: Path, is_in_driver: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = (Store(f"sqlite:///{tmp_path / 'engine.db'}") for _ in range(2))

    def stop(connection: object) -> None:
        raise KeyboardInterrupt

    with store.writing(is_marked=False) as connection:
        connection.execute(text("CREATE TABLE kept (number INTEGER)"))
    with monkeypatch.context() as stopping:
        if is_in_driver:
            stopping.setattr(store.database.dialect, "do_commit", stop)
        else:
            event.listen(store.database, "commit", stop)
        with pytest.raises(KeyboardInterrupt), store.writing(is_marked=False) as connection:
            connection.execute(text("INSERT INTO kept VALUES (1)"))
    if not is_in_driver:
        event.remove(store.database, "commit", stop)
    for each, number in ((other, 2), (store, 3)):
        with each.writing(is_marked=False) as connection:
            connection.execute(text("INSERT INTO kept VALUES (:number)"), {"number": number})
    with store.reading() as connection:
        assert connection.execute(text("SELECT number FROM kept")).scalars().all() == [2, 3]
    other.close()
    store.close()
