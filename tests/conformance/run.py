"""`make conformance`: runs the material of other people, writes docs/conformance.md and docs/conformance.json.

    python -m tests.conformance.run [--accept] [GROUP ...]

Ends with status 1 when the material is absent, a bar is missed, or a case fails that passed before. In the last case
nothing is written, unless --accept says that it is meant.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.conformance.groups import GROUPS
from tests.conformance.material import ABSENT, FOLDER, Group, Outcome
from tests.conformance.page import is_met, page
from tests.conformance.results import DOCS, FILE, Result, keep, kept, result_of

PAGE = "conformance.md"
_MOST_TOLD = 25  # of each group


def main(arguments: Sequence[str]) -> int:
    wanted = [argument for argument in arguments if not argument.startswith("--")]
    groups = [group for group in GROUPS if not wanted or group.name in wanted]
    if not FOLDER.is_dir():
        print(f"{ABSENT} Nothing was run.", file=sys.stderr)
        return 1
    if len(groups) < len(wanted):
        print(f"No such group. There are: {', '.join(group.name for group in GROUPS)}.", file=sys.stderr)
        return 1
    return run(groups, DOCS, accept="--accept" in arguments)


def run(groups: Sequence[Group], folder: Path, *, accept: bool) -> int:
    """Runs *groups* and writes the results into *folder*; the status to end with."""
    before = kept(folder)
    found = {group.name: _run(group) for group in groups}
    lost = _tell_changes(before, found)
    if lost and not accept:
        print(f"{lost} cases fail that passed before. Nothing is written; ARGS=--accept writes it nevertheless.")
        return 1
    known = before | found
    results = {group.name: known[group.name] for group in GROUPS if group.name in known}
    keep(results, folder)
    (folder / PAGE).write_text(page(results), encoding="utf-8")
    print(f"Written: {folder.name}/{PAGE}, {folder.name}/{FILE}")
    missed = [group.name for group in groups if not is_met(group, found[group.name])]
    if missed:
        print(f"Below the bar: {', '.join(missed)}.")
    return 1 if missed else 0


def _run(group: Group) -> Result:
    started = time.monotonic()
    outcomes: list[Outcome] = []
    for outcome in group.run():
        outcomes.append(outcome)
        if sys.stderr.isatty():
            print(f"\r{group.name} {len(outcomes)}", end="", file=sys.stderr, flush=True)
    result = result_of(outcomes)
    seconds = time.monotonic() - started
    start = "\r" if sys.stderr.isatty() else ""
    print(
        f"{start}{group.name}: {result.passed} of {result.total} ({result.share:.1%}), {seconds:.0f} s", file=sys.stderr
    )
    return result


def _tell_changes(before: Mapping[str, Result], found: Mapping[str, Result]) -> int:
    """How many cases fail that passed before."""
    lost = 0
    for name, result in found.items():
        if name not in before:
            continue
        losses = [f"lost: {name}: {case}: {why}" for case, why in result.lost_since(before[name]).items()]
        lost += len(losses)
        _print_some(losses)
        _print_some([f"won: {name}: {case}" for case in result.won_since(before[name])])
        if result.total != before[name].total:
            print(f"{name} has {result.total} cases now; it had {before[name].total}.")
    return lost


def _print_some(lines: Sequence[str]) -> None:
    for line in lines[:_MOST_TOLD]:
        print(line)
    if len(lines) > _MOST_TOLD:
        print(f"... and {len(lines) - _MOST_TOLD} more.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
