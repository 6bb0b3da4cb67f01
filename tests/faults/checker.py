"""Holds what is in the database against what the handlers' own log says: nothing lost, nothing twice.

It reads the tables by itself and knows nothing of how the engine wrote them.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from bpmn.model import FlowElements, NodeKind
from bpmn.reader import read_bpmn

JOINS = (NodeKind.PARALLEL_GATEWAY, NodeKind.INCLUSIVE_GATEWAY)


def problems(folder: Path, deaths: list[dict[str, Any]], instances: int) -> list[str]:
    """Everything that is not as it must be, in sentences."""
    database = sqlite3.connect(folder / "company.db")
    log = (folder / "calls.jsonl").read_bytes()
    calls = [json.loads(line) for line in log.splitlines()]
    return [
        *_lost_or_stuck(database, instances),
        *_transitions_twice(database),
        *_calls_without_attempt(database, calls),
        *_keys(calls),
        *_steps_asked_again(log, deaths),
        *_effects_twice(folder),
    ]


def _lost_or_stuck(database: sqlite3.Connection, instances: int) -> Iterator[str]:
    rows = database.execute(
        "select business_key, state, count(*) from process_instance where parent_id is null group by 1, 2"
    )
    states: dict[str, list[str]] = defaultdict(list)
    for key, state, count in rows:
        states[key] += [state] * count
    for number in range(1, instances + 1):
        if states.get(f"load-{number}") != ["completed"]:
            yield f"instance load-{number} is {states.get(f'load-{number}', 'lost')}"
    for table, what in (
        ("incident where resolved_at is null", "open incidents"),
        ("user_task where closed_at is null", "open user tasks"),
        ("job where state in ('available', 'running', 'failed') and kind <> 'start_timer'", "open jobs"),
        ("instance_state", "parts of live instances"),
        ("subscription", "open subscriptions"),
        ("activity where ended_at is null", "activities without an end"),
    ):
        (count,) = database.execute(f"select count(*) from {table}").fetchone()
        if count:
            yield f"{count} {what} are left"


def _transitions_twice(database: sqlite3.Connection) -> Iterator[str]:
    """Tokens are conserved: a node is entered as often as flows lead into it were taken."""
    models = {definition: _elements(data) for definition, data in _definitions(database)}
    taken: dict[str, Counter[str]] = defaultdict(Counter)
    for instance, flows in database.execute("select instance_id, flows from flow_taken"):
        taken[instance].update(json.loads(flows))
    visits: dict[str, Counter[str]] = defaultdict(Counter)
    for instance, element, parent in database.execute(
        "select a.instance_id, a.element_id, p.kind from activity a left join activity p "
        "on p.instance_id = a.instance_id and p.activity_id = a.parent_id and p.element_id = a.element_id"
    ):
        if parent != "multiInstanceBody":  # of a multi-instance activity, flows lead to the body
            visits[instance][element] += 1
    for instance, definition in database.execute("select id, definition_id from process_instance"):
        for nodes in models[definition]:
            for node in nodes.nodes.values():
                arrived = [taken[instance][flow] for flow in node.incoming]
                expected = (max(arrived) if node.kind in JOINS else sum(arrived)) if arrived else None
                if expected is not None and visits[instance][node.id] != expected:
                    seen = visits[instance][node.id]
                    yield f"{node.id} of {instance} was entered {seen} times and led to {expected} times"


def _definitions(database: sqlite3.Connection) -> Iterable[tuple[str, bytes]]:
    return database.execute(
        "select d.id, r.data from process_definition d join resource r "
        "on r.deployment_id = d.deployment_id and r.name = d.resource_name"
    )


def _elements(data: bytes) -> list[FlowElements]:
    model, _ = read_bpmn(data, "deployed.bpmn")
    assert model is not None
    top = [process.elements for process in model.processes]
    return top + [node.body for elements in top for node in elements.walk() if node.body is not None]


def _calls_without_attempt(database: sqlite3.Connection, calls: list[dict[str, Any]]) -> Iterator[str]:
    """Each call belongs to an attempt that was on record before it; a completed job was called at all."""
    attempts = Counter(job for (job,) in database.execute("select job_id from job_attempt"))
    called = Counter(call["job"] for call in calls if "job" in call)
    for job, count in called.items():
        if count > attempts[job]:
            yield f"job {job} was called {count} times with {attempts[job]} attempts on record"
    done = Counter(job for (job,) in database.execute("select job_id from job_attempt where outcome = 'completed'"))
    for job, count in done.items():
        if count > 1:
            yield f"job {job} was completed {count} times"


def _keys(calls: list[dict[str, Any]]) -> Iterator[str]:
    """A repeat carries the key of the first call, and no two jobs share one."""
    key_of: dict[str, set[str]] = defaultdict(set)
    job_of: dict[str, set[str]] = defaultdict(set)
    for call in calls:
        if "job" in call:
            key_of[call["job"]].add(call["key"])
            job_of[call["key"]].add(call["job"])
    yield from (f"job {job} was called with the keys {sorted(keys)}" for job, keys in key_of.items() if len(keys) > 1)
    yield from (f"key {key} was given to the jobs {sorted(jobs)}" for key, jobs in job_of.items() if len(jobs) > 1)


def _steps_asked_again(log: bytes, deaths: list[dict[str, Any]]) -> Iterator[str]:
    """No agent's step is taken again whose result was on disk when the process died before."""
    for death in deaths:
        saved = {tuple(step) for step in death["steps"]}
        for line in log[death["log"] :].splitlines():
            call = json.loads(line)
            if "step" in call and tuple(call["step"]) in saved:
                yield f"step {call['step']} was taken again after kill {death['kill']}, though it was saved"


def _effects_twice(folder: Path) -> Iterator[str]:
    for ledger in (folder / "var").glob("*.jsonl"):
        keys = Counter(json.loads(line)["key"] for line in ledger.read_text().splitlines())
        yield from (f"{ledger.name}: {key} is there {count} times" for key, count in keys.items() if count > 1)
