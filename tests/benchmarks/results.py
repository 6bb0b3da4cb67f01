"""What a group of benchmarks hands to the page: a section, and the bars that it is held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """*is_met*: whether *found* is on the right side of *wanted*."""

    what: str
    wanted: str
    found: str
    is_met: bool


@dataclass(frozen=True, slots=True)
class Section:
    """*text*: Markdown below the title."""

    title: str
    text: str
    bars: Sequence[Bar] = ()


def at_least(what: str, found: float, wanted: float, unit: str = "") -> Bar:
    return Bar(what, f"at least {_figure(wanted)}{unit}", f"{_figure(found)}{unit}", found >= wanted)


def at_most(what: str, found: float, wanted: float, unit: str = "x") -> Bar:
    return Bar(what, f"at most {_figure(wanted)}{unit}", f"{found:.2f}{unit}", found <= wanted)


def _figure(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.2f}".rstrip("0").rstrip(".")
