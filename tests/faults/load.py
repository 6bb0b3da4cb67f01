"""What the company is asked to do, and the marks by which a run and its clients understand each other."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

CALLS = "calls.jsonl"
CLOCKS = "clocks.json"
"""When the run began and ended, and the least and the most by which a clock was wrong, in seconds."""
LOCK = 1.0
"""Seconds for which a carrier holds a parcel."""
AT_ONCE = 30
"""Instances that are kept running."""
NO_MORE = "no-more"
"""A file that, once it is there, keeps clients from asking for new instances."""
ORDERS = "orders.jsonl"
"""What the run wants of the clients: deliveries that are repeated, late or lost."""
MET = "met.jsonl"
"""Of each of these orders, whether there was something to deliver so."""

STARTS: list[tuple[str, Callable[[int], Mapping[str, Any]]]] = [
    (
        "employee-onboarding",
        lambda n: {
            "fullName": "Adaeze Okonkwo",
            "email": f"adaeze{n}@example.com",
            "department": "engineering",
            "startDate": "2026-03-02",
            "role": "Python developer, works from home three days a week",
            "paperworkText": "Name: OKONKWO, Adaeze\ngeb. 12.04.1990\nSteuer-ID: 12 345 678 903\n"
            "account DE89 3704 0044 0532 0130 00\nEnclosed: passport copy, health insurance card and signed contract.",
        },
    ),
    ("errands", lambda n: {"address": f"load-{n}"}),
    ("visits", lambda n: {"patient": f"load-{n}"}),
    (
        "order-fulfilment",
        lambda n: {
            "orderId": f"load-{n}",
            "email": "kim@example.com",
            "items": "2 lamp, 1 chair",
            "cardToken": "tok-4242",
        },
    ),
    ("straight", lambda n: {}),
    ("errands", lambda n: {"address": f"load-{n}"}),
    (
        "invoice-approval",
        lambda n: {
            "invoiceNumber": f"load-{n}",
            "supplier": "Papierhaus",
            "supplierStatus": "known",
            "iban": "DE89 3704 0044 0532 0130 00",
            "amount": 89.9 if n % 2 else 4200,
            "purpose": "paper",
            "hasOrder": True,
        },
    ),
    ("visits", lambda n: {"patient": f"load-{n}"}),
    ("straight", lambda n: {}),
    ("rounds", lambda n: {"rounds": 0}),
    ("visits", lambda n: {"patient": f"load-{n}"}),
]
LEAVES: Mapping[str, str] = {"Weigh": "weight", "Measure": "height", "Open": "opened", "GoHome": "home"}
"""The variable in which each task of a visit leaves its key."""
SEEN = ("trail", "letters", "parcel", "findings", *LEAVES.values())
"""Variables of which is noted what a handler saw."""
FATES = ("", "suspend", "cancel", "modify", "migrate", "suspend migrate")
"""What operators do to the visits, by the number of the start."""
OLDEST, NEWEST = "visits:1", "visits:2"
RENAMED: Mapping[str, str] = {"Chime": "Bell"}
"""What elements of the first version of a process are called in the second."""
ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "DecideStart": {"decision": "approve"},
    "PackItem": {"weight": 5},
    "ReviewInvoice": {"plausible": True},
    "ApproveInvoice": {"decision": "approve"},
}
EXCUSED = ("workers vanished",)
"""What an incident may say: the engine keeps a job that took many workers down from taking down more. Here it was
not the job, so an operator has it tried again."""


def fate_of(number: int) -> str:
    return FATES[number % len(FATES)]


def number_of(business_key: str | None) -> int:
    return int(str(business_key).removeprefix("load-"))


def first_version(visits: bytes) -> bytes:
    """An older diagram of the visits: the bell has another name, and the doctor strolls home."""
    return visits.replace(b'"Bell"', b'"Chime"').replace(b"${ride}", b"${stroll}")


def note(to: str = CALLS, /, **what: Any) -> None:
    """One write each, so a kill leaves whole lines, in the order of what happened."""
    log = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(log, json.dumps(what).encode() + b"\n")
    finally:
        os.close(log)


def asked_for(folder: Path) -> list[int]:
    """The numbers of the instances that somebody has asked for, each once, in order."""
    return sorted({line["start"] for line in lines_of(folder, "start")})


def lines_of(folder: Path, kind: str) -> list[dict[str, Any]]:
    log = folder / CALLS
    found = log.read_bytes().splitlines() if log.exists() else []
    return [json.loads(line) for line in found if line.startswith(f'{{"{kind}":'.encode())]
