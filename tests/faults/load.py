"""What the company is asked to do, and the marks by which a run and its clients understand each other."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

CALLS = "calls.jsonl"
LOCK = 1.0
"""Seconds for which a carrier holds a parcel."""
AT_ONCE = 30
"""Instances that are kept running."""
NO_MORE = "no-more"
"""A file that, once it is there, keeps clients from asking for new instances."""
ORDERS = "orders.jsonl"
"""What the run wants of the clients: deliveries that are repeated, late or lost."""

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
    ("straight", lambda n: {}),
    ("rounds", lambda n: {"rounds": 0}),
]
ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "DecideStart": {"decision": "approve"},
    "PackItem": {"weight": 5},
    "ReviewInvoice": {"plausible": True},
    "ApproveInvoice": {"decision": "approve"},
}
EXCUSED = ("workers vanished",)
"""What an incident may say: the engine keeps a job that took many workers down from taking down more. Here it was
not the job, so an operator has it tried again."""


def asked_for(folder: Path) -> list[int]:
    """The numbers of the instances that somebody has asked for, each once, in order."""
    return sorted({line["start"] for line in lines_of(folder, "start")})


def lines_of(folder: Path, kind: str) -> list[dict[str, Any]]:
    log = folder / CALLS
    found = log.read_bytes().splitlines() if log.exists() else []
    return [json.loads(line) for line in found if line.startswith(f'{{"{kind}":'.encode())]
