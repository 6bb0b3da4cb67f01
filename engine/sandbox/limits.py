"""How much a script may take, and how it says that it could not run."""

from __future__ import annotations

from dataclasses import dataclass


class ScriptError(Exception):
    """A script that cannot run, failed, or broke a limit. *line*: 1-based in the script, if known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(f"{message} (line {line} of the script)" if line is not None else message)
        self.message = message
        self.line = line


class UnknownName(ScriptError):
    """Names a variable that there is not."""


@dataclass(frozen=True, slots=True)
class Limits:
    """*seconds* of computing, *memory* and *output* in bytes."""

    seconds: float = 2.0
    memory: int = 128 * 1024 * 1024
    output: int = 64 * 1024


DEFAULT_LIMITS = Limits()
LONGEST_SCRIPT = 200_000  # characters
