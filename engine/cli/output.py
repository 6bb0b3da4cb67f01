"""What commands print: tables for people, JSON for programs, findings like a compiler."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, cast

from bpmn.model import Finding, Severity

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from engine.model import Page

_COLOURS = {
    "running": "green",
    "completed": "blue",
    "suspended": "yellow",
    "terminated": "magenta",
    "cancelled": "magenta",
    "failed": "red",
    "passed": "green",
    "error": "red",
    "warning": "yellow",
    "info": "cyan",
    "honoured": "green",
    "not honoured": "yellow",
    "refused": "red",
}


def console(*, to_stderr: bool = False) -> Console:
    """Colour and the terminal's width where there is a terminal; plain and unwrapped elsewhere."""
    from rich.console import Console

    stream = sys.stderr if to_stderr else sys.stdout
    is_terminal = stream.isatty()
    return Console(file=stream, width=None if is_terminal else 10_000, highlight=False, soft_wrap=not is_terminal)


def say(message: str) -> None:
    """One line for a person, coloured where *message* has rich's markup."""
    console().print(message)


def error(message: str) -> None:
    from rich.markup import escape

    console(to_stderr=True).print(f"[red]fermata:[/red] {escape(message)}")


def warn(message: str) -> None:
    from rich.markup import escape

    console(to_stderr=True).print(f"[yellow]fermata:[/yellow] {escape(message)}")


def as_json(value: Any) -> None:
    """Prints *value*, records included, as indented JSON."""
    print(json.dumps(plain(value), indent=2, ensure_ascii=False))


def plain(value: Any) -> Any:
    """*value* in JSON's own types; dates and durations as ISO 8601, decimals as numbers where exact."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(entry) for entry in cast("Iterable[Any]", value)]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str = "Nothing to show.") -> None:
    """One line a row; states coloured. *empty* is what to say, and do, when there are no rows."""
    from rich import box
    from rich.table import Table

    listed = list(rows)
    if not listed:
        return say(empty)
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in listed:
        drawn.add_row(*(_cell(value) for value in row))
    console().print(drawn)
    return None


def rest_of(page: Page[Any], offset: int) -> None:
    """Says that there are more than the *page*, which began at *offset*, has."""
    if page.has_more_than_total or page.total > offset + len(page):
        more = "More than " if page.has_more_than_total else ""
        say(f"[dim]{more}{page.total} in all; --limit and --offset show the others.[/dim]")


def _cell(value: Any) -> str:
    from rich.markup import escape

    text = moment(value) if isinstance(value, datetime) else "" if value is None else str(value)
    colour = _COLOURS.get(text)
    return f"[{colour}]{text}[/{colour}]" if colour else escape(text)


def moment(value: datetime) -> str:
    """A time as people read it, in the zone of this machine."""
    return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def shown(value: Any) -> str:
    """A variable's value on one line."""
    text = value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False)
    return text if len(text) <= 200 else text[:197] + "..."


def findings(found: Iterable[Finding]) -> None:
    """Prints findings as a compiler would, on the standard output."""
    from rich.markup import escape

    printer = console()
    for finding in found:
        colour = _COLOURS[Severity(finding.severity).value]
        at = f" (element '{finding.element_id}')" if finding.element_id else ""
        printer.print(
            f"[bold]{escape(finding.file)}:{finding.line}:[/bold] [{colour}]{finding.severity}:[/{colour}] "
            f"{escape(finding.message)}{escape(at)} [dim]\\[{finding.rule}][/dim]"
        )


@contextmanager
def progress(title: str, total: int, *, is_shown: bool = True) -> Generator[_Advance]:
    """A bar on a terminal, nothing elsewhere; one that only moves where there is one thing to do.

    Call what it yields once for each thing done.
    """
    if not is_shown or not sys.stderr.isatty():
        yield _Advance(None, None)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    counted = (MofNCompleteColumn(), TimeRemainingColumn()) if total > 1 else ()
    columns = (TextColumn("{task.description}"), BarColumn(), *counted)
    with Progress(*columns, console=console(to_stderr=True), transient=True) as bar:
        yield _Advance(bar, bar.add_task(title, total=total if total > 1 else None))


class _Advance:
    def __init__(self, bar: Progress | None, task: Any) -> None:
        self._bar = bar
        self._task = task

    def __call__(self) -> None:
        if self._bar is not None:
            self._bar.advance(self._task)
