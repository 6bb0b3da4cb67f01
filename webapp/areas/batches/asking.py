"""A batch on its way from the list of instances to the engine: for which instances, what, and how it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from werkzeug.datastructures import MultiDict

from engine.batch import (
    ActivateAll,
    Batch,
    CancelAll,
    MigrateAll,
    Operation,
    RetryAll,
    SetVariablesOfAll,
    SuspendAll,
)
from engine.errors import InvalidInput
from engine.migration import MigrationPlan
from engine.model import InstanceState
from engine.searching import Condition, Operator
from webapp.forms import read_variable_rows

FILTER = ("process", "state", "business_key", "text")
"""What a list of instances is narrowed down by."""
MOST_TICKED, LONGEST_ID, LONGEST_TEXT = 1000, 64, 200
LEAST_SHOWN = 0.8
"""Percent of the bar that anything gets, however little of the whole it is."""


@dataclass(frozen=True, slots=True)
class Words:
    """What an operation is called: of a batch (*title*), in an order (*verb*) with what it is done to, and what it
    *does*, for who has to decide."""

    title: str
    verb: str
    does: str
    of: str = "instance"
    is_grave: bool = False


WORDS: Mapping[str, Words] = {
    "suspend": Words("Suspend", "Suspend", "They stop where they stand, until they are activated."),
    "activate": Words("Activate", "Activate", "Suspended instances go on where they stand."),
    "retry": Words("Retry incidents", "Retry", "What gave up is tried again, with new retries.", of="incident"),
    "migrate": Words("Migrate", "Migrate", "They go on by another version of their process."),
    "set-variables": Words(
        "Set variables", "Set variables of", "In the scope of the process; others stay as they are."
    ),
    "cancel": Words(
        "Cancel",
        "Cancel",
        "Everything they wait for ends with them, the processes they called included. This cannot be taken back.",
        is_grave=True,
    ),
}
"""Those that the pages offer; the others need what a page has no fields for."""

TITLES: Mapping[str, str] = {kind: words.title for kind, words in WORDS.items()} | {
    "modify": "Move tokens",
    "delete": "Delete",
}
LEFT_OUT: Mapping[str, str] = {
    "suspend": "do not run",
    "activate": "are not suspended",
    "migrate": "have ended or are of another version",
    "set-variables": "do not run",
    "cancel": "have ended, or were called by others and end with those",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """Instances as a list of them was narrowed down, or those of it that were ticked (*ids*); none that began later
    than *until*."""

    until: datetime
    ids: tuple[str, ...] = ()
    process: str = ""
    state: str = ""
    business_key: str = ""
    text: str = ""

    def filter(self) -> dict[str, str]:
        """The query of the list."""
        fields = {name: getattr(self, name) for name in FILTER}
        return {name: value for name, value in fields.items() if value}

    def conditions(self, kind: str) -> list[Condition]:
        """On instances, of a retry on incidents."""
        is_retry = kind == "retry"
        until = Condition("created_at" if is_retry else "started_at", self.until, Operator.LESS_OR_EQUAL)
        if self.ids:
            ticked = Condition("instance_id" if is_retry else "id", self.ids, Operator.ONE_OF)
            return [ticked, until] if is_retry else [ticked]
        fields = {"process": "process_key", "state": "instance_state" if is_retry else "state"}
        return [*(Condition(fields.get(name, name), value) for name, value in self.filter().items()), until]


def choice_from(sent: MultiDict[str, str], now: datetime) -> Choice:
    """Of a list's form, or of the page that it led to. Raises InvalidInput where nothing is ticked that should be."""
    found = {name: sent.get(name, "").strip()[:LONGEST_TEXT] for name in FILTER}
    if found["state"] not in set(InstanceState):
        found["state"] = ""
    until = _moment(sent.get("until", ""), now)
    if sent.get("of") != "ticked":
        return Choice(until, (), **found)
    ids = tuple(dict.fromkeys(each for each in sent.getlist("id") if 0 < len(each) <= LONGEST_ID and "\0" not in each))
    if not 0 < len(ids) <= MOST_TICKED:
        raise InvalidInput("Tick at least one instance." if not ids else f"Tick up to {MOST_TICKED} instances at once.")
    return Choice(until, ids, **found)


def _moment(text: str, now: datetime) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return now
    return min(moment, now) if moment.tzinfo is not None else now


def operation_from(kind: str, sent: MultiDict[str, str], plan: MigrationPlan | None) -> Operation:
    """Raises InvalidInput, whose fields name the controls."""
    match kind:
        case "suspend":
            return SuspendAll()
        case "activate":
            return ActivateAll()
        case "cancel":
            return CancelAll()
        case "retry":
            return RetryAll(_whole(sent, "retries", 1_000_000))
        case "set-variables":
            return SetVariablesOfAll(read_variable_rows(sent))
        case "migrate" if plan is not None:
            return MigrateAll(plan, "re_arms" in sent)
        case _:
            raise InvalidInput(f"'{kind[:40]}' is nothing that can be done to many instances here.")


def preview_of(kind: str, plan: MigrationPlan | None) -> Operation:
    """Of which a preview can be had, before all that belongs to it is filled in."""
    match kind:
        case "retry":
            return RetryAll()
        case "set-variables":
            return SetVariablesOfAll({})
        case _:
            return operation_from(kind, MultiDict(), plan)


def mapping_from(sent: MultiDict[str, str]) -> dict[str, str | None]:
    """Of lines 'old = new'; nothing behind the sign: no counterpart. Raises InvalidInput."""
    mapping: dict[str, str | None] = {}
    for number, line in enumerate(sent.get("mapping", "").splitlines(), 1):
        old, sign, new = (part.strip() for part in line.partition("="))
        if not line.strip():
            continue
        if not sign or not old or old in mapping:
            problem = f"line {number} is not 'old = new', with each old element once"
            raise InvalidInput("The mapping cannot be read.", {"mapping": problem})
        mapping[old] = new or None
    return mapping


def versions_from(sent: MultiDict[str, str]) -> dict[str, int | None]:
    """Raises InvalidInput."""
    return {name: _whole(sent, name, 2**31 - 1) for name in ("source", "target")}


def _whole(sent: MultiDict[str, str], name: str, most: int) -> int | None:
    """None where nothing is written."""
    text = sent.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and 1 <= int(text) <= most):
        raise InvalidInput("Some values do not fit.", {name: f"must be a whole number from 1 to {most:,}"})
    return int(text)


def segments(batch: Batch) -> list[tuple[str, float, float]]:
    """Of the bar: what each part is, where it begins and how wide it is, in percent. What waits is left open."""
    counts = {"done": batch.done, "failed": batch.failed, "skipped": batch.skipped, "cancelled": batch.cancelled}
    widths = {name: max(100 * count / batch.total, LEAST_SHOWN) for name, count in counts.items() if count}
    shrunk = min(1.0, 100 / (sum(widths.values()) or 100))
    parts: list[tuple[str, float, float]] = []
    start = 0.0
    for name, width in widths.items():
        parts.append((name, round(start, 2), round(width * shrunk, 2)))
        start += width * shrunk
    return parts
