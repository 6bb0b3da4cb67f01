"""The material that other people wrote, beside the repository, and what becomes of one case of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "conformance"
ABSENT = "The conformance material is not beside the repository (../shared/conformance)."


@dataclass(frozen=True, slots=True)
class Outcome:
    """*why*: in a line, what was expected and what came; empty when the case passes."""

    case: str
    why: str = ""

    @property
    def passed(self) -> bool:
        return not self.why


@dataclass(frozen=True, slots=True)
class Group:
    """Cases that are counted together. *run* yields their outcomes one after the other, in a fixed order.

    *bar*: the share of its cases that has to pass, if any; *source*: who wrote it.
    """

    name: str
    title: str
    source: str
    bar: float | None
    run: Callable[[], Iterator[Outcome]]


def outcome(case: str, judge: Callable[[], str]) -> Outcome:
    """Of a case whose failure *judge* tells; an exception that nobody caught fails it, too."""
    try:
        return Outcome(case, line(judge()))
    except Exception as problem:
        return Outcome(case, line(f"traceback: {type(problem).__name__}: {problem}"))


def line(text: str, longest: int = 240) -> str:
    """*text* on one line, cut where it gets too long for a table."""
    flat = " ".join(text.split())
    return flat if len(flat) <= longest else f"{flat[: longest - 1]}…"
