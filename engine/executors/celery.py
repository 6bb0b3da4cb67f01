"""Celery as the executor of service tasks: it carries the ids of ready jobs to the fleets that people run already.

Nothing relies on what a broker promises. The job table has the truth, the lease and the retries (engine.jobs.relay);
messages are acknowledged early and have no results. No clock of a worker decides what becomes of one: `expires`, which
each worker would judge by its own, is not set.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from secrets import token_hex
from threading import Lock, Timer
from typing import TYPE_CHECKING, Any

from engine.errors import InvalidInput
from engine.settings import CelerySettings, Settings

if TYPE_CHECKING:
    from celery import Celery

    from engine.engine import Engine
    from engine.store.relay import ReadyJob

TASK = "fermata.run"
BROKER = "FERMATA_CELERY_BROKER"
GRACE = 5.0
"""Seconds for a handler that was told that it is not wanted, before its process is ended."""

CONNECTS_WITHIN = 4.0
ANSWERS_WITHIN = 5.0
"""Seconds; a broker that takes longer counts as one that is down. Redis answers a worker that waits each second."""

KEPT = timedelta(days=1)
"""A broker that can drops a message of that age by itself, by its own clock; others have been sent long since."""

_ONCE_MORE = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}
"""A broker that was started again knows nothing of our connections: whoever finds that out connects anew, at once."""

log = logging.getLogger("engine.celery")


def merged(settings: Sequence[Settings]) -> CelerySettings:
    """Of applications that share a fleet. Raises InvalidInput where they do not agree, or none names a broker."""
    every = [each.celery for each in settings]
    broker = os.environ.get(BROKER) or _agreed("celery.broker", [each.broker for each in every if each.broker])
    if not broker:
        raise InvalidInput(
            f'No broker for Celery. Set {BROKER}, or in fermata.toml: [celery] broker = "redis://localhost:6379/0".'
        )
    usual = CelerySettings()
    queues: dict[str, str] = {}
    for each in every:
        for job_type, queue in each.queues.items():
            _agreed(f"celery.queues.{job_type}", [queue, queues.setdefault(job_type, queue)])
    return CelerySettings(
        broker=broker,
        queue=_agreed("celery.queue", [each.queue for each in every if each.queue != usual.queue]) or usual.queue,
        queues=queues,
        republish_after=min((each.republish_after for each in every), default=usual.republish_after),
        ahead=min((each.ahead for each in every), default=usual.ahead),
    )


def make_app(settings: CelerySettings) -> Celery:
    """A Celery application that knows the broker and our ways. Raises InvalidInput where Celery is missing."""
    try:
        from celery import Celery
    except ModuleNotFoundError as problem:
        raise InvalidInput("The executor 'celery' needs the package celery. Install fermata[celery].") from problem
    app = Celery("fermata", broker=settings.broker)
    app.conf.update(
        task_default_queue=settings.queue,
        task_create_missing_queues=True,
        task_ignore_result=True,
        task_acks_late=False,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=CONNECTS_WITHIN,
        broker_transport_options=_timeouts(settings.broker or ""),
        worker_hijack_root_logger=False,
        enable_utc=True,
    )
    return app


def _timeouts(broker: str) -> dict[str, float]:
    """Without them, whoever sends waits for ever for a broker that takes connections and never answers."""
    transport = broker.partition(":")[0].partition("+")[0]
    if transport in ("redis", "rediss", "sentinel"):
        return {"socket_connect_timeout": CONNECTS_WITHIN, "socket_timeout": ANSWERS_WITHIN}
    if transport in ("amqp", "amqps", "pyamqp"):
        return {"read_timeout": ANSWERS_WITHIN, "write_timeout": ANSWERS_WITHIN}
    return {}


class Messages:
    """Sends the ids of ready jobs: to the queue that is set for the first of a job's names that has one."""

    def __init__(self, app: Celery, settings: CelerySettings) -> None:
        self._app = app
        self._settings = settings

    def send(self, job: ReadyJob) -> None:
        # An id of its own for each message: Celery refuses one that was revoked for good.
        self._app.send_task(
            TASK,
            args=[job.id],
            queue=self.queue_of(job.names),
            task_id=f"{job.id}/{job.attempt}/{token_hex(4)}",
            expiration=KEPT.total_seconds(),
            retry=True,
            retry_policy=_ONCE_MORE,
            headers={"traceparent": job.traceparent} if job.traceparent else None,
        )

    def queue_of(self, names: Sequence[str]) -> str:
        queues = self._settings.queues
        return next((queues[name] for name in names if name in queues), self._settings.queue)


