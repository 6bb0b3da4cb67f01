"""What the engine logs, as one line a change on the standard error."""

from __future__ import annotations

import logging
import sys

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def quiet() -> None:
    """Commands that end soon say what happened themselves."""
    logging.getLogger("engine").addHandler(logging.NullHandler())
    logging.getLogger("engine").propagate = False


def to_stderr(level: int = logging.INFO) -> None:
    """For what goes on for long: 'fermata up', 'fermata work --forever'."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level)
    logging.getLogger("engine").propagate = True


class _Line(logging.Formatter):
    """The message, then its fields as name=value."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        return " ".join([super().format(record), *(f"{name}={value}" for name, value in fields.items())])
