"""Who deals with the company over HTTP while faults are done: customers, two carriers, people, and an operator.

None of them can know whether a request that broke off has been done: they ask the same again until they are told.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from asking import NoAnswer, Said, Web, until_known
from load import ANSWERS, AT_ONCE, EXCUSED, LOCK, MET, NO_MORE, ORDERS, STARTS, fate_of, note, number_of

API = "/api/v1"
NAMES = ("customers", "people", "others", "native-carrier", "camunda-carrier", "ringers", "operators")
"""Of the tokens."""
BETWEEN_RINGS = 1.5
"""Seconds."""


def deal(folder: Path, port: int, tokens: Mapping[str, str], haste: float, seed: int, comes_up: int) -> int:
    """Until asked to end by SIGTERM, and all that was asked is answered; the exit status. *haste*: how often, of one,
    they give up early."""
    os.chdir(folder)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    dice = random.Random(seed)
    webs = {name: Web(port, token, dice, haste) for name, token in tokens.items()}
    customers, people = Customers(webs["customers"], folder), People(webs["people"], webs["others"], dice)
    webs["camunda-carrier"] = Web(port, tokens["camunda-carrier"], dice, haste, refusals=(400, 404))
    native = Carrier(NativeTasks(webs["native-carrier"]), dice)
    camunda = Carrier(CamundaTasks(webs["camunda-carrier"]), dice)
    carriers = (native, camunda)
    again = (customers.start_again, customers.send_again, people.confirm_again, people.answer_again)
    orders = Orders(folder, [*again, native.again, camunda.again], carriers, dice)
    ringers, operators = Ringers(webs["ringers"]), Operators(webs["operators"], stop)
    works = (customers.start, customers.send, people.answer, people.confirm, people.operate, orders.do)
    works += (ringers.ring, operators.suspend, operators.cancel)
    threads = [threading.Thread(target=_forever, args=(work, stop)) for work in (*works, native.work, camunda.work)]
    for thread in threads:
        thread.start()
    os.write(comes_up, b"!")
    while not stop.wait(0.5):
        pass
    for thread in threads:
        thread.join()
    return 0


def _forever(work: Callable[[], None], stop: threading.Event) -> None:
    while not stop.wait(0.03):
        try:
            work()
        except NoAnswer:
            stop.wait(0.05)
        except Exception as problem:
            note(bug=f"{work} met {type(problem).__name__}: {problem}")


class Customers:
    """They start instances, each with a key for the request; and publish two letters for each errand, the second once
    the first is taken in. Letters may be early, and come twice: their ids keep them one."""

    def __init__(self, web: Web, folder: Path) -> None:
        self._web = web
        self._no_more = folder / NO_MORE
        self._started = 0
        self._letters: list[tuple[int, int]] = []
        self._sent: list[tuple[int, int]] = []

    def start(self) -> None:
        running = self._web.look(f"{API}/process-instances?state=running&limit=200")["items"]
        if len(running) >= AT_ONCE or self._no_more.exists():
            return
        number = self._started + 1
        note(start=number)
        if STARTS[number % len(STARTS)][0] == "errands":
            self._letters += [(number, 1), (number, 2)]
        until_known(lambda: self._start(number))
        self._started = number

    def start_again(self, dice: random.Random) -> bool:
        if not self._started:
            return False
        number = dice.randint(max(1, self._started - 50), self._started)
        until_known(lambda: self._start(number))
        return True

    def send(self) -> None:
        if self._letters:
            until_known(lambda: self._send(*self._letters[0]))
            self._sent = [*self._sent[-100:], self._letters.pop(0)]

    def send_again(self, dice: random.Random) -> bool:
        if not self._sent:
            return False
        number, letter = dice.choice(self._sent)
        until_known(lambda: self._send(number, letter))
        return True

    def _start(self, number: int) -> Said:
        key, variables = STARTS[number % len(STARTS)]
        name = f"load-{number}"
        body = {"key": key, "business_key": name, "variables": variables(number)}
        if key == "visits" and "migrate" in fate_of(number):
            body["version"] = 1
        return self._web.ask("start", name, f"{API}/process-instances", body, key=name)

    def _send(self, number: int, letter: int) -> Said:
        name = f"load-{number}/{letter}"
        body = {
            "name": "letter",
            "correlation_key": f"load-{number}",
            "variables": {"number": letter},
            "ttl_seconds": 9 * 24 * 3600,
            "message_id": name,
        }
        return self._web.ask("letter", name, f"{API}/messages/publish", body)


class People:
    """They answer tasks, confirm shipments, and try again what was stopped for no fault of its own. *others*: who
    answers what has been answered."""

    def __init__(self, web: Web, others: Web, dice: random.Random) -> None:
        self._web = web
        self._others = others
        self._dice = dice
        self._done: list[tuple[str, str]] = []
        self._confirmed: list[str] = []

    def answer(self) -> None:
        if tasks := self._web.look(f"{API}/user-tasks?limit=20")["items"]:
            task = self._dice.choice(tasks)
            until_known(lambda: self._answer(self._web, task["id"], task["element_id"]))
            self._done = [*self._done[-100:], (task["id"], task["element_id"])]

    def answer_again(self, dice: random.Random) -> bool:
        if not self._done:
            return False
        task_id, element = dice.choice(self._done)
        until_known(lambda: self._answer(self._others, task_id, element))
        return True

    def confirm(self) -> None:
        wanted = "process_key=order-fulfilment&state=running&active_at=CarrierAnswers"
        for order in self._web.look(f"{API}/process-instances?{wanted}&limit=50")["items"]:
            if until_known(lambda key=order["business_key"]: self._confirm(key)).result == "done":
                self._confirmed = [*self._confirmed[-50:], order["business_key"]]

    def confirm_again(self, dice: random.Random) -> bool:
        if not self._confirmed:
            return False
        key = dice.choice(self._confirmed)
        until_known(lambda: self._confirm(key))
        return True

    def operate(self) -> None:
        for incident in self._web.look(f"{API}/incidents?limit=200")["items"]:
            if any(words in incident["message"] for words in EXCUSED):
                path = f"{API}/incidents/{incident['id']}/retry"
                until_known(lambda where=path: self._web.ask("retry", where, where, {}))

    def _answer(self, web: Web, task_id: str, element: str) -> Said:
        body = {"variables": ANSWERS.get(element, {})}
        return web.ask("task", task_id, f"{API}/user-tasks/{task_id}/complete", body)

    def _confirm(self, business_key: str) -> Said:
        body = {
            "name": "shipment-confirmed",
            "correlation_key": business_key,
            "variables": {"trackingNumber": "T"},
        }
        return self._web.ask("confirm", business_key, f"{API}/messages/correlate", body, key=f"confirm {business_key}")


class Ringers:
    """They ring at the doors: whoever waits for the bell hears it, each ring once."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._rung = 0
        self._next = time.monotonic() + BETWEEN_RINGS

    def ring(self) -> None:
        if time.monotonic() < self._next:
            return
        name = f"ring-{self._rung + 1}"
        body = {"name": "bell", "variables": {"ring": self._rung + 1}}
        said = until_known(lambda: self._web.ask("ring", name, f"{API}/signals", body, key=name))
        self._rung += 1
        note(rung=self._rung, receivers=said.body["receivers"])
        self._next = time.monotonic() + BETWEEN_RINGS