@contextmanager
def relayed(engine: Engine, settings: CelerySettings) -> Generator[None]:
    """While this lasts, the jobs of handlers go to the fleet."""
    app = make_app(settings)
    messages = Messages(app, settings)
    relay = engine.relay(
        messages.send,
        again_after=timedelta(seconds=settings.republish_after),
        ahead=settings.ahead,
        queue_of=messages.queue_of,
    )
    relay.start()
    try:
        yield
    finally:
        relay.stop()
        app.close()


class Runner:
    """What a worker of the fleet does with a message: takes the job if there is one to take, runs it, saves what came
    of it, and tells the fleet of the jobs that came of that."""

    def __init__(self, engine: Engine, app: Celery, settings: CelerySettings) -> None:
        self._engine = engine
        self._app = app
        messages = Messages(app, settings)
        self._relay = engine.relay(
            messages.send,
            again_after=timedelta(seconds=settings.republish_after),
            ahead=settings.ahead,
            queue_of=messages.queue_of,
            leads=False,
        )
        self._tasks: dict[str, str] = {}
        self._lock = Lock()
        engine.on_unwanted(self._unwanted)

    def run(self, job_id: str, task_id: str) -> bool:
        """Whether there was something to do."""
        with self._lock:
            self._tasks[job_id] = task_id
        try:
            has_run = self._engine.run_announced(job_id)
        finally:
            with self._lock:
                self._tasks.pop(job_id, None)
        if has_run:
            self._publish()
        return has_run

    def _publish(self) -> None:
        try:
            self._relay.publish()
        except Exception as problem:
            reason = {"error": type(problem).__name__}
            log.warning("jobs could not be announced here, that is left to `fermata up`", extra=reason)

    def _unwanted(self, job_id: str) -> None:
        """*job_id*: of an attempt that runs here. Later there may be another one of the same job, which is wanted."""
        with self._lock:
            task_id = self._tasks.get(job_id)
        if task_id is not None:
            timer = Timer(GRACE, self._revoke, [job_id, task_id])
            timer.daemon = True
            timer.start()

    def _revoke(self, job_id: str, task_id: str) -> None:
        """Ends the process of a handler that did not heed that it is not wanted."""
        with self._lock:
            is_running = self._tasks.get(job_id) == task_id
        if not is_running:
            return
        log.warning("a handler that is not wanted any more is ended", extra={"job_id": job_id})
        try:
            self._app.control.revoke(task_id, terminate=True, signal="SIGKILL")
        except Exception as problem:
            log.error("a handler could not be ended", extra={"job_id": job_id, "error": type(problem).__name__})


def add_task(app: Celery, runner_of_process: Any) -> None:
    """*runner_of_process*: gives the Runner of the process that it is called in."""

    def run(self: Any, job_id: str) -> None:
        if not runner_of_process().run(job_id, self.request.id):
            log.debug("a message told of a job that is not to be done", extra={"job_id": job_id})

    app.task(run, name=TASK, bind=True)


def _agreed(what: str, said: Sequence[str]) -> str:
    if len(set(said)) > 1:
        raise InvalidInput(f"The applications do not agree on {what}: {', '.join(sorted(set(said)))}.")
    return said[0] if said else ""
