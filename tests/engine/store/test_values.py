"""Large values: kept once, fetched together."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import Connection, event

from engine.engine import Engine
from engine.store.codec import reference
from engine.store.transaction import Store
from engine.store.values import LARGE, LazyValues, ValueReader, ValueWriter
from tests.engine.store.statements import sent

LONG = 120


@pytest.fixture
def store(database_url: str):
    store = Store(database_url)
    store.migrate()
    yield store
    store.close()


def test_small_values_stay_where_they_are_and_large_ones_do_not(store: Store) -> None:
    with store.writing() as connection:
        writer = ValueWriter(connection)
        small, large = writer.cell("x" * 100, "small"), writer.cell("x" * LARGE, "large")
        writer.flush()
        assert (len(small), len(large)) == (102, len(reference("x" * 64)))
        assert ValueReader(connection).value(large) == "x" * LARGE


def test_a_large_entry_of_a_mapping_is_kept_apart(store: Store) -> None:
    values = {"a": 1, "document": "x" * LARGE, "~": "the tag's own key"}
    with store.writing() as connection:
        writer = ValueWriter(connection)
        texts = [writer.mapping(values), writer.mapping({"document": "x" * LARGE})]
        writer.flush()
        reader = ValueReader(connection)
        assert [reader.mapping(text) for text in texts] == [values, {"document": "x" * LARGE}]


def test_the_same_value_written_by_two_at_once_is_no_conflict(store: Store) -> None:
    """The second one begins before the first has committed."""
    has_begun = Event()

    def write(owner: str) -> str:
        has_begun.set()
        with store.writing() as connection:
            return write_in(connection, owner)

    def write_in(connection: Connection, owner: str) -> str:
        writer = ValueWriter(connection)
        cell = writer.cell("x" * LARGE, owner)
        writer.flush()
        return cell

    with ThreadPoolExecutor(1) as other:
        with store.writing() as connection:
            first = write_in(connection, "a")
            second = other.submit(write, "b")
            assert has_begun.wait(LONG)
        assert second.result(LONG) == first
    with store.reading() as connection:
        assert ValueReader(connection).value(first) == "x" * LARGE


def test_large_values_are_fetched_together(store: Store) -> None:
    with store.writing() as connection:
        writer = ValueWriter(connection)
        texts = {n: writer.cell(str(n) * LARGE, "x") for n in range(20)}
        writer.flush()
    queries: list[str] = []
    event.listen(store.database, "before_cursor_execute", lambda *given: queries.append(given[2]))
    with store.reading() as connection:
        assert dict(LazyValues(texts, ValueReader(connection)))[7] == "7" * LARGE
    assert sum("SELECT" in query for query in queries) == 1


def test_the_steps_of_an_instance_do_not_grow_in_statements(engine: Engine, models: Path) -> None:
    engine.deploy(models / "parallel.bpmn")
    instance = engine.start("parallel", variables={f"v{n}": str(n) * 5000 for n in range(10)})
    counts = [len(sent(engine, lambda n=n: engine.set_variables(instance.id, {"turn": n}))) for n in range(4)]
    assert max(counts[1:]) <= counts[0]
    assert counts[-1] < 15