class Operators:
    """They suspend visits and let them go on, and cancel some, each with a reason of its own."""

    def __init__(self, web: Web, stop: threading.Event) -> None:
        self._web = web
        self._stop = stop
        self._known: set[str] = set()

    def suspend(self) -> None:
        for key, where in self._running("suspend"):
            self._ask("suspend", key, where)
            self._stop.wait(0.3)
            self._ask("activate", key, where)

    def cancel(self) -> None:
        for key, where in self._running("cancel"):
            self._ask("cancel", key, where)

    def _running(self, fate: str) -> list[tuple[str, str]]:
        """Those with this fate that have not met it: their names, and where to ask."""
        found = self._web.look(f"{API}/process-instances?process_key=visits&state=running&limit=100")["items"]
        mine = [each for each in found if fate in fate_of(number_of(each["business_key"]))]
        mine = [each for each in mine if each["id"] not in self._known]
        self._known |= {each["id"] for each in mine}
        return [(each["business_key"], f"{API}/process-instances/{each['id']}") for each in mine]

    def _ask(self, what: str, key: str, where: str) -> None:
        until_known(lambda: self._web.ask(what, key, f"{where}/{what}", {"reason": f"{what} {key}"}))


@dataclass(frozen=True, slots=True)
class Held:
    """A parcel that was fetched: its job, the instance, and the token of the lock where there is one."""

    id: str
    instance: str
    lock: str | None


