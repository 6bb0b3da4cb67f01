"""Holds what is in the database against what the handlers' own log says: nothing lost, nothing twice, in order.

It reads the tables by itself and knows nothing of how the engine wrote them.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from load import CALLS, CLOCKS, EXCUSED
from promises import broken, told
from records import inconsistent
from sqlalchemy import create_engine, text
from tokens import not_conserved
from visits import cancelled, ill

from bpmn.model import Process
from bpmn.reader import read_bpmn

SAVED_LATER = ("stamp", "seal", "file", "report")
"""Types of handlers without a save point: what they were called for may not be on record when a process dies."""
BEFORE: Mapping[str, Sequence[str]] = {
    "Collect": [],
    "Stamp": ["Collect"],
    "Seal": ["Collect", "Stamp"],
    "File": ["Collect", "Stamp", "Seal"],
    "Report": ["Collect", "Stamp", "Seal", "File"],
    "One": [],
    "Two": ["One"],
    "Three": ["One", "Two"],
    "Four": ["One", "Two", "Three"],
}
"""The tasks of errands.bpmn whose handlers leave a trail, each with those that must have left theirs before."""
LETTERS: Mapping[str, Sequence[str]] = {"Read": [], "Reread": ["Read"], "Report": ["Read", "Reread"]}

Call = dict[str, Any]


def problems(url: str, folder: Path, deaths: list[dict[str, Any]]) -> list[str]:
    """Everything that is not as it must be, in sentences. *deaths*: when lives were ended, with the size of the log
    and the agent steps saved by then."""
    log = (folder / CALLS).read_bytes()
    lines = [json.loads(line) for line in log.splitlines()]
    calls = [line for line in lines if "job" in line]
    clocks = json.loads((folder / CLOCKS).read_text())
    with Tables(url, clocks["most"] - clocks["least"]) as tables:
        return [
            *(f"a bug: {line['bug']}" for line in lines if "bug" in line),
            *_lost_or_stuck(tables, lines),
            *_left(tables),
            *_incidents(tables),
            *not_conserved(tables),
            *inconsistent(tables, folder, lines),
            *_gaps_in_the_log(tables),
            *_calls_without_attempt(tables, calls),
            *_done_without_call(tables, calls),
            *_keys(calls),
            *_trails(calls),
            *broken(tables, lines),
            *ill(tables, lines),
            *_steps_asked_again(log, deaths),
            *_effects_twice(folder),
        ]


def figures(url: str, folder: Path) -> dict[str, int]:
    """How much there was to check."""
    lines = [json.loads(line) for line in (folder / CALLS).read_bytes().splitlines()]
    calls = Counter(line["job"] for line in lines if "job" in line)
    with Tables(url) as tables:
        known = {row.id for row in tables.rows("select id from process_instance")}
        orphans = {line["instance"] for line in lines if "job" in line and line["instance"] not in known}
        return {
            "instances": len(known),
            "activities": tables.count("activity"),
            "handler calls": sum(calls.values()),
            "of them repeated with the same key": sum(calls.values()) - len(calls),
            "starts in memory that a death undid": len(orphans),
            "attempts whose worker was lost": tables.count("job_attempt where outcome = 'lost'"),
            "agent steps": sum("step" in line for line in lines),
            **told(lines),
        }


class Tables:
    """*spread*: by how many seconds the clocks of two processes may have differed."""

    def __init__(self, url: str, spread: float = 0) -> None:
        self.spread = spread
        self._database = create_engine(url)
        self._connection = self._database.connect()

    def rows(self, query: str) -> Sequence[Any]:
        return self._connection.execute(text(query)).all()

    def count(self, table: str) -> int:
        return self.rows(f"select count(*) from {table}")[0][0]

    def definitions(self) -> Sequence[Any]:
        return self.rows(
            "select d.id, d.key, r.data from process_definition d join resource r "
            "on r.deployment_id = d.deployment_id and r.name = d.resource_name"
        )

    @staticmethod
    def process_of(definition: Any) -> Process:
        return next(each for each in _processes(bytes(definition.data)) if each.key == definition.key)

    def __enter__(self) -> Tables:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._database.dispose()


@cache
def _processes(data: bytes) -> Sequence[Process]:
    model, _ = read_bpmn(data, "deployed.bpmn")
    assert model is not None
    return model.processes


def _lost_or_stuck(tables: Tables, lines: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Who asks gets one, however often it takes to be told. All come to their end, unless cancelled."""
    ends = dict.fromkeys(cancelled(tables, lines), "cancelled")
    states: dict[str, list[str]] = defaultdict(list)
    for row in tables.rows("select business_key, state from process_instance where parent_id is null"):
        states[row.business_key].append(row.state)
    for number in [line["start"] for line in lines if "start" in line]:
        there = states.get(f"load-{number}", [])
        if not there:
            yield f"instance load-{number} is lost"
        elif len(there) > 1:
            yield f"instance load-{number} is there {len(there)} times"
        elif there != [ends.get(f"load-{number}", "completed")]:
            yield f"instance load-{number} is {there}"


