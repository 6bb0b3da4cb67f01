"""What workers do, here and elsewhere: timers, handlers, external tasks; and how they die."""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from itertools import islice
from typing import Any

from sqlalchemy import select

from engine.engine import Engine
from engine.external.records import Topic
from engine.model import Job
from engine.store import tables
from tests.engine.stateful.crashes import Death
from tests.engine.stateful.machine import Deed, Lease, Machine, command
from tests.engine.stateful.model import AVAILABLE, EXTERNAL, FAILED, HELD, RUNNING, SUSPENDED, Request

LOCK = timedelta(minutes=45)
HANDLED = ("Stamp", "Weigh")


def _has_prepare(machine: Machine) -> bool:
    return any(EXTERNAL in each.jobs for each in machine.world.requests)


def _has_handling(machine: Machine) -> bool:
    return any(element in HANDLED for _, element, _ in machine.world.due())


def _has_plain_handling(machine: Machine) -> bool:
    return _has_handling(machine) and not any(each.deferred for each in machine.world.requests)


class Workers(Machine):
    # timers and handlers

    @command(4)
    def pass_time(self) -> None:
        """Some, or until something is due."""
        hours = self.draw(1 / 3, 1, 3, 25)
        due_at = self.world.next_due_at()
        if due_at is not None and self.draw(True, True, False):
            self.pass_by(due_at - self.world.now)
        else:
            self.pass_by(timedelta(hours=hours))
        self.done["pass_time"] += 1

    @command(10, lambda machine: machine.world.due())
    def work(self) -> None:
        """The second engine, which does nothing in memory, in as many commits as it needs, and no more."""
        engine, life = self.engines[self.by], Death()
        engine.work(limit=0)
        self.world.recover()
        with life.waiting_for(engine):
            if self.by == 0:
                self.works(engine)
            else:
                engine.work()
                assert life.commits == sum(1 for _ in self.world.commits_of_work())
        self.done["work"] += 1

    @command(12, _has_handling)
    def work_in_vain(self) -> None:
        """A handler fails."""
        self.world.recover()
        self.fails = self.draw(*HANDLED)
        self.works(self.engines[self.by], fails=self.fails)
        self.fails = ""
        self.done["work_in_vain"] += 1

    @command(12, _has_plain_handling)
    def work_too_long(self) -> None:
        """While a handler is called its lease runs out, and another worker does it all, or holds it: the result is not
        wanted."""
        self.world.recover()
        held, first, is_done = self.world.due(), self.by, self.draw(True, False)

        def interlude(job: Job) -> None:
            self.world.hold(held)
            self.pass_by(timedelta(hours=1))
            self.world.recover()
            self.by = 1 - first
            if is_done:
                self.works(self.engines[self.by])
            else:
                self._die_in_a_handler()

        self.interlude = interlude
        assert self.engines[first].work() == len(held)
        self.done["work_too_long" if is_done else "work_for_what_another_holds"] += 1

    @command(12, _has_plain_handling)
    def work_for_one_that_is_suspended(self) -> None:
        """Somebody suspends an instance while a handler works for it: the result is kept until it goes on."""
        self.world.recover()
        held = self.world.due()

        def interlude(job: Job) -> None:
            self.world.hold(held)
            [request] = [each for each in self.world.requests if each.id == job.instance_id]
            self.engines[1 - self.by].suspend(request.id)
            request.state = SUSPENDED
            request.log["instance.suspended"] += 1

        self.interlude = interlude
        ran = self.engines[self.by].work()
        for request, element, _ in held:
            if request.state == SUSPENDED:
                request.end_attempt(element, "completed")
                del request.jobs[element]
                self.world.defer(request, element, {element.lower(): request.id})
        others = [each for each in held if each[0].state == RUNNING]
        self.check_ran(self.engines[self.by], ran, lambda: 1 + self.world.settle(others) + self.world.work())
        self.done["work_for_one_that_is_suspended"] += 1

    @command(9, _has_handling)
    def crash_in_a_handler(self) -> None:
        """All that was taken with it waits until the lease has run out."""
        self.world.recover()
        self._die_in_a_handler()
        self.done["crash_in_a_handler"] += 1

    def _die_in_a_handler(self) -> None:
        engine, death = self.engines[self.by], Death()
        held = self.world.due()
        self.interlude = lambda job: death.come()
        with death.waiting_for(engine):
            engine.work()
        assert death.has_come
        self.world.hold(held)
        self.replace_engine()

    @command(14, lambda machine: machine.world.due())
    def crash_at_work(self) -> None:
        """In the commit that takes jobs, or in one that saves what became of them and takes the next."""
        self.by = 1  # the other one may need fewer
        engine = self.engines[self.by]
        engine.work(limit=0)
        self.world.recover()
        commit, is_after = self.draw(1, 2, 2, 3), self.draw(False, True)
        death = Death(commit, is_after=is_after)
        with death.waiting_for(engine):
            self.works(engine)
        if not death.has_come:
            return
        deque(islice(self.world.commits_of_work(), commit - (not is_after)), maxlen=0)
        self.replace_engine()
        self.done[f"crash_at_work ({commit}{' after' if is_after else ' before'})"] += 1

    @command(1)
    def crash(self) -> None:
        self.replace_engine()
        self.done["crash"] += 1

    # external tasks

    @command(8, _has_prepare)
    def fetch(self) -> None:
        engine = self.engines[self.by]
        engine.work(limit=0)
        self.world.recover()
        worker, most, fate = self.draw("w1", "w2"), self.draw(1, 2), self.draw(*[0] * 12, 1, 2, 3)
        ready = [each for each in self.world.requests if _is_ready(each, self)]
        death = Death(fate, is_after=self.draw(False, True))
        with death.waiting_for(engine):
            found = engine.external.fetch_and_lock(worker, [Topic("prepare", LOCK)], most)
            assert bool(found) == bool(ready)
        taken = self._taken(worker)
        assert set(taken) <= {each.id for each in ready}
        assert len(taken) <= most
        if death.has_come:
            self.done["fetch (died)"] += 1
            self.replace_engine()
        else:
            assert sorted(taken) == sorted(each.instance_id for each in found)
            self.done["fetch"] += bool(taken)

    def _taken(self, worker: str) -> list[str]:
        """Takes over which jobs the database says a worker has got now; of which instances."""
        job = tables.job.c
        query = select(job.id, job.instance_id, job.lease_token, job.lease_until).where(job.lease_owner == worker)
        with self.observer.connect() as connection:
            rows = connection.execute(query).all()
        known = {each.token for each in self.leases}
        taken = [row for row in rows if row.lease_token not in known]
        for row in taken:
            [request] = [each for each in self.world.requests if each.id == row.instance_id]
            work = request.jobs[EXTERNAL]
            work.state, work.owner, work.token, work.until = HELD, worker, row.lease_token, row.lease_until
            assert work.until == self.world.now + LOCK
            work.id = row.id
            work.attempt += 1
            request.attempts[EXTERNAL, None] += 1
            self.leases.append(Lease(row.id, worker, row.lease_token, request))
        return [row.instance_id for row in taken]

    @command(7, lambda machine: machine.leases)
    def complete_external(self) -> Deed:
        lease, token = self._lease()
        request, number = lease.request, self.draw(1, 2)

        def effect() -> None:
            request.end_attempt(EXTERNAL, "completed")
            if request.state == SUSPENDED:
                del request.jobs[EXTERNAL]
                self.world.defer(request, EXTERNAL, {"prepared": number})
                self.done["complete_external of one that is suspended"] += 1
            else:
                self.world.finish(request, EXTERNAL, prepared=number)

        def call(engine: Engine) -> None:
            engine.external.complete(lease.job_id, lease.worker, {"prepared": number}, token=token)

        return Deed(call, effect, not _holds(lease, token))

    @command(4, lambda machine: machine.leases)
    def fail_external(self) -> Deed:
        lease, token = self._lease()
        left, again_in = self.draw(0, 0, 1), self.draw(timedelta(), timedelta(minutes=10))

        def call(engine: Engine) -> None:
            how: dict[str, Any] = {"retries": left, "retry_in": again_in, "token": token}
            engine.external.fail(lease.job_id, lease.worker, "out of paper", **how)

        def effect() -> None:
            self.world.fail(lease.request, EXTERNAL, left, self.world.now + again_in)

        return Deed(call, effect, not _holds(lease, token))

    @command(3, lambda machine: machine.leases)
    def extend_lock(self) -> Deed:
        lease, token = self._lease()

        def effect() -> None:
            lease.request.jobs[EXTERNAL].until = self.world.now + LOCK

        return Deed(
            lambda engine: engine.external.extend_lock(lease.job_id, lease.worker, LOCK, token=token),
            effect,
            not _holds(lease, token),
        )

    @command(3, lambda machine: machine.leases)
    def unlock(self) -> Deed:
        lease = self.leases[-1]
        request, work = lease.request, lease.request.jobs.get(EXTERNAL)
        is_there = work is not None and lease.job_id == self.job_id(request, EXTERNAL)

        def effect() -> None:
            if work is not None and work.state == HELD:
                work.let_go(AVAILABLE, self.world.now)
                request.end_attempt(EXTERNAL, "unlocked")
                request.log["job.unlocked"] += 1

        return Deed(lambda engine: engine.external.unlock(lease.job_id), effect, not is_there)

    def _lease(self) -> tuple[Lease, str | None]:
        """Mostly one that holds; a worker may say the token of its lease, or not."""
        lease = self.of([each for each in self.leases if _holds(each, each.token)] * 4 + self.leases[-3:])
        return lease, lease.token if self.draw(True, False) else None

    # jobs that no worker holds, settled by hand

    @command(4, _has_prepare)
    def complete_job(self) -> Deed:
        request = self.one(lambda each: EXTERNAL in each.jobs)
        job_id = self.job_id(request, EXTERNAL)

        def effect() -> None:
            request.attempts[EXTERNAL, "completed"] += 1
            self.world.finish(request, EXTERNAL, prepared=0)

        is_refused = request.jobs[EXTERNAL].state == HELD or request.state == SUSPENDED
        return Deed(lambda engine: engine.complete_job(job_id, {"prepared": 0}), effect, is_refused)

    @command(3, lambda machine: any(_may_fail(each) for each in machine.world.requests))
    def fail_job(self) -> Deed:
        request, left = self.one(_may_fail), self.draw(0, 0, 1)
        job_id = self.job_id(request, EXTERNAL)

        def effect() -> None:
            request.jobs[EXTERNAL].attempt += 1
            request.attempts[EXTERNAL, None] += 1
            self.world.fail(request, EXTERNAL, left, self.world.now)

        def call(engine: Engine) -> None:
            engine.fail_job(job_id, "out of paper", retries=left, retry_in=timedelta())

        return Deed(call, effect, request.jobs[EXTERNAL].state == HELD)


def _is_ready(request: Request, machine: Machine) -> bool:
    work = request.jobs.get(EXTERNAL)
    is_free = work is not None and work.state == AVAILABLE and work.due_at <= machine.world.now
    return is_free and request.state == RUNNING


def _may_fail(request: Request) -> bool:
    return EXTERNAL in request.jobs and request.jobs[EXTERNAL].state != FAILED


def _holds(lease: Lease, token: str | None) -> bool:
    work = lease.request.jobs.get(EXTERNAL)
    if work is None or work.state != HELD or work.owner != lease.worker:
        return False
    return lease.job_id == work.id and token in (None, work.token)
