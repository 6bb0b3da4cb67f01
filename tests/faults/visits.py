"""What holds of the visits: each bell is heard once, each call is answered once, exclusive jobs run one at a time, and
operators have done what they were told that they did."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from load import LEAVES, NEWEST, OLDEST, fate_of, number_of

if TYPE_CHECKING:
    from checker import Tables

Line = dict[str, Any]
Result = dict[str, list[str]]

LOGGED: Mapping[str, str] = {
    "suspend": "instance.suspended",
    "activate": "instance.activated",
    "cancel": "instance.ended",
    "modify": "instance.modified",
    "migrate": "instance.migrated",
}
"""What operators ask for, and the line of the log that tells of it."""
WAYS = {OLDEST: "stroll", NEWEST: "ride"}
"""How the doctor goes home, by version."""


def ill(tables: Tables, lines: Sequence[Line]) -> Iterator[str]:
    visits = {
        row.id: row
        for row in tables.rows(
            "select id, definition_id, business_key, state from process_instance where process_key = 'visits'"
        )
    }
    calls = [line for line in lines if "job" in line]
    yield from _rings(tables, visits, lines)
    yield from _consultations(tables, visits, calls)
    yield from _beside_each_other(tables, visits, lines)
    yield from _while_suspended(tables, visits, lines)
    yield from _homecomings(tables, visits, calls)
    yield from _operations(tables, visits, lines)


def cancelled(tables: Tables, lines: Sequence[Line]) -> set[str]:
    """The names of the instances that somebody wanted to be cancelled, and that have been."""
    asked = {line["of"] for line in lines if line.get("request") == "cancel"}
    rows = tables.rows("select business_key from process_instance where state = 'cancelled' and parent_id is null")
    return {row.business_key for row in rows} & asked


def _rings(tables: Tables, visits: Mapping[str, Any], lines: Sequence[Line]) -> Iterator[str]:
    """A ring was heard by as many as its answer says, but for those that heard one already while they were
    suspended; who has come past the bell heard one."""
    heard: dict[str, list[int]] = defaultdict(list)
    for row in tables.rows("select instance_id, after from variable_change where name = 'ring'"):
        heard[row.instance_id].append(int(row.after))
    times = Counter(ring for rings in heard.values() for ring in rings)
    receivers = {line["rung"]: line["receivers"] for line in lines if "rung" in line}
    put_off = tables.count("log where action = 'command.deferred'")
    for ring in sorted(set(times) - set(receivers)):
        yield f"the ring {ring} was heard {times[ring]} times, and nobody was told that it was rung"
    for ring, told in receivers.items():
        if not times[ring] <= told:
            yield f"the ring {ring} was heard {times[ring]} times, and said to be heard by {told}"
    if (missed := sum(receivers.values()) - times.total()) > put_off:
        yield f"{missed} that were said to hear the bell did not, where {put_off} commands were put off"
    moved = {row.instance_id for row in tables.rows("select instance_id from log where action = 'instance.modified'")}
    for visit in visits.values():
        expected = 0 if visit.id in moved else 1
        if visit.state == "completed" and len(heard[visit.id]) != expected:
            yield f"{visit.business_key} heard the bell {len(heard[visit.id])} times, and should have {expected} times"


def _consultations(tables: Tables, visits: Mapping[str, Any], calls: Sequence[Line]) -> Iterator[str]:
    """Each call has one instance, which has ended as it has, and whose findings the caller has."""
    called: dict[tuple[str, int], list[Any]] = defaultdict(list)
    for row in tables.rows("select * from process_instance where parent_id is not null"):
        called[row.parent_id, row.parent_activity_id].append(row)
    values = {
        (row.instance_id, row.name): json.loads(row.value)
        for row in tables.rows("select instance_id, name, value from variable where name in ('findings', 'patient')")
    }
    key_of = _first_keys(calls)
    for row in tables.rows("select * from activity where kind = 'callActivity'"):
        who = f"the call {row.activity_id} of {row.instance_id}"
        there = called.pop((row.instance_id, row.activity_id), [])
        states = [each.state for each in there]
        if len(states) != 1 or ((row.outcome == "completed") != (states == ["completed"]) and states != ["completed"]):
            yield f"{who} is {row.outcome}, and what it called {states}"
        elif row.outcome == "completed":
            child = there[0].id
            expected = [
                visits[row.instance_id].business_key,
                key_of.get((child, "Listen")),
                key_of.get((child, "Compute")),
            ]
            found = [values.get((each, "findings")) for each in (child, row.instance_id)]
            if found != [expected, expected]:
                yield f"{who} should have found {expected}; what it called has {found[0]}, and it {found[1]}"
    for parent, activity in called:
        yield f"an instance was called by the activity {activity} of {parent}, which is no call"


def _beside_each_other(tables: Tables, visits: Mapping[str, Any], lines: Sequence[Line]) -> Iterator[str]:
    """Between the call and the end of an attempt that counted, no other exclusive job of its instance is called."""
    counted = _counted(tables)
    under_way: dict[str, dict[str, int]] = defaultdict(dict)
    for line in lines:
        if line.get("element") in LEAVES and line["instance"] in visits:
            jobs = under_way[line["instance"]]
            if others := [job for job in jobs if job != line["job"]]:
                yield f"{line['element']} of {line['instance']} was called while {others} ran"
            if counted.get(line["job"]) == line["attempt"]:
                jobs[line["job"]] = line["attempt"]
        elif "ended" in line:
            under_way[line["ended"].partition(".")[0]].pop(line["ended"], None)


def _while_suspended(tables: Tables, visits: Mapping[str, Any], lines: Sequence[Line]) -> Iterator[str]:
    """What an exclusive job's end leads to, in a suspended instance, begins when it is activated."""
    instance_of = {visit.business_key: visit.id for visit in visits.values()}
    counted = _counted(tables)
    ended: dict[str, str | None] = {}  # of each suspended instance, the job that has ended meanwhile
    for line in lines:
        instance = instance_of.get(line.get("of", "")) or line.get("instance")
        if line.get("request") == "suspend" and line["result"] == "done" and instance:
            ended[instance] = None
        elif line.get("request") == "activate" and instance:
            ended.pop(instance, None)
        elif "ended" in line and counted.get(line["ended"]) == line["attempt"]:
            instance = line["ended"].partition(".")[0]
            if instance in ended:
                ended[instance] = line["ended"]
        elif line.get("element") in LEAVES:
            has_counted = counted.get(line["job"]) == line["attempt"]
            if has_counted and ended.get(line["instance"]) not in (None, line["job"]):
                yield f"{line['element']} of {line['instance']} was called while that was suspended"


