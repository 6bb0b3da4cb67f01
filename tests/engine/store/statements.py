"""What the engine asks of its database, through SQLAlchemy and past it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from engine.engine import Engine
from engine.store import straight


def sent(engine: Engine, work: Callable[[], object]) -> list[tuple[str, Any]]:
    """The statements of *work*, in order, with what they were given: of many rows the first."""
    asked: list[tuple[str, Any]] = []
    ran = straight.ran

    def note(connection: Any, cursor: Any, statement: str, given: Any, context: Any, many: bool) -> None:
        asked.append((statement, given[0] if many else given))

    @contextmanager
    def noting(connection: Any, statements: Any, *, many: bool = False) -> Any:
        asked.extend((text, tuple(given[0]) if many else given) for text, given in statements)
        with ran(connection, statements, many=many) as cursors:
            yield cursors

    event.listen(engine.store.database, "before_cursor_execute", note)
    straight.ran = noting
    try:
        work()
    finally:
        straight.ran = ran
        event.remove(engine.store.database, "before_cursor_execute", note)
    return asked