class NativeTasks:
    """External tasks over our own API."""

    def __init__(self, web: Web) -> None:
        self._web = web

    def fetch(self) -> list[Held]:
        topics = [{"name": "parcel", "lock_seconds": LOCK}]
        body = {"worker_id": "native", "topics": topics, "max_tasks": 3, "wait_seconds": 0.5}
        tasks = self._web.look(f"{API}/external-tasks/fetch", body)["tasks"]
        return [Held(each["id"], each["instance_id"], each["lock_token"]) for each in tasks]

    def complete(self, held: Held, parcel: str) -> Said:
        body = {"worker_id": "native", "lock_token": held.lock, "variables": {"parcel": parcel}}
        path = f"{API}/external-tasks/{held.id}/complete"
        return self._web.ask("parcel", held.id, path, body, parcel=parcel, instance=held.instance)


class CamundaTasks:
    """External tasks as workers for Camunda 7 ask for them. A lock is the worker's name, and no more."""

    def __init__(self, web: Web) -> None:
        self._web = web

    def fetch(self) -> list[Held]:
        topics = [{"topicName": "parcel", "lockDuration": int(LOCK * 1000)}]
        body = {"workerId": "camunda", "topics": topics, "maxTasks": 3, "asyncResponseTimeout": 500}
        tasks = self._web.look("/engine-rest/external-task/fetchAndLock", body)
        return [Held(each["id"], each["processInstanceId"], None) for each in tasks]

    def complete(self, held: Held, parcel: str) -> Said:
        body = {"workerId": "camunda", "variables": {"parcel": {"value": parcel, "type": "String"}}}
        path = f"/engine-rest/external-task/{held.id}/complete"
        return self._web.ask("parcel", held.id, path, body, parcel=parcel, instance=held.instance)


class Carrier:
    """Fetches parcels under a short lock. What is delivered carries a token of its own. *to_be_lost*, *to_be_late*:
    the orders for which the next parcels are."""

    def __init__(self, tasks: NativeTasks | CamundaTasks, dice: random.Random) -> None:
        self._tasks = tasks
        self._dice = dice
        self._done: list[Held] = []
        self._late: list[tuple[float, Held, int]] = []
        self.to_be_lost: list[int] = []
        self.to_be_late: list[int] = []

    def work(self) -> None:
        if self._late and self._late[0][0] < time.monotonic():
            _, held, order = self._late.pop(0)
            self._deliver(held)
            note(MET, order=order, has_met=True)
        for held in self._tasks.fetch():
            if self.to_be_lost:
                note(MET, order=self.to_be_lost.pop(0), has_met=True)
            elif self.to_be_late:
                self._late.append((time.monotonic() + 1.5 * LOCK, held, self.to_be_late.pop(0)))
            else:
                self._deliver(held)
                self._done = [*self._done[-50:], held]

    def again(self, dice: random.Random) -> bool:
        """One of the last, once more, with another content."""
        if not self._done:
            return False
        self._deliver(dice.choice(self._done))
        return True

    def _deliver(self, held: Held) -> None:
        parcel = token_hex(8)
        until_known(lambda: self._tasks.complete(held, parcel), tries=20)


class Orders:
    """Reads what the run wants to be delivered again, late or never."""

    def __init__(
        self,
        folder: Path,
        again: Sequence[Callable[[random.Random], bool]],
        carriers: Sequence[Carrier],
        dice: random.Random,
    ) -> None:
        self._file = folder / ORDERS
        self._again = again
        self._carriers = carriers
        self._dice = dice
        self._read = 0
        self._file.touch()

    def do(self) -> None:
        with self._file.open() as orders:
            orders.seek(self._read)
            line = orders.readline()
        if not line.endswith("\n"):
            return
        self._read += len(line)
        wanted = json.loads(line)
        match wanted["do"]:
            case "duplicate delivery":
                has_met = any(again(self._dice) for again in self._dice.sample(self._again, len(self._again)))
                note(MET, order=wanted["order"], has_met=has_met)
            case "late delivery":
                self._dice.choice(self._carriers).to_be_late.append(wanted["order"])
            case "lost delivery":
                self._dice.choice(self._carriers).to_be_lost.append(wanted["order"])
            case other:
                raise ValueError(other)
