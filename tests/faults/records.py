"""Holds the tables against each other: variables against their history, attempts against activities, items against
collections, states against ends, numbers against times."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from load import CLOCKS
from tokens import collection_of

from engine.live import LONGEST_WAIT

if TYPE_CHECKING:
    from checker import Tables

WORK = ("serviceTask", "sendTask")
"""Kinds of activities that are jobs."""
OUTCOMES = ("completed", "bpmn_error", "retry", "failed", "lost", "discarded", "unlocked")
ACTIONS: Mapping[str, str] = {
    "batch": "applied",
    "command": "deferred",
    "data": "read written",
    "decision": "evaluated",
    "incident": "raised resolved",
    "instance": "activated ended migrated modified restarted restarted_as started suspended",
    "job": "retried unlocked",
    "message": "correlated expired lost stored thrown",
    "signal": "thrown",
    "task": "assigned cancelled claimed completed created unclaimed",
    "variables": "set",
}
"""What the log tells of: what was done, by what it was done to."""
TIMES: Mapping[str, tuple[str, str]] = {
    "process_instance": ("started_at", "ended_at"),
    "activity": ("entered_at", "ended_at"),
    "job_attempt": ("started_at", "ended_at"),
    "user_task": ("created_at", "closed_at"),
    "incident": ("created_at", "resolved_at"),
    "variable_change": ("at", "at"),
    "log": ("at", "at"),
    "agent_step": ("at", "at"),
}
"""The columns of a beginning and an end."""
BY_INSTANCES: Mapping[str, str] = {
    "select instance_id, min(entered_at) as at, step as place from activity group by 1, 3": "activities",
    "select instance_id, at, 1000000 * step + position as place from variable_change": "changes of variables",
    "select instance_id, at, sequence as place from log": "lines of the log",
}
"""What was written one after the other under the lock of an instance, with where it stands."""
BY_JOBS: Mapping[str, str] = {
    "select job_id as instance_id, started_at as at, attempt as place from job_attempt": "attempts",
    "select job_id as instance_id, at, sequence as place from agent_step": "agent steps",
}
"""And by those who had the lease of a job."""

WAITS = timedelta(seconds=30)
"""For which a command may wait for its turn, or be tried again, after it has read the clock."""

Results = Mapping[tuple[str, int], Sequence[Mapping[str, Any]]]
"""What handlers returned, by job and attempt: several where a start in memory was done again."""


def inconsistent(tables: Tables, folder: Path, lines: Sequence[dict[str, Any]]) -> Iterator[str]:
    changes = _changes(tables)
    results: dict[tuple[str, int], list[Any]] = defaultdict(list)
    for line in lines:
        if "ended" in line:
            results[line["ended"], line["attempt"]].append(line["result"])
    yield from _variables(tables, changes)
    yield from _results(tables, changes, results)
    yield from _items(tables, changes)
    yield from _attempts(tables)
    yield from _ends(tables)
    yield from _orphans(tables)
    yield from _tasks(tables)
    yield from _agent_steps(tables, lines)
    yield from _log(tables)
    yield from _times(tables, folder)


def _changes(tables: Tables) -> dict[str, list[Any]]:
    changes = defaultdict(list)
    for row in tables.rows("select * from variable_change order by instance_id, step, position"):
        changes[row.instance_id].append(row)
    return changes


def _variables(tables: Tables, changes: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    """What is left of an instance's variables is what its history makes of them: those of the process itself."""
    there: dict[str, dict[str, str]] = defaultdict(dict)
    for row in tables.rows("select instance_id, scope_id, name, value from variable"):
        if row.scope_id:
            yield f"{row.instance_id} has ended, and has {row.name} of scope {row.scope_id}"
        else:
            there[row.instance_id][row.name] = row.value
    for row in tables.rows("select id from process_instance"):
        left = {each.name: each.after for each in changes.get(row.id, ()) if each.scope_id == 0}
        left = {name: value for name, value in left.items() if value is not None}
        for name in sorted({*left, *there[row.id]}):
            if left.get(name) != there[row.id].get(name):
                yield (
                    f"variable {name} of {row.id} is {_short(there[row.id].get(name))}, and by its history "
                    f"{_short(left.get(name))}"
                )


def _results(tables: Tables, changes: Mapping[str, Sequence[Any]], results: Results) -> Iterator[str]:
    """What the completed attempt of a handler returned is in the history of variables, as the activity's doing."""
    made: dict[tuple[str, int, str], str | None] = {}
    for instance, rows in changes.items():
        made |= {(instance, row.activity_id, row.name): row.after for row in rows}
    for row in tables.rows("select * from job_attempt where outcome = 'completed'"):
        possible = results.get((row.job_id, row.attempt))
        if possible is None:
            continue
        for name in {name for each in possible for name in each}:
            after = made.get((row.instance_id, row.activity_id, name))
            if after is None or json.loads(after) not in [each.get(name) for each in possible]:
                yield (
                    f"{name} of {row.instance_id} became {_short(after)} by activity {row.activity_id}, whose handler "
                    f"had returned {_short(json.dumps([each.get(name) for each in possible]))}"
                )


