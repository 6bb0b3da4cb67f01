"""What operators do: trying again, moving tokens, other versions, beginning again, and many at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from engine.batch import (
    ActivateAll,
    BatchState,
    CancelAll,
    DeleteAll,
    MigrateAll,
    Operation,
    RetryAll,
    SetVariablesOfAll,
    SuspendAll,
)
from engine.engine import Engine
from engine.migration import MigrationPlan
from engine.modification import CancelElement, StartBefore
from tests.engine.stateful.crashes import Death
from tests.engine.stateful.machine import TICK, Deed, Machine, command
from tests.engine.stateful.model import (
    AVAILABLE,
    BRANCHES,
    CANCELLED,
    LATE_AFTER,
    RUNNING,
    STAGES,
    SUSPENDED,
    Request,
    Work,
    World,
)

DONE, SKIPPED, REFUSED = "done", "skipped", "failed"
TAKEN_FOR_DEAD = timedelta(seconds=40)
BATCHES = ("cancel", "suspend", "activate", "set-variables", "retry", "migrate", "delete")


def _is_any(fits: Callable[[Request], object]) -> Callable[[Machine], bool]:
    return lambda machine: any(fits(each) for each in machine.world.requests)


def _is_whole(request: Request) -> bool:
    """No token waits at the join."""
    return request.is_live and len(request.at.keys() & BRANCHES) != 1


class Operators(Machine):
    @command(14, _is_any(lambda each: each.failed))
    def retry(self) -> Deed:
        request = self.one(lambda each: each.failed)
        [element] = request.failed
        [incident] = self.engines[0].read.incidents(request.id)
        retries = self.draw(None, 1)

        def effect() -> None:
            _renew(self.world, request, element, retries)

        is_refused = request.state == SUSPENDED
        return Deed(lambda engine: engine.retry(incident.id, retries=retries), effect, is_refused)

    @command(3, _is_any(_is_whole))
    def modify(self) -> Deed:
        """All tokens go, and one begins elsewhere."""
        request, stage = self.one(_is_whole), self.draw(*STAGES, "Stamp")
        instructions = [*(CancelElement(each) for each in request.at), StartBefore(stage, {"moved": stage})]

        def effect() -> None:
            self.world.take_away(request)
            request.variables["moved"] = stage
            request.log["instance.modified"] += 1
            self.world.enter(request, stage)

        return Deed(lambda engine: engine.modify(request.id, *instructions), effect)

    @command(3, _is_any(lambda each: each.is_live and not _is_whole(each)))
    def begin_a_branch_again(self) -> Deed:
        """A token waits at the join, and stays there."""
        request = self.one(lambda each: each.is_live and not _is_whole(each))
        [element] = request.at

        def effect() -> None:
            self.world.take_away(request)
            request.log["instance.modified"] += 1
            self.world.enter(request, element)

        return Deed(lambda engine: engine.modify(request.id, CancelElement(element), StartBefore(element)), effect)

    @command(3, lambda machine: len(machine.world.hours) > 1 and machine.world.requests)
    def migrate(self) -> Deed:
        request, re_arms = self.mostly(lambda each: each.is_live), self.draw(False, True)
        plan = self._plan(request)

        def effect() -> None:
            _migrate(self.world, request, plan, re_arms=re_arms)

        return Deed(
            lambda engine: engine.migrate(request.id, plan, re_arms=re_arms),
            effect,
            is_refused=not request.is_live,
            commits=2,
        )

    @command(3, _is_any(lambda each: not each.is_live))
    def restart(self) -> Deed:
        ended = self.one(lambda each: not each.is_live)

        def effect() -> None:
            request = Request(self.new_id(), ended.customer, ended.version, {**ended.variables, "again": True})
            self.world.requests.append(request)
            request.log.update(("instance.started", "instance.restarted"))
            ended.log["instance.restarted_as"] += 1
            for element in sorted(ended.stood_at, reverse=True):  # the answer last
                self.world.enter(request, element)

        is_refused = ended.state != CANCELLED
        return Deed(lambda engine: engine.restart(ended.id, variables={"again": True}), effect, is_refused)

    @command(7, lambda machine: machine.world.requests)
    def batch(self) -> None:
        """Over some instances; the worker that does it may die in the middle."""
        engine = self.engines[self.by]
        self._work_ahead(engine)
        is_wanted = any(each.failed and each.state == RUNNING for each in self.world.requests)
        kind = self.draw(*BATCHES, *["retry"] * 5 * is_wanted)
        chosen = [each for each in self.world.requests if self.draw(True, False)]
        if kind == "migrate":
            chosen = [each for each in chosen if each.version == chosen[0].version]
        incidents = {each.id: self.engines[0].read.incidents(each.id)[0].id for each in chosen if each.failed}
        if kind == "retry":
            chosen = [each for each in chosen if each.failed]
        if not chosen:
            return
        ids = [incidents[each.id] if kind == "retry" else each.id for each in chosen]
        operation = self._operation(kind, chosen[0])
        batch_id = engine.batch(operation, ids).id
        became = Counter(_foreseen(kind, each, operation) for each in chosen)
        if REFUSED not in became and self.draw(False, False, True):
            self._do_batch_and_die(kind, chosen, operation)
        else:
            self._do_batch(kind, chosen, operation)
        batch = self.engines[0].batches.get(batch_id)
        assert (batch.state, batch.waiting) == (BatchState.COMPLETED, 0)
        assert (batch.done, batch.skipped, batch.failed) == (became[DONE], became[SKIPPED], became[REFUSED])
        self.done[f"batch ({kind})"] += became[DONE] > 0

    def _work_ahead(self, engine: Engine) -> None:
        """Until nothing else is due before a worker that has died is taken for dead."""
        self.world.recover()
        self.works(engine)
        while (at := self.world.next_due_at()) is not None and at <= self.world.now + TAKEN_FOR_DEAD:
            self.pass_by(at + TICK - self.world.now)
            self.world.recover()
            self.works(engine)

    def _do_batch(self, kind: str, chosen: list[Request], operation: Operation) -> None:
        ran = self.engines[self.by].work()
        for request in chosen:
            self._do(kind, request, operation)
        self.check_ran(self.engines[self.by], ran, lambda: 1 + self.world.work())

    def _do_batch_and_die(self, kind: str, chosen: list[Request], operation: Operation) -> None:
        """In the commit that does it; another worker goes on once the lease has run out."""
        engine, is_after = self.engines[self.by], self.draw(False, True)
        death = Death(2, is_after=is_after)
        with death.waiting_for(engine):
            engine.work()
        assert death.has_come
        self.replace_engine()
        if is_after:
            for request in chosen:
                self._do(kind, request, operation)
        self.pass_by(TAKEN_FOR_DEAD)
        self.world.recover()
        ran = self.engines[1 - self.by].work()
        if not is_after:
            for request in chosen:
                self._do(kind, request, operation)
        self.check_ran(self.engines[1 - self.by], ran, lambda: (not is_after) + self.world.work())
        self.done["a batch whose worker died"] += 1

    def _operation(self, kind: str, first: Request) -> Operation:
        if kind == "migrate":
            return MigrateAll(self._plan(first), self.draw(False, True))
        if kind == "set-variables":
            return SetVariablesOfAll({"batch": self.draw(1, 2)})
        return {
            "cancel": CancelAll,
            "suspend": SuspendAll,
            "activate": ActivateAll,
            "retry": RetryAll,
            "delete": DeleteAll,
        }[kind]()

    def _do(self, kind: str, request: Request, operation: Operation) -> None:
        if _foreseen(kind, request, operation) != DONE:
            return
        if kind != "delete":
            request.log["batch.applied"] += 1
        if kind == "cancel":
            self.world.cancel(request)
        elif kind == "delete":
            self.world.requests.remove(request)
        elif kind == "retry":
            _renew(self.world, request, request.failed[0], None)
        elif isinstance(operation, SetVariablesOfAll):
            request.variables |= operation.variables
            request.log["variables.set"] += 1
        elif isinstance(operation, MigrateAll):
            _migrate(self.world, request, operation.plan, re_arms=operation.re_arms)
        else:
            request.state = SUSPENDED if kind == "suspend" else RUNNING
            request.log["instance.suspended" if kind == "suspend" else "instance.activated"] += 1

    def _plan(self, request: Request) -> MigrationPlan:
        """From the version of an instance to another one."""
        others = [each for each in range(1, len(self.world.hours) + 1) if each != request.version]
        return self.engines[0].migration_plan("request", source=request.version, target=self.of(others))


def _foreseen(kind: str, request: Request, operation: Operation) -> str:
    """What becomes of an item of a batch."""
    match kind:
        case "cancel":
            return DONE if request.is_live else SKIPPED
        case "suspend":
            return {RUNNING: DONE, SUSPENDED: SKIPPED}.get(request.state, REFUSED)
        case "activate":
            return {SUSPENDED: DONE, RUNNING: SKIPPED}.get(request.state, REFUSED)
        case "set-variables" | "retry":
            return DONE if request.state == RUNNING else REFUSED
        case "delete":
            return REFUSED if request.is_live else DONE
        case _:
            return DONE if request.is_live else REFUSED


def _renew(world: World, request: Request, element: str, retries: int | None) -> None:
    work = request.jobs[element]
    work.let_go(AVAILABLE, world.now)
    work.left = retries
    request.log["incident.resolved"] += 1
    request.log["job.retried"] += 1


def _migrate(world: World, request: Request, plan: MigrationPlan, *, re_arms: bool) -> None:
    request.version = plan.target_version
    request.log["instance.migrated"] += 1
    if not re_arms:
        return
    if "Late" in request.jobs:
        request.jobs["Late"] = Work("timer", world.now + LATE_AFTER)
    if "Pause" in request.jobs:
        request.jobs["Pause"] = Work("timer", world.now + timedelta(hours=world.hours[request.version - 1]))
    if "Answer" in request.at:
        request.since = world.now
