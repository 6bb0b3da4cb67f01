"""What is asked of the database for scrapes and probes, which give up after a time of their own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock, Thread
from typing import TYPE_CHECKING, Generic, TypeVar

from engine.errors import DatabaseAway

if TYPE_CHECKING:
    from engine.store.transaction import Store
    from engine.store.types import Connection

PATIENCE = 1.0
"""Seconds for which a database that refuses connections is tried."""
LONGEST = 8.0
"""Seconds for which an answer is waited for, whatever keeps the database from it: Prometheus gives up after ten."""

Answer = TypeVar("Answer")


class Question(Generic[Answer]):
    """Asked in a thread of its own, which is left behind if it hangs, and once at a time: whoever comes meanwhile waits
    for the same answer."""

    def __init__(self, store: Store, ask: Callable[[Connection], Answer], longest: float = LONGEST) -> None:
        self._store = store
        self._ask = ask
        self._longest = longest
        self._lock = Lock()
        self._asked: Future[Answer] | None = None

    def answer(self) -> Answer:
        """Raises DatabaseError, as *ask* does."""
        with self._lock:
            if self._asked is None or self._asked.done():
                self._asked = Future()
                Thread(target=self._find, args=(self._asked,), name="fermata question", daemon=True).start()
            asked = self._asked
        try:
            return asked.result(self._longest)
        except TimeoutError:
            raise DatabaseAway(f"The database has not answered for {self._longest:g} s.") from None

    def _find(self, asked: Future[Answer]) -> None:
        try:
            with self._store.reading(patience=PATIENCE) as connection:
                answer = self._ask(connection)
        except BaseException as problem:
            asked.set_exception(problem)
        else:
            asked.set_result(answer)
