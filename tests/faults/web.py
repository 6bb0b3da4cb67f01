"""What comes in over the web while faults are done: starts, answers of people, messages, deliveries of a carrier.

Its clients cannot know whether a request that broke off has been done: they look, or they ask again.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

from company import CALLS, forever, note

from engine import Engine
from engine.errors import Conflict, EngineError, NotFound
from engine.external.records import Topic

LOCK = timedelta(seconds=1)
AT_ONCE = 30
"""Instances that are kept running."""
NO_MORE = "no-more"
"""A file that, once it is there, keeps clients from asking for new instances."""
ORDERS = "orders.jsonl"
"""What the run wants of the clients: deliveries that are repeated, late or lost."""

Held = tuple[str, str, str]
"""A job, who has fetched it, and the token of the lock."""

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


def open_web(engine: Engine, dice: random.Random, folder: Path) -> None:
    """Lets all of them come, in threads."""
    starts, carrier = Starts(engine, folder), Carrier(engine, dice, folder)
    post = Post(engine, starts)
    people = People(engine, dice, folder)
    orders = Orders(folder, {"task": people.again, "letter": post.again, "parcel": carrier.again}, carrier, dice)
    for work in (starts.next, post.send, carrier.deliver, people.answer, people.confirm, people.operate, orders.do):
        forever(work, 0.01)


class Starts:
    """Asks for the next instance, and again for the last ones where they are not to be found."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self.asked = asked_for(folder)
        self._unsure = self.asked[-20:]

    def next(self) -> None:
        if self._unsure:
            if not self._engine.read.instances(business_key=f"load-{self._unsure[0]}", limit=1).total:
                self._ask(self._unsure[0])
            self._unsure.pop(0)
        elif not (self._folder / NO_MORE).exists() and self._engine.read.instances(state="running").total < AT_ONCE:
            self.asked.append(max(self.asked, default=0) + 1)
            self._unsure.append(self.asked[-1])

    def _ask(self, number: int) -> None:
        key, variables = STARTS[number % len(STARTS)]
        note(start=number)
        self._engine.start(key, variables=variables(number), business_key=f"load-{number}", by="user:load")


class Post:
    """Publishes two letters for each errand, the second once the first is taken in. They may be early, and come
    twice: their ids keep them one."""

    def __init__(self, engine: Engine, starts: Starts) -> None:
        self._engine = engine
        self._starts = starts
        self._known = max(starts.asked, default=0) - 40
        self._to_send: list[tuple[int, int]] = []
        self._sent: list[tuple[int, int]] = []

    def send(self) -> None:
        if not self._to_send:
            asked = [n for n in self._starts.asked[-50:] if n > self._known]
            self._to_send = [(n, letter) for n in asked if STARTS[n % len(STARTS)][0] == "errands" for letter in (1, 2)]
            self._known = max(asked, default=self._known)
        if self._to_send:
            self._publish(*self._to_send[0])
            self._sent = [*self._sent[-100:], self._to_send.pop(0)]

    def again(self, dice: random.Random) -> bool:
        if not self._sent:
            return False
        number, letter = dice.choice(self._sent)
        note(letter=f"load-{number}", number=letter, again=self._publish(number, letter))
        return True

    def _publish(self, number: int, letter: int) -> str:
        published = self._engine.publish(
            "letter",
            correlation_key=f"load-{number}",
            variables={"number": letter},
            ttl=timedelta(days=9),
            message_id=f"load-{number}/{letter}",
        )
        return published.outcome


