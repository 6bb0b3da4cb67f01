"""Runs on through jobs that need no save point of their own: in memory, and written in one commit at the end.

Handlers are called outside of any transaction here too. What they did is taken over only if nobody else has moved
the instance meanwhile; else the first job's result is saved as usual and the others are done again, under the same
ids and so with the same idempotency keys: the promise of a save point is all that is given up.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import orjson

from engine import telemetry
from engine.clock import Clock
from engine.commands import Command, Start
from engine.events import JobCreated, JobStopped
from engine.executors.registry import Registry
from engine.hot import Hot, HotInstances, Sizes
from engine.jobs.held import HeldJob
from engine.jobs.outcome import Outcome
from engine.model import JobState
from engine.programs import Loaded, Programs
from engine.store.codec import copy_of
from engine.store.jobs import TakenJob
from engine.stretch import Step, Stretch

LONGEST = 1.0
"""Seconds after which the next job gets a commit of its own."""
MOST = 1000
"""Jobs of one stretch."""


log = logging.getLogger("engine.jobs")


class OutOfReach(Exception):
    """Something that only a transaction can give."""


class _NoStores:
    def read(self, key: str, *, to_write: bool = False) -> Any:
        raise OutOfReach(key)


class Runner:
    """*owner*: the worker's name. *run*: does a job; *ending*: the command that its outcome means, and a word for it,
    None when it is not done."""

    def __init__(
        self,
        programs: Programs,
        registry: Registry,
        hot: HotInstances,
        clock: Clock,
        owner: str,
        run: Callable[[HeldJob], Outcome],
        ending: Callable[[HeldJob, Outcome], tuple[Command, str] | None],
    ) -> None:
        self._programs = programs
        self._registry = registry
        self._hot = hot
        self._clock = clock
        self._owner = owner
        self._run = run
        self._ending = ending

    def start(self, loaded: Loaded, instance_id: str, command: Start, business_key: str | None) -> Stretch | None:
        """From the start of a new instance; None when that runs on to no such job."""
        if not self._registry.may_run_on:
            return None
        instance = self._programs.new_instance(loaded, instance_id)
        instance.call_by(business_key)
        stretch = Stretch(Hot(0, instance, Sizes()))
        return self._advanced(stretch, (loaded.key, business_key, loaded.id), command)

    def go_on(self, held: HeldJob, command: Command, outcome: str) -> Stretch | None:
        """From the end of *held*; None when that runs on to no such job, or the instance is not in memory.

        Nor where anything else may move the instance meanwhile: it would draw the ids of the activities that we are
        about to enter, and what is repeated would come with other keys.
        """
        if not self._registry.may_run_on or held.version is None:
            return None
        hot = self._hot.take(held.row.instance_id, held.version)
        if hot is None:
            return None
        if not hot.instance.is_alone(held.row.activity_id):
            self._hot.put([(held.row.instance_id, hot)])
            return None
        stretch = Stretch(hot, trace=telemetry.woken(held))
        context = (held.process_key, held.business_key, held.definition_id)
        return self._advanced(stretch, context, command, held, outcome)

    def _advanced(
        self,
        stretch: Stretch,
        context: tuple[str, str | None, str],
        command: Command,
        ended: HeldJob | None = None,
        outcome: str = "",
    ) -> Stretch | None:
        """*command*: the first one, the end of the job *ended* with that *outcome*."""
        until = time.monotonic() + LONGEST
        waiting: deque[JobCreated] = deque()
        try:
            self._take(stretch, command, ended, outcome, waiting)
            while (
                waiting
                and len(stretch.steps) < MOST
                and time.monotonic() < until
                and stretch.hot.instance.is_alone(waiting[0].activity_id)  # where all is repeated, others may be faster
            ):
                held = self._held(stretch, waiting.popleft(), context)
                became = self._run(held)
                if (end := self._ending(held, became)) is None:
                    stretch.left = (held, became)
                    break
                self._take(stretch, end[0], held, end[1], waiting)
        except Exception:  # whatever it is, the usual road meets it again, and knows what to say
            log.debug("a stretch in memory was given up", exc_info=True)
            return None
        return stretch

    def _take(
        self, stretch: Stretch, command: Command, ended: HeldJob | None, outcome: str, waiting: deque[JobCreated]
    ) -> None:
        events = self._programs.advance(stretch.hot.instance, command, _NoStores())
        stretch.steps.append(Step(command, events, ended, outcome))
        for event in events:
            if type(event) is JobCreated and self._registry.runs_on(event.names):
                waiting.append(event)
            elif type(event) is JobStopped:
                stopped = [each for each in waiting if each.activity_id == event.activity_id]
                for each in stopped:
                    waiting.remove(each)
        if stretch.hot.instance.is_ended:
            waiting.clear()

    def _held(self, stretch: Stretch, event: JobCreated, context: tuple[str, str | None, str]) -> HeldJob:
        at = self._clock.now()
        instance = stretch.hot.instance
        stretch.trace = stretch.trace or telemetry.begun()
        row = TakenJob(
            id=f"{instance.id}.{event.activity_id}",
            instance_id=instance.id,
            definition_id=None,
            activity_id=event.activity_id,
            element_id=event.element_id,
            kind="service",
            type=event.names[0],
            names=_as_text(event.names),
            written_as=event.written_as,
            line=event.line,
            rank=-event.priority,
            created_at=at,
            due_at=at,
            state=JobState.RUNNING,
            attempt=1,
            retries=event.retries,
            retries_left=None,
            retry_cycle=event.retry_cycle,
            lost_leases=0,
            lease_token=stretch.token,
            lease_owner=self._owner,
            headers=orjson.dumps(dict(event.headers)).decode() if event.headers else "{}",
            parameters="{}",
            scopes=_as_text(event.scopes),
            trace=stretch.trace,
        )
        variables = {name: copy_of(value) for name, value in instance.visible(event.activity_id).items()}
        parameters = {name: copy_of(value) for name, value in event.parameters.items()}
        return HeldJob(row, *context, variables, parameters)


@lru_cache(1024)
def _as_text(values: tuple[Any, ...]) -> str:
    return orjson.dumps(values).decode()