def _items(tables: Tables, changes: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    """A multi-instance activity has an instance for each item that its collection had when it was entered."""
    collections = {
        (row.id, node.id): collection_of(node)
        for row in tables.definitions()
        for node in tables.process_of(row).elements.walk()
    }
    items = Counter(
        (row.instance_id, row.parent_id) for row in tables.rows("select instance_id, parent_id from activity")
    )
    bodies = tables.rows(
        "select a.*, i.definition_id from activity a join process_instance i on i.id = a.instance_id "
        "where a.kind = 'multiInstanceBody' and a.outcome = 'completed'"
    )
    for body in bodies:
        name = collections[body.definition_id, body.element_id]
        before = [
            row.after
            for row in changes.get(body.instance_id, ())
            if row.name == name and (row.step, row.position) <= (body.step, body.position)
        ]
        expected = len(json.loads(before[-1])) if before else None
        if (there := items[body.instance_id, body.activity_id]) != expected:
            yield f"{body.element_id} of {body.instance_id} has {there} items, and its collection {name} {expected}"


def _attempts(tables: Tables) -> Iterator[str]:
    """A completed activity that is a job has one completed attempt, its last; another one has none."""
    attempts = defaultdict(list)
    for row in tables.rows("select * from job_attempt order by job_id, attempt"):
        attempts[row.job_id].append(row)
        if row.outcome not in OUTCOMES:
            yield f"attempt {row.attempt} at {row.job_id} is '{row.outcome}'"
    activities = {}
    for row in tables.rows("select a.*, i.state from activity a join process_instance i on i.id = a.instance_id"):
        job = f"{row.instance_id}.{row.activity_id}"
        activities[job] = row
        completed = [each.attempt for each in attempts[job] if each.outcome == "completed"]
        if row.kind not in WORK:
            continue
        numbers = [each.attempt for each in attempts[job]]
        if row.outcome == "completed" and (len(completed) != 1 or completed[0] != numbers[-1]):
            yield f"{row.element_id} of {row.instance_id} is completed, and of its attempts {numbers} are {completed}"
        if row.outcome != "completed" and row.state == "completed" and completed:
            yield f"{row.element_id} of {row.instance_id} is {row.outcome}, and its attempt {completed} is completed"
    for job, rows in attempts.items():
        if rows and (rows[0].instance_id, rows[0].activity_id) != tuple(_place(job)):
            yield f"the attempts at {job} are said to be of {rows[0].instance_id}.{rows[0].activity_id}"
        if rows and f"{rows[0].instance_id}.{rows[0].activity_id}" not in activities:
            yield f"there are attempts at {job}, and no such activity"


def _place(job: str) -> tuple[str, int]:
    instance, activity, *_ = job.split(".")
    return instance, int(activity)


def _ends(tables: Tables) -> Iterator[str]:
    """What has ended says when and how; an instance ends when the last of its activities does."""
    last = {
        row.instance_id: row.last
        for row in tables.rows("select instance_id, max(ended_at) as last from activity group by instance_id")
    }
    for row in tables.rows("select id, state, ended_at from process_instance"):
        has_ended = row.state not in ("running", "suspended")
        if has_ended != (row.ended_at is not None):
            yield f"{row.id} is {row.state}, and its end is {row.ended_at}"
        elif has_ended and _moment(row.ended_at) < _moment(last.get(row.id)) - _may_go_back(tables):
            yield f"{row.id} ended at {row.ended_at}, and the last of its activities at {last.get(row.id)}"
    for table, end in (("activity", "ended_at"), ("job_attempt", "ended_at"), ("user_task", "closed_at")):
        if count := tables.count(f"{table} where ({end} is null) <> (outcome is null)"):
            yield f"{count} rows of {table} have an end and no outcome, or an outcome and no end"


def _orphans(tables: Tables) -> Iterator[str]:
    """Whatever stands in something is there with it."""
    for table in ("activity", "flow_taken", "variable_change", "variable", "job_attempt", "log", "agent_step"):
        there = f"{table} where not exists (select 1 from process_instance i where i.id = {table}.instance_id)"
        if count := tables.count(there):
            yield f"{count} rows of {table} belong to no instance"
    inside = "a.parent_id <> 0 and p.activity_id is null"
    for row in tables.rows(
        "select a.instance_id, a.activity_id, a.parent_id from activity a left join activity p "
        f"on p.instance_id = a.instance_id and p.activity_id = a.parent_id where {inside}"
    ):
        yield f"activity {row.activity_id} of {row.instance_id} stands in {row.parent_id}, which is not there"


def _tasks(tables: Tables) -> Iterator[str]:
    """Each activity that is a user task has one, which ended as it did; and its log says so."""
    tasks = {row.id: row for row in tables.rows("select id, outcome from user_task")}
    logged = Counter((row.instance_id, row.activity_id, row.action) for row in tables.rows("select * from log"))
    activities = tables.rows("select * from activity where kind = 'userTask'")
    for row in activities:
        task = tasks.pop(f"{row.instance_id}.{row.activity_id}", None)
        if task is None:
            yield f"{row.element_id} of {row.instance_id} has no user task"
        elif task.outcome != row.outcome:
            yield f"the user task of {row.element_id} of {row.instance_id} is {task.outcome}, and it is {row.outcome}"
        for action in ("task.created", f"task.{row.outcome}"):
            if (count := logged[row.instance_id, row.activity_id, action]) != 1:
                yield f"{row.element_id} of {row.instance_id} has {count} lines '{action}' in the log"
    yield from (f"user task {each} belongs to no activity" for each in tasks)


def _agent_steps(tables: Tables, lines: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A completed agent has saved each step that it took, in a row."""
    taken: dict[str, set[int]] = defaultdict(set)
    for line in lines:
        if "step" in line:
            taken[line["step"][0]].add(line["step"][1])
    saved: dict[str, set[int]] = defaultdict(set)
    for row in tables.rows("select job_id, sequence from agent_step"):
        saved[row.job_id].add(row.sequence)
    done = {row.job_id for row in tables.rows("select job_id from job_attempt where outcome = 'completed'")}
    for job in {line["agent"] for line in lines if "agent" in line} & done | set(saved):
        if saved[job] != taken[job] or (saved[job] and max(saved[job]) - min(saved[job]) >= len(saved[job])):
            yield f"the agent of {job} took the steps {sorted(taken[job])} and saved {sorted(saved[job])}"


def _log(tables: Tables) -> Iterator[str]:
    """Lines are of a known kind; the first tells of the start, and one, after all but what follows an end, of that."""
    actions = defaultdict(list)
    for row in tables.rows("select instance_id, action from log order by instance_id, sequence"):
        actions[row.instance_id].append(row.action)
    known = {f"{what}.{done}" for what, said in ACTIONS.items() for done in said.split()}
    for unknown in sorted({each for said in actions.values() for each in said} - known):
        yield f"the log has lines '{unknown}', which nothing writes"
    for row in tables.rows("select id, state from process_instance where state not in ('running', 'suspended')"):
        said = actions[row.id]
        if said[:1] != ["instance.started"] or said.count("instance.started") != 1:
            yield f"the log of {row.id} does not begin with its start"
        if said.count("instance.ended") != 1:
            yield f"the log of {row.id} tells of {said.count('instance.ended')} ends"


def _times(tables: Tables, folder: Path) -> Iterator[str]:
    """No time is outside the run, and none goes back within what was written one after the other, by more than clocks
    were wrong and commands may wait."""
    clocks = json.loads((folder / CLOCKS).read_text())
    least = datetime.fromtimestamp(clocks["began"] + clocks["least"], UTC) - timedelta(seconds=2)
    most = datetime.fromtimestamp(clocks["ended"] + clocks["most"], UTC) + timedelta(seconds=2)
    spread = timedelta(seconds=tables.spread) + WAITS
    for table, (begin, end) in TIMES.items():
        for row in tables.rows(f"select {begin} as first, {end} as last from {table}"):
            first, last = _moment(row.first), _moment(row.last or row.first)
            if not least <= first <= most or not least <= last <= most or last < first - spread:
                yield f"a row of {table} is of {first} to {last}, in a run of {least} to {most}"
    for ordered, at_most in ((BY_INSTANCES, _may_go_back(tables)), (BY_JOBS, spread)):
        for query, what in ordered.items():
            latest: dict[str, datetime] = {}
            for row in tables.rows(f"{query} order by 1, place"):
                at = _moment(row.at)
                if at < latest.get(row.instance_id, at) - at_most:
                    yield f"the {what} of {row.instance_id} go back to {at} at {row.place}"
                latest[row.instance_id] = max(at, latest.get(row.instance_id, at))


def _may_go_back(tables: Tables) -> timedelta:
    """Within the history of an instance: as much as clocks differ. What has waited is recorded with the time at which
    it got the lock, unless that seems to have taken so long that a clock must have been set."""
    spread = timedelta(seconds=tables.spread)
    return spread if spread + WAITS <= LONGEST_WAIT else spread + WAITS


def _moment(said: Any) -> datetime:
    """SQLite has text, PostgreSQL has moments."""
    if isinstance(said, datetime):
        return said
    return datetime.fromisoformat(said) if said else datetime.max.replace(tzinfo=UTC)


def _short(said: str | None) -> str:
    return "not there" if said is None else said if len(said) < 80 else f"{said[:80]}..."
