"""How times, durations, values and the engine's words are shown to people. Jinja filters, all pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from flask import Flask

from webapp.context import now

SHORT = 90  # characters of a value that are shown at once
LONGEST = 20_000  # characters of a value that are shown at all

KINDS: Mapping[str, tuple[str, str]] = {
    "startEvent": ("Start event", "start-event-none"),
    "endEvent": ("End event", "end-event-none"),
    "intermediateCatchEvent": ("Waits for event", "intermediate-event-none"),
    "intermediateThrowEvent": ("Throws event", "intermediate-event-none"),
    "boundaryEvent": ("Boundary event", "intermediate-event-none"),
    "task": ("Task", "task"),
    "scriptTask": ("Script", "script-task"),
    "serviceTask": ("Service task", "service-task"),
    "userTask": ("User task", "user-task"),
    "manualTask": ("Manual task", "manual-task"),
    "businessRuleTask": ("Business rule", "business-rule-task"),
    "sendTask": ("Send task", "send-task"),
    "receiveTask": ("Receive task", "receive-task"),
    "callActivity": ("Call activity", "call-activity"),
    "subProcess": ("Subprocess", "subprocess-expanded"),
    "transaction": ("Transaction", "transaction"),
    "adHocSubProcess": ("Ad-hoc subprocess", "ad-hoc-marker"),
    "multiInstanceBody": ("Multi-instance", "parallel-mi-marker"),
    "exclusiveGateway": ("Exclusive gateway", "gateway-xor"),
    "parallelGateway": ("Parallel gateway", "gateway-parallel"),
    "inclusiveGateway": ("Inclusive gateway", "gateway-or"),
    "eventBasedGateway": ("Event gateway", "gateway-eventbased"),
    "complexGateway": ("Complex gateway", "gateway-complex"),
}

ACTIONS: Mapping[str, str] = {
    "instance.started": "Started",
    "instance.ended": "Ended",
    "instance.suspended": "Suspended",
    "instance.activated": "Activated",
    "instance.cancelled": "Cancelled",
    "task.created": "Task created",
    "task.claimed": "Task claimed",
    "task.unclaimed": "Task given back",
    "task.assigned": "Task assigned",
    "task.completed": "Task completed",
    "incident.raised": "Incident raised",
    "incident.resolved": "Incident resolved",
    "job.retried": "Job retried",
    "batch.applied": "Changed by a batch",
    "variables.set": "Variables set",
    "message.correlated": "Message received",
}


def install(app: Flask) -> None:
    for filter_ in (
        ago,
        absolute,
        duration,
        shown,
        kind_label,
        kind_icon,
        action_label,
        plural,
        money,
        sentence,
        who,
        is_person,
        told,
    ):
        app.add_template_filter(filter_)


def ago(at: datetime, moment: datetime | None = None) -> str:
    """'5 min ago', 'in 2 d'. The same words as assets/page.mjs."""
    seconds = ((moment or now()) - at).total_seconds()
    length = abs(seconds)
    if length < 45:
        return "just now" if seconds >= 0 else "in a moment"
    if length < 3570:
        words = f"{round(length / 60)} min"
    elif length < 86_400:
        words = f"{round(length / 3600)} h"
    elif length < 60 * 86_400:
        words = f"{round(length / 86_400)} d"
    else:
        words = f"{round(length / (30.44 * 86_400))} months"
    return f"{words} ago" if seconds >= 0 else f"in {words}"


def absolute(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(length: timedelta | int | float) -> str:
    """Two leading units: '340 ms', '12.4 s', '3 min 12 s', '2 d 4 h'. A number counts as milliseconds."""
    seconds = length.total_seconds() if isinstance(length, timedelta) else length / 1000
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


@dataclass(frozen=True, slots=True)
class Shown:
    """A value as a page shows it. *full* is empty when *short* says it all; *hidden*: characters left out of it."""

    type: str
    short: str
    full: str = ""
    hidden: int = 0


def shown(value: Any) -> Shown:
    match value:
        case None:
            return Shown("null", "null")
        case bool():
            return Shown("boolean", "true" if value else "false")
        case int() | float() | Decimal():
            return _shortened("number", str(value))
        case str():
            return _shortened("text", value)
        case datetime():
            return Shown("date and time", absolute(value) if value.tzinfo else value.isoformat(" "))
        case date() | time():
            return Shown("date" if isinstance(value, date) else "time", value.isoformat())
        case timedelta():
            return Shown("duration", duration(value))
        case list() | tuple() | set():
            return _shortened("list", _json(value), _json(value, indent=2))
        case Mapping():
            return _shortened("object", _json(value), _json(value, indent=2))
        case _:
            return _shortened(type(value).__name__, str(value))


def _shortened(type_name: str, text: str, full: str | None = None) -> Shown:
    full = text if full is None else full
    if len(text) <= SHORT and "\n" not in text:
        return Shown(type_name, text)
    first_line = text[:SHORT].split("\n", 1)[0]
    return Shown(type_name, f"{first_line} …", full[:LONGEST], max(0, len(full) - LONGEST))


def _json(value: Any, indent: int | None = None) -> str:
    return json.dumps(_plain(value), ensure_ascii=False, indent=indent)


def _plain(value: Any) -> Any:
    """*value* with JSON's types only; whatever JSON lacks becomes text."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(item) for item in value]
        case Decimal():
            return int(value) if value == value.to_integral_value() and abs(value) < 2**53 else float(value)
        case datetime() | date() | time():
            return value.isoformat()
        case Enum():
            return value.value
        case _ if is_dataclass(value) and not isinstance(value, type):
            return _plain(asdict(value))
        case _:
            return str(value)


def kind_label(kind: str) -> str:
    return KINDS.get(kind, (kind, ""))[0]


def kind_icon(kind: str) -> str:
    """Which sign of the BPMN font stands for *kind*."""
    return KINDS.get(kind, ("", "task"))[1]


def action_label(action: str) -> str:
    if action in ACTIONS:
        return ACTIONS[action]
    return action.replace(".", " ").replace("_", " ").capitalize()


def is_person(actor: str | None) -> bool:
    """Whether *actor* is none of the engine's own: system, timer, 'worker:host:...', 'instance:ID'."""
    return bool(actor) and actor not in ("system", "timer") and ":" not in str(actor)


def who(actor: str | None) -> str:
    """A person by name; the engine's own by what they are."""
    kind, colon, _ = (actor or "").partition(":")
    return {"worker": "worker", "instance": "another instance"}.get(kind, actor or "") if colon else kind


def told(detail: Mapping[str, Any]) -> dict[str, Any]:
    """The details of a log line that say something: without what is empty."""
    return {name: value for name, value in detail.items() if value not in (None, "", (), [], {})}


def sentence(text: str) -> str:
    """'must be filled in' -> 'Must be filled in.'"""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def plural(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def money(dollars: Decimal | str | None) -> str:
    """'$0.0042'; an em dash where no price is known."""
    if dollars is None:
        return "—"
    amount = Decimal(dollars)
    if amount and abs(amount) < Decimal("0.01"):
        return f"${amount:.4f}"
    return f"${amount:,.2f}"
