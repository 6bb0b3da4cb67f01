"""An engine whose process dies in a commit: before it, or after it and before anybody hears of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from engine.engine import Engine


class Crash(BaseException):
    """The process is gone, as the engine sees it."""


class Death:
    """*commit*: which one from now on, 1-based, less for none; *is_after*: it has happened. From then on nothing is
    committed. *commits*: how many there were."""

    def __init__(self, commit: int = 0, *, is_after: bool = False) -> None:
        self._commit = commit
        self._is_after = is_after
        self.has_come = False
        self.commits = 0

    def come(self) -> None:
        self.has_come = True
        raise Crash

    @contextmanager
    def waiting_for(self, engine: Engine) -> Iterator[None]:
        """What the engine does in here ends with this death, if it comes so far."""
        dialect: Any = engine.store.database.dialect
        commit = dialect.do_commit

        def do_commit(connection: Any) -> None:
            if self.has_come:
                raise Crash
            self.commits += 1
            if self.commits == self._commit and not self._is_after:
                self.come()
            commit(connection)
            if self.commits == self._commit:
                self.come()

        dialect.do_commit = do_commit
        try:
            yield
        except Crash:
            pass
        except Exception:  # of one who tidies up: nobody is there to hear it
            if not self.has_come:
                raise
        finally:
            dialect.do_commit = commit