class Carrier:
    """Two workers elsewhere, who fetch parcels under a short lease. What is delivered carries a token of its own."""

    def __init__(self, engine: Engine, dice: random.Random, folder: Path) -> None:
        self._engine = engine
        self._dice = dice
        self._done = [line["held"] for line in lines_of(folder, "delivery") if line["result"] == "accepted"][-50:]
        self._late: list[tuple[float, Held]] = []
        self.are_lost = self.are_late = 0

    def deliver(self) -> None:
        if self._late and self._late[0][0] < time.monotonic():
            self._complete(self._late.pop(0)[1])
        topic = Topic("parcel", LOCK)
        for task in self._engine.external.fetch_and_lock(self._dice.choice(["carrier-1", "carrier-2"]), [topic]):
            held = (task.id, task.worker_id or "", task.lock_token or "")
            if self.are_lost:
                self.are_lost -= 1
                note(lost=task.id)
            elif self.are_late:
                self.are_late -= 1
                self._late.append((time.monotonic() + 1.5 * LOCK.total_seconds(), held))
            else:
                self._complete(held)
                self._done = [*self._done[-50:], held]

    def again(self, dice: random.Random) -> bool:
        """One of the last, once more."""
        if not self._done:
            return False
        with suppress(EngineError):
            self._complete(dice.choice(self._done))
        return True

    def _complete(self, held: Held) -> None:
        job_id, worker_id, lock = held
        token, result = token_hex(8), "unknown"
        note(delivery=job_id, token=token, held=held, result="sent")
        try:
            self._engine.external.complete(job_id, worker_id, {"parcel": token}, token=lock)
            result = "accepted"
        except (NotFound, Conflict):
            result = "refused"
            raise
        finally:
            note(delivery=job_id, token=token, held=held, result=result)


class People:
    def __init__(self, engine: Engine, dice: random.Random, folder: Path) -> None:
        self._engine = engine
        self._dice = dice
        self._done = [(line["answered"], line["task"]) for line in lines_of(folder, "answered")][-100:]

    def answer(self) -> None:
        if tasks := self._engine.read.tasks(scope="all", limit=20).items:
            task = self._dice.choice(tasks)
            self._engine.complete(task.id, ANSWERS.get(task.element_id, {}), by="user:ann")
            note(answered=task.id, task=task.element_id)
            self._done = [*self._done[-100:], (task.id, task.element_id)]

    def again(self, dice: random.Random) -> bool:
        if not self._done:
            return False
        task_id, element = dice.choice(self._done)
        try:
            self._engine.complete(task_id, ANSWERS.get(element, {}), by="user:bob")
            note(bug=f"task {task_id} was completed twice")
        except (NotFound, Conflict):
            note(twice=task_id)
        return True

    def confirm(self) -> None:
        for order in self._engine.read.instances(key="order-fulfilment", state="running", limit=50).items:
            if any(activity.element_id == "CarrierAnswers" for activity in self._engine.read.active(order.id)):
                key = order.business_key
                self._engine.correlate("shipment-confirmed", correlation_key=key, variables={"trackingNumber": "T"})

    def operate(self) -> None:
        for incident in self._engine.read.incidents(open_only=True):
            if any(words in incident.message for words in EXCUSED):
                self._engine.retry(incident.id, by="user:operator")


class Orders:
    """Reads what the run wants to be delivered again, late or never; and says how often it has done so."""

    def __init__(
        self,
        folder: Path,
        again: Mapping[str, Callable[[random.Random], bool]],
        carrier: Carrier,
        dice: random.Random,
    ) -> None:
        self._file = folder / ORDERS
        self._again = again
        self._carrier = carrier
        self._dice = dice
        self._at = folder / f"{ORDERS}.at"  # what a web that died has not read, the next one does
        self._read = int(self._at.read_text() or 0) if self._at.exists() else 0
        self._file.touch()

    def do(self) -> None:
        with self._file.open() as orders:
            orders.seek(self._read)
            line = orders.readline()
        if not line.endswith("\n"):
            return
        self._read += len(line)
        self._at.write_text(str(self._read))
        match json.loads(line)["do"]:
            case "duplicate delivery":
                self._dice.choice(list(self._again.values()))(self._dice)
            case "late delivery":
                self._carrier.are_late += 1
            case "lost delivery":
                self._carrier.are_lost += 1
            case other:
                raise ValueError(other)


def asked_for(folder: Path) -> list[int]:
    """The numbers of the instances that somebody has asked for, each once, in order."""
    return sorted({line["start"] for line in lines_of(folder, "start")})


def lines_of(folder: Path, kind: str) -> list[dict[str, Any]]:
    log = folder / CALLS
    found = log.read_bytes().splitlines() if log.exists() else []
    return [json.loads(line) for line in found if line.startswith(f'{{"{kind}":'.encode())]
