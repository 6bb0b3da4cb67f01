"""Retention: a cleanup that is killed in the middle, again and again, and then done to its end, takes what is due as a
whole, and touches nothing else."""

from __future__ import annotations

import hashlib
import os
import random
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import company
from checker import Tables
from children import Child

DAYS = 3
"""By how many the clock of the cleanup is ahead of all others."""
KILLS = 5
OF_INSTANCES = (
    "activity",
    "flow_taken",
    "variable_change",
    "variable",
    "job_attempt",
    "log",
    "agent_step",
    "user_task",
    "incident",
)

Kept = Mapping[str, Mapping[str, str]]
"""A digest of the rows of each table, by instance."""


def cleaned(url: str, folder: Path, seed: int, kills: int = KILLS) -> tuple[list[str], int]:
    """What is wrong afterwards, and how many instances were removed."""
    with Tables(url) as tables:
        before, due, definitions = kept(tables), _due(tables), _definitions(tables)
    dice = random.Random(f"{seed} cleanup")
    (folder / "clock-cleaner").write_text(str((DAYS + 1) * 24 * 3600))
    for _ in range(kills):
        cleaner = Child("cleaner", lambda comes_up: _clean(url, folder, comes_up))
        cleaner.start()
        cleaner.await_up(180)
        time.sleep(dice.uniform(0, 0.1))
        cleaner.kill()
    cleaner = Child("cleaner", lambda comes_up: _clean(url, folder, comes_up))
    cleaner.start()
    while (status := cleaner.ended()) is None:
        time.sleep(0.05)
    found = [] if status == 0 else [f"the cleanup ended with status {status}"]
    with Tables(url) as tables:
        found += wrongly_kept(before, kept(tables), due)
        found += _misrecorded(tables, Counter(definitions[instance] for instance in due))
    return found, len(due)


def kept(tables: Tables) -> Kept:
    rows: dict[str, dict[str, list[str]]] = {}
    for table in ("process_instance", *OF_INSTANCES):
        for row in tables.rows(f"select * from {table}"):
            instance = row.id if table == "process_instance" else row.instance_id
            rows.setdefault(instance, {}).setdefault(table, []).append(repr(tuple(row)))
    return {
        instance: {table: _digest(sorted(lines)) for table, lines in each.items()} for instance, each in rows.items()
    }


def wrongly_kept(before: Kept, after: Kept, due: set[str]) -> Iterator[str]:
    """What is due is gone from all tables, and all else is as it was, row by row."""
    for instance in sorted({*before, *after}):
        if instance in due:
            if instance in after:
                yield f"{instance} was to be removed, and is still in {sorted(after[instance])}"
        elif instance not in after:
            yield f"{instance} was removed, and was to be kept"
        elif before.get(instance) != after[instance]:
            tables = {*before.get(instance, {}), *after[instance]}
            changed = [each for each in tables if before.get(instance, {}).get(each) != after[instance].get(each)]
            yield f"{instance} was to be kept, and its rows have changed in {sorted(changed)}"


def _clean(url: str, folder: Path, comes_up: int) -> int:
    os.chdir(folder)
    engine = company.open_engine(url, company.OffsetClock(folder / "clock-cleaner"))
    os.write(comes_up, b"!")
    engine.cleanup(by="cleaner")
    engine.close()
    return 0


def _due(tables: Tables) -> set[str]:
    """The ended instances whose diagram lets them go within the days, with all that they called."""
    days = {
        row.id: re.search(rb'historyTimeToLive="P?(\d+)D?"', _tag(bytes(row.data), row.key))
        for row in tables.definitions()
    }
    roots = {
        row.id
        for row in tables.rows("select id, definition_id from process_instance where parent_id is null")
        if (said := days[row.definition_id]) is not None and int(said[1]) <= DAYS
    }
    called = tables.rows("select id, parent_id from process_instance where parent_id is not null order by depth")
    for row in called:
        roots |= {row.id} if row.parent_id in roots else set()
    return roots


def _tag(data: bytes, key: str) -> bytes:
    """Of the process, as it is written."""
    found = re.search(rb'<(?:\w+:)?process\b[^>]*\bid="' + re.escape(key.encode()) + rb'"[^>]*>', data)
    return found[0] if found is not None else b""


def _definitions(tables: Tables) -> Mapping[str, str]:
    """By which an instance is counted: that of the one which nobody called; None where it was called."""
    return {row.id: row.definition_id for row in tables.rows("select id, definition_id from process_instance")}


def _misrecorded(tables: Tables, gone: Counter[str]) -> Iterator[str]:
    """The record of the cleanups, those that were killed included, counts what is gone."""
    query = "select definition_id, sum(instances) as roots, sum(called_instances) as called from cleanup group by 1"
    said = {row.definition_id: int(row.roots) + int(row.called) for row in tables.rows(query)}
    if sum(said.values()) != gone.total():
        yield f"{gone.total()} instances are gone, and the record of the cleanups has {said}"


def _digest(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
