"""What people and programs ask of the engine: instances, tasks, messages, signals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from engine.engine import Engine
from engine.model import InstanceState, PublicationOutcome
from tests.engine.stateful.machine import CUSTOMERS, Deed, Machine, command
from tests.engine.stateful.model import KEPT, RUNNING, SUSPENDED, Letter, Request


def _has(element: str) -> Any:
    return lambda machine: any(element in each.at for each in machine.world.requests if each.is_live)


def _has_room(machine: Machine) -> bool:
    return sum(each.is_live for each in machine.world.requests) < 4 and len(machine.world.requests) < 8


def _anybody(machine: Machine) -> bool:
    return bool(machine.world.requests)


class People(Machine):
    @command(1)
    def deploy(self) -> Deed:
        """A file that is the same as the newest makes no new version."""
        hours = self.draw(1, 2, 3)

        def effect() -> None:
            if self.world.hours[-1] != hours:
                self.world.hours.append(hours)

        return Deed(lambda engine: self._deploy(engine, hours), effect, commits=None)

    @command(6, _has_room)
    def start_one(self) -> Deed:
        customer = self.draw(*CUSTOMERS)
        version = self.draw(None, *range(1, len(self.world.hours) + 1))
        return Deed(
            lambda engine: engine.start("request", variables={"customer": customer}, version=version),
            lambda: self.started(customer, version),
        )

    @command(5, _has("Approve"))
    def claim(self) -> Deed:
        request, user = self.one(lambda each: "Approve" in each.at and each.is_live), self.draw("kim", "lee")
        task = self.task_id(request)

        def effect() -> None:
            request.assignee = user
            request.log["task.claimed"] += 1

        is_refused = request.state == SUSPENDED or request.assignee not in (None, user)
        return Deed(lambda engine: engine.claim(task, user), effect, is_refused)

    @command(6, _has("Approve"))
    def complete(self) -> Deed:
        request, yes = self.one(lambda each: "Approve" in each.at and each.is_live), self.draw(True, False)
        task = self.task_id(request)

        def effect() -> None:
            self.world.finish(request, "Approve", approved=yes)
            self.closed_tasks.append(task)

        return Deed(lambda engine: engine.complete(task, {"approved": yes}), effect, request.state == SUSPENDED)

    @command(1, lambda machine: machine.closed_tasks)
    def complete_again(self) -> Deed:
        task = self.of(self.closed_tasks)
        return Deed(lambda engine: engine.complete(task, {"approved": "again"}), lambda: None, is_refused=True)

    @command(8, _has("Answer"))
    def correlate(self) -> Deed:
        customer, word = self._customer(), self.draw("", "yes", "é")
        waiting = [each for each in self.world.waiting("Answer") if each.customer == customer]

        def effect() -> None:
            waiting[0].log["message.correlated"] += 1
            self.world.finish(waiting[0], "Answer", word=word)

        return Deed(
            lambda engine: engine.correlate("answer", correlation_key=customer, variables={"word": word}),
            effect,
            is_refused=len(waiting) != 1 or waiting[0].state == SUSPENDED or waiting[0].has_deferred("Answer"),
        )

    @command(5)
    def publish(self) -> Deed:
        """One that keeps a message for when it goes on gets no second one."""
        customer, word, message_id = self._customer(), self.draw("now", "later"), self.draw(None, "m1")
        ttl = self.draw(timedelta(), timedelta(minutes=50), timedelta(hours=30))
        waiting = [each for each in self.world.waiting("Answer") if each.customer == customer]
        waiting = [each for each in waiting if not each.has_deferred("Answer")]
        same = (customer, message_id)
        is_known = message_id is not None and any(
            (each.key, each.message_id) == same for each in self.world.alive_letters()
        )
        wanted = PublicationOutcome.DELIVERED if waiting else PublicationOutcome.STORED
        wanted = PublicationOutcome.DUPLICATE if is_known else wanted if waiting or ttl else PublicationOutcome.DROPPED

        def call(engine: Engine) -> None:
            given: dict[str, Any] = {"correlation_key": customer, "variables": {"word": word}}
            assert engine.publish("answer", **given, ttl=ttl, message_id=message_id).outcome is wanted

        def effect() -> None:
            self.done[f"publish ({wanted})"] += 1
            if is_known:
                return
            if ttl and (message_id is not None or not waiting):
                letter = Letter(customer, word, self.world.now + ttl, message_id, is_waiting=not waiting)
                self.world.letters.append(letter)
            if waiting:
                waiting[0].log["message.correlated"] += 1
                self.world.reach(waiting[0], "Answer", word=word)

        return Deed(call, effect)

    @command(5, _has("Go"))
    def signal(self) -> Deed:
        """One that is suspended gets it when it goes on; a second one comes too late then."""
        waiting = self.world.waiting("Go")

        def call(engine: Engine) -> None:
            assert engine.signal("go", variables={"gone": True}) == len(waiting)

        def effect() -> None:
            for request in waiting:
                self.world.reach(request, "Go", gone=True)

        return Deed(call, effect)

    @command(2, _anybody)
    def set_variables(self) -> Deed:
        request, value = (
            self.mostly(lambda each: each.state == RUNNING),
            self.draw(None, 1, 2.5, "ü", [1, [2]], {"a": None}),
        )

        def effect() -> None:
            request.variables["note"] = value
            request.log["variables.set"] += 1

        is_refused = request.state != RUNNING
        return Deed(lambda engine: engine.set_variables(request.id, {"note": value}), effect, is_refused)

    @command(2, _anybody)
    def suspend(self) -> Deed:
        request = self.mostly(lambda each: each.state == RUNNING)
        effect = _switch(request, SUSPENDED, "instance.suspended")
        return Deed(lambda engine: engine.suspend(request.id), effect, request.state != RUNNING)

    @command(6, lambda machine: any(each.state == SUSPENDED for each in machine.world.requests))
    def activate(self) -> Deed:
        request = self.mostly(lambda each: each.state == SUSPENDED)
        effect = _switch(request, RUNNING, "instance.activated")
        return Deed(lambda engine: engine.activate(request.id), effect, request.state != SUSPENDED)

    @command(3, _anybody)
    def cancel(self) -> Deed:
        request = self.mostly(lambda each: each.is_live)
        return Deed(
            lambda engine: engine.cancel(request.id, reason="changed my mind"),
            lambda: self.world.cancel(request),
            is_refused=not request.is_live,
        )

    @command(3, lambda machine: machine.ended_long_ago())
    def clean_up(self) -> Deed:
        gone = self.ended_long_ago()

        def call(engine: Engine) -> None:
            assert engine.cleanup().instances == len(gone)

        def effect() -> None:
            self.world.requests = [each for each in self.world.requests if each not in gone]

        return Deed(call, effect, commits=None)

    def _customer(self) -> str:
        """Mostly one for whose answer an instance waits."""
        return self.draw(*[each.customer for each in self.world.waiting("Answer")] * 3, *CUSTOMERS)

    def ended_long_ago(self) -> list[Request]:
        return [each for each in self.world.requests if each.ended_at and each.ended_at + KEPT <= self.world.now]


def _switch(request: Request, state: InstanceState, action: str) -> Any:
    def effect() -> None:
        request.state = state
        request.log[action] += 1

    return effect