def _homecomings(tables: Tables, visits: Mapping[str, Any], calls: Sequence[Line]) -> Iterator[str]:
    """The last task sees what all others left, and is done as its version says."""
    key_of = _first_keys(calls)
    stood = {
        row.instance_id: {place["element"] for place in json.loads(row.detail)["before"]}
        for row in tables.rows("select instance_id, detail from log where action = 'instance.migrated'")
    }
    for call in calls:
        visit = visits.get(call["instance"])
        if call["element"] != "GoHome" or visit is None:
            continue
        expected = {name: key_of.get((visit.id, each)) for each, name in LEAVES.items() if each != "GoHome"}
        saw = {name: call["saw"].get(name) for name in expected}
        if saw != expected or "findings" not in call["saw"]:
            yield f"GoHome of {visit.id} saw {call['saw']} where it should be {expected}, and findings"
        way = WAYS[visit.definition_id]
        if call["type"] != way and "GoHome" not in stood.get(visit.id, ()):
            yield f"GoHome of {visit.id}, which is of {visit.definition_id}, was done by {call['type']}"


def _operations(tables: Tables, visits: Mapping[str, Any], lines: Sequence[Line]) -> Iterator[str]:
    """What was said to be done is in the log once, what may have been done at most once, and nothing else is."""
    asked: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for line in lines:
        if line.get("request") in LOGGED:
            asked[line["request"], line["of"]][line["result"]] += 1
    there: Counter[tuple[str, str]] = Counter()
    what_of = {action: what for what, action in LOGGED.items()}
    for row in tables.rows("select instance_id, action, detail from log"):
        if row.instance_id in visits and row.action in what_of and "reason" in (detail := json.loads(row.detail)):
            there[what_of[row.action], visits[row.instance_id].business_key] += 1
            if detail["reason"] != f"{what_of[row.action]} {visits[row.instance_id].business_key}":
                yield f"the log of {row.instance_id} has the reason '{detail['reason']}' for {row.action}"
    for what, of in {*asked, *there}:
        results, times = asked[what, of], there[what, of]
        was_killed = results["sent"] > results.total() - results["sent"]
        least, most = int("done" in results), int("done" in results or "unknown" in results or was_killed)
        if not least <= times <= most:
            yield f"{what} {of} is in the log {times} times, where {sorted(results)} had come of it"
        if what not in fate_of(number_of(of)) and (what, fate_of(number_of(of))[:7]) != ("activate", "suspend"):
            yield f"{what} {of} was not to be"
    for visit in visits.values():
        is_migrated = bool(there["migrate", visit.business_key])
        began_old = "migrate" in fate_of(number_of(visit.business_key))
        if (visit.definition_id == OLDEST) != (began_old and not is_migrated):
            yield f"{visit.business_key} is of {visit.definition_id}, and was migrated {int(is_migrated)} times"
        if there["suspend", visit.business_key] != there["activate", visit.business_key]:
            yield f"{visit.business_key} was suspended, and not activated as often"
        if (visit.state == "cancelled") != bool(cancels := there["cancel", visit.business_key]):
            yield f"{visit.business_key} is {visit.state}, and was cancelled {cancels} times"


def _counted(tables: Tables) -> dict[str, int]:
    """The attempt at each job that was completed."""
    rows = tables.rows("select job_id, attempt from job_attempt where outcome = 'completed'")
    return {row.job_id: row.attempt for row in rows}


def _first_keys(calls: Sequence[Line]) -> dict[tuple[str, str], str]:
    keys: dict[tuple[str, str], str] = {}
    for call in calls:
        keys.setdefault((call["instance"], call["element"]), call["key"])
    return keys
