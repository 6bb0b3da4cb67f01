"""Commits that several threads share: all durable at once, and what is refused leaves nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from engine.store.faults import OutcomeUnknown
from engine.store.sharing import SharedCommits
from engine.store.transaction import Store

LONG = 120


class Notes:
    """A table of notes, written by many threads that are let go together while the first holds the turn."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.transactions = 0
        self.fails_at: set[int] = set()
        self.is_unknown_at: set[int] = set()
        self.shared = SharedCommits(self.writing)
        with store.writing(is_marked=False) as connection:
            connection.execute(text("CREATE TABLE note (name TEXT PRIMARY KEY)"))

    @contextmanager
    def writing(self) -> Any:
        self.transactions += 1
        number = self.transactions
        with self.store.writing(is_marked=False) as connection:
            yield connection
            if number in self.fails_at:
                raise OSError("disk full")
        if number in self.is_unknown_at:
            raise OutcomeUnknown

    def write(self, name: str, problem: Exception | None = None) -> str:
        def work(connection: Any) -> str:
            connection.execute(text("INSERT INTO note VALUES (:name)"), {"name": name})
            if problem is not None:
                raise problem
            return name

        return self.shared.run(work)

    def behind_one(self, jobs: list[Callable[[], Any]]) -> list[Any]:
        """The outcomes of *jobs*, all of which wait while another transaction is open."""
        inside, go_on = threading.Event(), threading.Event()

        def hold(connection: Any) -> None:
            inside.set()
            assert go_on.wait(LONG)

        with ThreadPoolExecutor(len(jobs) + 1) as pool:
            first = pool.submit(self.shared.run, hold)
            assert inside.wait(LONG)
            futures = [pool.submit(job) for job in jobs]
            while len(self.shared._waiting) < len(jobs):
                threading.Event().wait(0.001)
            go_on.set()
            first.result()
            return [future.exception() or future.result() for future in futures]

    @property
    def names(self) -> list[str]:
        with self.store.reading() as connection:
            return list(connection.execute(text("SELECT name FROM note ORDER BY name")).scalars())


@pytest.fixture
def notes(tmp_path: Path) -> Any:
    store = Store(f"sqlite:///{tmp_path / 'notes.db'}")
    yield Notes(store)
    store.close()


def test_those_that_wait_share_one_commit(notes: Notes) -> None:
    outcomes = notes.behind_one([lambda name=name: notes.write(name) for name in "abcdef"])
    assert outcomes == list("abcdef")
    assert notes.names == list("abcdef")
    assert notes.transactions == 2


def test_what_is_refused_leaves_nothing_and_takes_nobody_with_it(notes: Notes) -> None:
    refusal = ValueError("not like this")
    outcomes = notes.behind_one([lambda: notes.write("a"), lambda: notes.write("b", refusal), lambda: notes.write("c")])
    assert outcomes == ["a", refusal, "c"]
    assert notes.names == ["a", "c"]


def test_when_the_shared_commit_fails_each_is_tried_alone(notes: Notes) -> None:
    notes.fails_at = {2, 4}
    outcomes = notes.behind_one([lambda name=name: notes.write(name) for name in "abc"])
    assert [str(each) for each in outcomes if isinstance(each, OSError)] == ["disk full"]
    assert notes.names == [each for each in outcomes if isinstance(each, str)]
    assert (len(notes.names), notes.transactions) == (2, 5)


def test_a_shared_commit_of_which_nobody_knows_is_not_tried_again(notes: Notes) -> None:
    notes.is_unknown_at = {2}
    outcomes = notes.behind_one([lambda name=name: notes.write(name) for name in "abc"])
    assert [type(each) for each in outcomes] == [OutcomeUnknown] * 3
    assert (notes.names, notes.transactions) == (["a", "b", "c"], 2)


def test_one_alone_needs_no_savepoint_and_its_error_is_its_own(notes: Notes) -> None:
    with pytest.raises(ValueError, match="not like this"):
        notes.write("a", ValueError("not like this"))
    assert notes.write("b") == "b"
    assert notes.names == ["b"]
