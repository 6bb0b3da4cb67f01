"""Holds what clients were told against what they had asked before, and against the tables: done exactly once.

A client that was not told asks again. So there is one instance for each start, one reception of each letter, one end
of each task and parcel, as often as it was asked; and whoever is told that it was done, or done before, is told the
truth.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from clients import NAMES

if TYPE_CHECKING:
    from checker import Tables

REPEATABLE = ("start", "letter", "confirm", "ring")
"""Requests whose repetition is answered as the first one is. That of a task is refused."""

Request = dict[str, Any]
Asked = Mapping[str, Mapping[str, Sequence[Request]]]
"""What came of requests, by what was to be done and of whom, in the order in which it was known."""


def broken(tables: Tables, lines: Sequence[dict[str, Any]]) -> Iterator[str]:
    requests = [line for line in lines if "request" in line]
    asked = _by_subject([line for line in requests if line["result"] != "sent"])
    yield from _never_answered(requests, asked)
    yield from _twice(asked)
    yield from _without_reason(asked)
    yield from _instances(tables, asked["start"], {line["start"] for line in lines if "start" in line})
    yield from _letters(tables, asked["letter"])
    yield from _confirmations(tables, asked["confirm"])
    yield from _tasks(tables, asked["task"])
    yield from _parcels(asked["parcel"], [line for line in lines if line.get("element") == "Report"])


def told(lines: Sequence[dict[str, Any]]) -> dict[str, int]:
    """How much there was to check."""
    known = [line for line in lines if "request" in line and line["result"] != "sent"]
    results = Counter(line["result"] for line in known)
    return {
        "requests that change something": len(known),
        "of them broken off, nobody knew whether done": results["unknown"],
        "answered 'not done' (web or database away)": results["not done"],
        "asked again, and answered as done before": sum(_is_repetition(line) for line in known),
        "of them by who had never been told": _first_told_by_repetition(_by_subject(known)),
        "parcels refused (repeated, late, lock lost)": sum(
            line["request"] == "parcel" and line["result"] == "refused" for line in known
        ),
    }


def _by_subject(known: Sequence[Request]) -> Asked:
    asked: dict[str, dict[str, list[Request]]] = defaultdict(lambda: defaultdict(list))
    for line in known:
        asked[line["request"]][line["of"]].append(line)
    return asked


def _is_repetition(line: Request) -> bool:
    return line["again"] or (line["request"] == "task" and line["result"] == "refused")


def _first_told_by_repetition(asked: Asked) -> int:
    """How many were done by a request that broke off."""
    return sum(
        next((_is_repetition(line) for line in each if line["result"] in ("done", "refused")), False)
        for what in (*REPEATABLE, "task")
        for each in asked.get(what, {}).values()
    )


def _never_answered(requests: Sequence[Request], asked: Asked) -> Iterator[str]:
    """Each client asks until it is told; carriers may let a lock run out instead, and the operator be killed."""
    may_give_up = ("parcel", "modify", "migrate")
    for what, of in {(line["request"], line["of"]) for line in requests if line["request"] not in may_give_up}:
        if not any(line["result"] in ("done", "refused") for line in asked[what][of]):
            yield f"{what} {of} was asked for, and its client was never told what came of it"


def _twice(asked: Asked) -> Iterator[str]:
    for what, subjects in asked.items():
        for of, lines in subjects.items():
            done = [line for line in lines if line["result"] == "done" and not line["again"]]
            if len(done) > 1 and what != "retry":
                yield f"{what} {of} was done {len(done)} times"


def _without_reason(asked: Asked) -> Iterator[str]:
    """Who is told that it was done before: by a request that was answered so, or that nobody could tell of. What was
    answered with 'nothing has changed' is none."""
    for what in (*REPEATABLE, "task"):
        for of, lines in asked[what].items():
            is_possible = False
            for line in lines:
                if (_is_repetition(line) or line["result"] == "refused") and not is_possible:
                    earlier = [each["result"] for each in lines[: lines.index(line)]] or "nothing"
                    yield f"{what} {of} was answered as done before, where {earlier} had come of it"
                is_possible |= line["result"] in ("done", "unknown")


def _instances(tables: Tables, starts: Mapping[str, Sequence[Request]], numbers: set[int]) -> Iterator[str]:
    """Each answer to a start names the one instance that is there, and none is there that nobody asked for."""
    there = {
        row.id: row.business_key
        for row in tables.rows("select id, business_key from process_instance where parent_id is null")
    }
    asked = {f"load-{number}" for number in numbers}
    for instance, key in there.items():
        if key not in asked:
            yield f"instance {instance} ({key}) is there, and nobody asked for it"
    for key, lines in starts.items():
        for instance in sorted({line["told"] for line in lines if line["result"] == "done"}):
            if there.get(instance) != key:
                yield f"{key} was said to be instance {instance}, which is {there.get(instance, 'not there')}"


def _letters(tables: Tables, letters: Mapping[str, Sequence[Request]]) -> Iterator[str]:
    """Each is in the table once, and received by somebody."""
    rows = tables.rows("select message_id, delivered_at from message where message_id is not null")
    times = Counter(row.message_id for row in rows)
    received = {row.message_id for row in rows if row.delivered_at is not None}
    for letter in {*letters, *times}:
        if times[letter] != 1 or letter not in letters:
            yield f"letter {letter} is there {times[letter]} times, and was asked for {len(letters.get(letter, ()))}"
        elif letter not in received:
            yield f"letter {letter} was taken in, and never received"


def _confirmations(tables: Tables, confirmed: Mapping[str, Sequence[Request]]) -> Iterator[str]:
    query = (
        "select i.business_key, count(*) as times from activity a join process_instance i on i.id = a.instance_id "
        "where a.element_id = 'ShipmentConfirmed' and a.outcome = 'completed' group by i.business_key"
    )
    passed = {row.business_key: row.times for row in tables.rows(query)}
    for key in {*passed, *confirmed}:
        if passed.get(key) != 1 or not any(line["result"] == "done" for line in confirmed.get(key, ())):
            yield f"the shipment of {key} was confirmed {passed.get(key, 0)} times; see what its client was told"


def _tasks(tables: Tables, tasks: Mapping[str, Sequence[Request]]) -> Iterator[str]:
    """Each that was completed was completed by who asked first; the others, who come later, never."""
    people = NAMES[1]
    for row in tables.rows("select id, outcome, closed_by from user_task where closed_at is not null"):
        results = {line["result"] for line in tasks.get(row.id, ())}
        if row.outcome != "completed" and "done" in results:
            yield f"task {row.id} was said to be completed and is {row.outcome}"
        elif row.outcome == "completed" and (not results & {"done", "unknown"} or row.closed_by != people):
            yield f"task {row.id} was completed by {row.closed_by}, and {people} were told {sorted(results)}"


def _parcels(parcels: Mapping[str, Sequence[Request]], reports: Sequence[dict[str, Any]]) -> Iterator[str]:
    """What was accepted is what its instance got; where nobody was told so, what nobody knows of."""
    may_be: dict[str, set[str]] = defaultdict(set)
    for lines in parcels.values():
        accepted = {line["parcel"] for line in lines if line["result"] == "done"}
        unknown = {line["parcel"] for line in lines if line["result"] == "unknown"}
        may_be[lines[0]["instance"]] |= accepted or unknown
    for report in reports:
        parcel = report["saw"].get("parcel")
        if parcel not in may_be[report["instance"]]:
            yield f"{report['instance']} has the parcel {parcel}, which was refused or never sent"
