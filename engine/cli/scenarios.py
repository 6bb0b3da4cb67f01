"""`fermata test`: runs scenario files."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli import output

if TYPE_CHECKING:
    from engine.testing.runner import Result

FAILED = 1
WRONG_FILE = 2


def run_scenarios(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...", help="Scenario files, or folders to search for *.scenario.yaml. Default: here."
        ),
    ] = None,
    choice: Annotated[
        str, typer.Option("-k", metavar="EXPRESSION", help="Only names that match: 'large and not late'.")
    ] = "",
    stop_at_first: Annotated[bool, typer.Option("-x", help="Stop at the first that does not pass.")] = False,
    workers: Annotated[
        str, typer.Option("-n", metavar="NUMBER", help="Processes to run in; 'auto': one per core.")
    ] = "1",
    save_restore: Annotated[
        bool,
        typer.Option(
            "--save-restore/--no-save-restore", help="Load the instance afresh from the store for each transition."
        ),
    ] = False,
    coverage: Annotated[
        str | None,
        typer.Option("--coverage", metavar="html[:FOLDER]|text", help="Show which elements and flows were taken."),
    ] = None,
    fail_under: Annotated[
        float | None, typer.Option("--coverage-fail-under", min=0, max=100, metavar="PERCENT", help="Fail below this.")
    ] = None,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write one JSON object a scenario; '-' for the output."),
    ] = None,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="A line for every scenario.")] = False,
) -> None:
    """Run scenario files: how processes must behave.

    Exit code 1 when a scenario does not pass, 2 when a file is wrong.
    """
    from engine.testing.runner import plan_runs, run_all

    report_folder = _report_folder(coverage)
    number = _number_of_workers(workers)
    files = _files(paths or [Path()])
    tasks, results = plan_runs(files, save_restore=save_restore, is_chosen=_choice(choice))
    if not tasks and not results:
        raise typer.BadParameter("no scenario was found or chosen.", param_hint="PATH")
    is_quiet = str(json_file) == "-"
    with output.progress("Scenarios", len(tasks), is_shown=not is_quiet) as advance:
        if not (stop_at_first and results):
            for result in run_all(tasks, workers=number, stop_at_first=stop_at_first):
                results.append(result)
                advance()
                if verbose and not is_quiet:
                    output.say(_line(result))
    results.sort(key=lambda result: (result.file, result.line))
    if json_file is not None:
        _write_json(json_file, results)
    if not is_quiet:
        _report(results, len(tasks))
    is_covered = _coverage(files, results, report_folder, coverage, fail_under, is_quiet=is_quiet)
    raise typer.Exit(_exit_code(results, is_covered=is_covered))


def _exit_code(results: Sequence[Result], *, is_covered: bool) -> int:
    if any(result.is_wrong_file for result in results):
        return WRONG_FILE
    return 0 if is_covered and all(result.outcome == "passed" for result in results) else FAILED


def _files(paths: Sequence[Path]) -> list[Path]:
    from engine.testing.reader import find_scenario_files

    try:
        return find_scenario_files(paths)
    except FileNotFoundError as problem:
        raise typer.BadParameter(str(problem), param_hint="PATH") from problem


def _choice(expression: str):  # type: ignore[no-untyped-def]
    from engine.testing.choosing import ChoiceError, read_choice

    try:
        return read_choice(expression)
    except ChoiceError as problem:
        raise typer.BadParameter(str(problem), param_hint="-k") from problem


def _number_of_workers(text: str) -> int:
    if text == "auto":
        return os.cpu_count() or 1
    if not text.isdigit():
        raise typer.BadParameter(f"'{text}' is no number of processes. Write a number or auto.", param_hint="-n")
    return max(1, int(text))


def _report(results: Sequence[Result], planned: int) -> None:
    from rich.markup import escape

    for result in results:
        if result.outcome == "passed":
            continue
        if result.is_wrong_file:
            output.say(f"[red]{escape(result.message)}[/red]\n")
            continue
        output.say(_line(result))
        output.say(f"  at {escape(result.step or '?')}")
        for line in result.message.splitlines():
            output.say(f"    {escape(line)}")
        for line in result.where():
            output.say(f"  {escape(line)}")
        output.say("")
    counts = {kind: sum(result.outcome == kind for result in results) for kind in ("passed", "failed", "error")}
    left_out = planned + sum(result.is_wrong_file for result in results) - len(results)
    parts = [f"{number} {kind}" for kind, number in counts.items() if number]
    colour = "red" if counts["failed"] or counts["error"] else "green"
    output.say(f"[{colour}]{', '.join(parts)}{f', {left_out} not run' if left_out > 0 else ''}[/{colour}]")


def _line(result: Result) -> str:
    from rich.markup import escape

    colour = {"passed": "green", "failed": "red", "error": "red"}[result.outcome]
    return f"[{colour}]{result.outcome.upper()}[/{colour}] {escape(f'{result.file}:{result.line}: {result.name}')}"


def _write_json(file: Path, results: Sequence[Result]) -> None:
    """A JSON array, one object a line; a .jsonl or .ndjson file gets the bare lines."""
    lines = [json.dumps(result.as_json(), ensure_ascii=False) for result in results]
    text = "\n".join(lines) if file.suffix in (".jsonl", ".ndjson") else "[\n" + ",\n".join(lines) + "\n]"
    if str(file) == "-":
        print(text)
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n", encoding="utf-8")
    except OSError as problem:
        raise typer.BadParameter(f"{file} cannot be written: {problem.strerror}.", param_hint="--json") from problem


def _report_folder(coverage: str | None) -> Path | None:
    kind, _, folder = (coverage or "").partition(":")
    if kind not in ("", "text", "html"):
        raise typer.BadParameter(
            f"'{coverage}' is no report. Write html, html:FOLDER or text.", param_hint="--coverage"
        )
    return Path(folder or "coverage-html") if kind == "html" else None


def _coverage(
    files: Sequence[Path],
    results: Sequence[Result],
    folder: Path | None,
    wanted: str | None,
    fail_under: float | None,
    *,
    is_quiet: bool,
) -> bool:
    """Writes and prints what was asked for; False when the share is below *fail_under*."""
    if wanted is None and fail_under is None:
        return True
    from engine.testing.coverage import measure, write_html

    found = measure(files, results)
    if not is_quiet:
        rows = [(each.file, each.process, each.share_text, ", ".join(each.missed_elements)) for each in found.processes]
        output.table(("model", "process", "covered", "elements not taken"), rows)
    if folder is not None:
        output.say(f"Coverage written to {write_html(found, folder)}") if not is_quiet else write_html(found, folder)
    if fail_under is not None and found.percent < fail_under:
        output.error(f"The scenarios cover {found.percent:.1f} %, less than {fail_under:g} %.")
        return False
    return True
