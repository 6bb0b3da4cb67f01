"""A database that refuses, breaks connections, loses commits and lets transactions collide."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from engine.engine import Engine
from engine.errors import DatabaseAway, InvalidInput
from engine.store import bulk, idle, marks, straight
from engine.store.faults import DBAPIError, OutcomeUnknown, TooSlow
from engine.store.tables import data_store
from engine.store.transaction import Store
from tests.engine.store.proxy import Proxy

pytestmark = [pytest.mark.postgres, pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)]

LONG = 120.0


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    with Proxy(make_url(database_url)) as proxy:
        yield proxy


@pytest.fixture
def store(proxy: Proxy) -> Iterator[Store]:
    store = Store(_text(proxy))
    store.patience = LONG
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def shop(proxy: Proxy, models: Path) -> Iterator[Engine]:
    """Reaches its database through the proxy."""
    with Engine(_text(proxy)) as engine:
        engine.store.patience = LONG
        engine.deploy(models / "order.bpmn")
        yield engine


@pytest.mark.parametrize("lost", ["sent", "answered"])
class TestACommitThatLosesItsConnection:
    def test_starts_one_instance(self, shop: Engine, proxy: Proxy, lost: str) -> None:
        proxy.lose_commit = lost

        instance = shop.start("order", variables={"amount": 5})

        assert [each.id for each in shop.read.instances().items] == [instance.id]
        assert proxy.lost == 1

    def test_ends_a_job_once(self, shop: Engine, proxy: Proxy, lost: str) -> None:
        ran: list[str] = []

        @shop.handler("charge")
        def charge(job) -> None:
            ran.append(job.idempotency_key)
            proxy.lose_commit = lost

        instance = shop.start("order", variables={"amount": 5})
        shop.work()

        assert len(ran) == proxy.lost == 1
        history = shop.read.history(instance.id)
        assert [attempt.outcome for attempt in history.job_attempts] == ["completed"]
        assert [(each.element_id, each.outcome) for each in history.activities][1:] == [
            ("Charge", "completed"),
            ("Approve", None),
        ]


def test_a_transaction_that_loses_its_connection_is_repeated(store: Store, proxy: Proxy) -> None:
    tries: list[int] = []

    def work() -> None:
        with store.writing() as connection:
            tries.append(1)
            connection.execute(data_store.insert(), _value("one"))
            if len(tries) == 1:
                proxy.break_all()

    store.retrying(work)
    assert len(tries) == 2
    assert _keys(store) == ["one"]


def test_a_database_that_refuses_for_a_while_is_waited_for(store: Store, proxy: Proxy) -> None:
    proxy.refuses = True
    proxy.break_all()
    threading.Timer(0.3, setattr, (proxy, "refuses", False)).start()

    with store.writing() as connection:
        connection.execute(data_store.insert(), _value("one"))

    assert _keys(store) == ["one"]


def test_a_connection_that_broke_while_nobody_used_it_is_replaced(
    store: Store, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle, "IDLE", 0.0)
    assert _keys(store) == []
    proxy.break_all()

    assert _keys(store) == []


def test_a_connection_that_broke_in_use_takes_the_others_of_the_pool_with_it(store: Store, proxy: Proxy) -> None:
    with store.reading() as one, store.reading() as other:
        assert one.execute(text("SELECT 1")).scalar() == other.execute(text("SELECT 1")).scalar()
    proxy.break_all()

    with pytest.raises(DatabaseAway, match="Try again"):
        _keys(store)
    assert _keys(store) == []


def test_a_statement_that_fails_among_others_leaves_nothing_of_them(store: Store) -> None:
    def write() -> None:
        with store.writing() as connection:
            rows = [[_value("one")], [_value("two")], [_value("one")], [_value("three")]]
            bulk.send(connection, [bulk.inserts(connection, data_store, each) for each in rows])

    with pytest.raises(DBAPIError, match="duplicate key"):
        write()
    assert _keys(store) == []


@pytest.mark.parametrize("place", range(3))
def test_an_error_names_the_statement_that_has_failed_among_others(store: Store, place: int) -> None:
    statements = [(f"SELECT {number}", ()) for number in range(3)]
    statements[place] = ("SELECT 1 / 0", ())
    with pytest.raises(DBAPIError) as failure, store.writing() as connection, straight.ran(connection, statements):
        pass
    assert failure.value.statement == "SELECT 1 / 0"


def test_a_database_that_stays_away_is_an_error_that_says_so(store: Store, proxy: Proxy) -> None:
    store.patience = 0.2
    proxy.refuses = True
    proxy.break_all()
    with pytest.raises(DatabaseAway, match=r"could not be reached for 0.2 s, nothing has changed: .+ Look whether"):
        store.retrying(lambda: _keys(store))


def test_a_commit_of_which_nothing_can_be_found_out_is_not_repeated(store: Store, proxy: Proxy) -> None:
    store.patience = 0.2
    tries: list[int] = []

    def work() -> None:
        with store.writing() as connection:
            tries.append(1)
            connection.execute(data_store.insert(), _value("one"))
            proxy.refuses, proxy.lose_commit = True, "answered"

    with pytest.raises(OutcomeUnknown, match="before you repeat it"):
        store.retrying(work)
    proxy.refuses = False
    assert (len(tries), _keys(store)) == (1, ["one"])


def test_a_wrong_password_is_not_waited_for(database_url: str) -> None:
    store = Store(str(make_url(database_url).set(database="nowhere")))
    with pytest.raises(Exception, match="does not exist"), store.reading():
        pass
    store.close()


def test_a_url_that_the_server_refuses_for_good_is_told_as_wrong_input(database_url: str) -> None:
    with pytest.raises(InvalidInput, match=r'"nowhere" does not exist\. Correct its URL'):
        Engine(str(make_url(database_url).set(database="nowhere")))
    powerless = make_url(database_url).update_query_dict({"options": "-c role=pg_monitor"})
    with pytest.raises(InvalidInput, match=r"permission denied for .*\. Correct its URL, or the rights there"):
        Engine(powerless.render_as_string(hide_password=False))


@pytest.mark.parametrize("commits", [True, False])
def test_who_asks_for_a_transaction_that_has_not_ended_waits_for_it(store: Store, commits: bool) -> None:
    answers: list[bool] = []
    with store.database.connect() as broken:
        transaction = broken.begin()
        mark = marks.set_mark(broken)

        def ask() -> None:
            with store.database.connect() as connection, connection.begin():
                answers.append(marks.has_committed(connection, mark))

        asking = threading.Thread(target=ask)
        asking.start()
        _wait_for_a_blocked_statement(store)
        assert answers == []
        if commits:
            transaction.commit()
        else:
            transaction.rollback()
        asking.join(LONG)
    assert answers == [commits]


def test_marks_of_connections_that_are_long_gone_are_forgotten(store: Store) -> None:
    with store.writing() as connection:
        connection.execute(text("INSERT INTO commit_mark VALUES ('old', 7, now() - interval '25 hours')"))
    with store.writing() as connection:
        marks.forget_old_marks(connection)
        owners = connection.execute(text("SELECT owner FROM commit_mark")).scalars().all()
    assert len(owners) == 1
    assert "old" not in owners


def test_transactions_that_lock_each_other_out_are_both_done(store: Store) -> None:
    with store.writing() as connection:
        connection.execute(data_store.insert(), [_value("one"), _value("two")])
    meet = threading.Barrier(2)
    tries: list[str] = []

    def work(first: str, second: str) -> None:
        with store.writing() as connection:
            change = data_store.update().values(version=data_store.c.version + 1)
            connection.execute(change.where(data_store.c.key == first))
            tries.append(first)
            if len(tries) <= 2:
                meet.wait(LONG)
            connection.execute(change.where(data_store.c.key == second))

    threads = [
        threading.Thread(target=store.retrying, args=(lambda keys=keys: work(*keys),))
        for keys in (("one", "two"), ("two", "one"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    with store.reading() as connection:
        versions = connection.execute(text("SELECT version FROM data_store")).scalars().all()
    assert (len(tries), list(versions)) == (3, [3, 3])


def test_a_failed_serialisation_is_tried_again(store: Store) -> None:
    tries: list[int] = []

    def work() -> None:
        with store.writing() as connection:
            tries.append(1)
            if len(tries) < 3:
                connection.execute(text("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$"))

    store.retrying(work)
    assert len(tries) == 3


def test_a_statement_that_takes_too_long_is_stopped(database_url: str) -> None:
    url = make_url(database_url).update_query_dict({"options": "-c statement_timeout=20ms"})
    store = Store(url.render_as_string(hide_password=False))
    with pytest.raises(TooSlow, match="nothing has changed"), store.writing(is_marked=False) as connection:
        connection.execute(text("SELECT pg_sleep(60)"))
    store.close()


def test_statements_and_waits_have_limits_unless_the_url_says_otherwise(store: Store) -> None:
    with store.reading() as connection:
        limits = [
            connection.execute(text(f"SHOW {name}")).scalar()
            for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        ]
    assert limits == ["1min", "20s", "2min"]


def _wait_for_a_blocked_statement(store: Store) -> None:
    query = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with store.database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not connection.execute(query).scalar():
            threading.Event().wait(0.005)


def _keys(store: Store) -> list[str]:
    with store.reading() as connection:
        return list(connection.execute(text("SELECT key FROM data_store")).scalars())


def _value(key: str) -> dict[str, object]:
    return {"key": key, "version": 1, "value": "1", "changed_at": "2026-01-01T00:00:00Z", "changed_by": "test"}


def _text(proxy: Proxy) -> str:
    return proxy.url.render_as_string(hide_password=False)