def _left(tables: Tables) -> Iterator[str]:
    for table, what in (
        ("incident where resolved_at is null", "open incidents"),
        ("user_task where closed_at is null", "open user tasks"),
        ("job where kind <> 'start_timer'", "jobs"),
        ("instance_state", "parts of live instances"),
        ("subscription", "open subscriptions"),
        ("activity where ended_at is null", "activities without an end"),
        ("job_attempt where ended_at is null", "attempts without an end"),
        ("process_instance where incident_count <> 0", "instances that count incidents"),
    ):
        if count := tables.count(table):
            yield f"{count} {what} are left"


def _incidents(tables: Tables) -> Iterator[str]:
    for row in tables.rows("select instance_id, message from incident"):
        if not any(words in row.message for words in EXCUSED):
            yield f"an incident that nothing in {row.instance_id} gave cause for: {row.message[:300]}"


def _gaps_in_the_log(tables: Tables) -> Iterator[str]:
    """The history of an instance is numbered without a gap, up to what the instance says."""
    for row in tables.rows(
        "select i.id, i.log_sequence as said, count(l.sequence) as lines, max(l.sequence) as last "
        "from process_instance i left join log l on l.instance_id = i.id group by i.id, i.log_sequence"
    ):
        if not row.said == row.lines == (row.last or 0):
            yield f"the log of {row.id} has {row.lines} entries up to number {row.last}, and should have {row.said}"


def _calls_without_attempt(tables: Tables, calls: list[Call]) -> Iterator[str]:
    """Each call belongs to an attempt that was on record before it; a job is completed once."""
    attempts = Counter(row.job_id for row in tables.rows("select job_id from job_attempt"))
    for job, count in Counter(call["job"] for call in calls if call["type"] not in SAVED_LATER).items():
        if count > attempts[job]:
            yield f"job {job} was called {count} times with {attempts[job]} attempts on record"
    done = Counter(row.job_id for row in tables.rows("select job_id from job_attempt where outcome = 'completed'"))
    yield from (f"job {job} was completed {count} times" for job, count in done.items() if count > 1)


def _done_without_call(tables: Tables, calls: list[Call]) -> Iterator[str]:
    """No activity is completed whose handler was not called."""
    called = {(call["instance"], call["activity"]) for call in calls}
    elements = {call["element"] for call in calls}
    for row in tables.rows(
        "select instance_id, activity_id, element_id, kind from activity where outcome = 'completed'"
    ):
        is_one = row.element_id in elements and row.kind != "multiInstanceBody"
        if is_one and (row.instance_id, row.activity_id) not in called:
            yield f"{row.element_id} of {row.instance_id} is completed, and its handler was never called"


def _keys(calls: list[Call]) -> Iterator[str]:
    """A repeat carries the key of the first call, and no two activities share one."""
    key_of: dict[tuple[str, int, str], set[str]] = defaultdict(set)
    activity_of: dict[str, set[tuple[str, int, str]]] = defaultdict(set)
    for call in calls:
        activity = (call["instance"], call["activity"], call["element"])
        key_of[activity].add(call["key"])
        activity_of[call["key"]].add(activity)
    for activity, keys in key_of.items():
        if len(keys) > 1:
            yield f"activity {activity} was called with the keys {sorted(keys)}"
    for key, activities in activity_of.items():
        if len(activities) > 1:
            yield f"key {key} was given to the activities {sorted(activities)}"


def _trails(calls: list[Call]) -> Iterator[str]:
    """What a handler sees is what those before it left, each once and in order; and they were called before."""
    key_of: dict[tuple[str, str], str] = {}
    for call in calls:
        instance, element, saw = call["instance"], call["element"], call["saw"]
        key_of.setdefault((instance, element), call["key"])  # the first call: later ones are repeats
        if (before := BEFORE.get(element)) is not None:
            trail = [key_of.get((instance, each), f"({each} was not called)") for each in before]
            if saw.get("trail", []) != trail:
                yield f"{element} of {instance} saw the trail {saw.get('trail')} where it should be {trail}"
        if (before := LETTERS.get(element)) is not None:
            letters = [[n, key_of.get((instance, each))] for n, each in enumerate(before, start=1)]
            if saw.get("letters", []) != letters:
                yield f"{element} of {instance} saw the letters {saw.get('letters')} where it should be {letters}"


def _steps_asked_again(log: bytes, deaths: list[dict[str, Any]]) -> Iterator[str]:
    """No agent that begins after a death takes a step again whose result was on disk by then."""
    begun: dict[str, int] = {}
    steps: list[tuple[tuple[str, int], str]] = []
    place = 0
    for line in log.splitlines(keepends=True):
        said = json.loads(line)
        if "begins" in said:
            begun[said["begins"]] = place
        elif "step" in said:
            steps.append(((said["step"][0], said["step"][1]), said["by"]))
        place += len(line)
    for death in deaths:
        saved = {(job, sequence) for job, sequence in death["steps"]}
        for step, by in steps:
            if step in saved and begun[by] >= death["log"]:
                yield f"step {list(step)} was taken again after kill {death['kill']}, though it was saved"


def _effects_twice(folder: Path) -> Iterator[str]:
    for ledger in (folder / "var").glob("*.jsonl"):
        keys = Counter(json.loads(line)["key"] for line in ledger.read_text().splitlines())
        yield from (f"{ledger.name}: {key} is there {count} times" for key, count in keys.items() if count > 1)
