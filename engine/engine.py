"""The engine as its users see it: a thin facade; every change it makes takes the one road (engine.road)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Unpack

from engine.clock import Clock
from engine.correlation import Correlator
from engine.data_stores import DataStores
from engine.decisions import Decisions
from engine.decisions import Outcome as DecisionOutcome
from engine.deployments import Deployments
from engine.executors.registry import Executor, Registry, Resolver
from engine.executors.secrets import SecretProvider, Secrets
from engine.external.tasks import ExternalTasks
from engine.finder import Finder
from engine.forms.finding import FormFinder
from engine.handlers import Backoff, Function
from engine.history.reader import Reader
from engine.hooks import Hooks
from engine.ids import Ids
from engine.incidents import Incidents
from engine.instances import Instances
from engine.jobs.answers import Judge
from engine.jobs.cleaner import Cleaner
from engine.jobs.own import OwnJobs
from engine.jobs.pool import WorkerPool
from engine.jobs.relay import Relay, RelayOptions, Send
from engine.jobs.settling import Settling
from engine.jobs.worker import Worker
from engine.keys import Key
from engine.model import Cleanup, Correlation, DataStoreValue, Deployment, ProcessInstance, Publication, Resource
from engine.operations.batch_runner import BatchRunner
from engine.operations.steering import Steering
from engine.people import People
from engine.programs import Programs
from engine.requests import Requests
from engine.retention import Retention
from engine.road import Road
from engine.store.server_clock import clock_of
from engine.store.transaction import Store
from engine.tasks import Tasks
from engine.tokens import Tokens


class Engine(Steering):
    """Deploys, runs and shows processes on one database.

    *database_url*: sqlite:///file.db, sqlite:// (gone when closed) or postgresql://...; *clock*: else the database
    server's counts, on SQLite the machine's; *migrate*: bring its tables up to date first; *resolver*: finds an
    executor for names nobody registered; *secrets*: gives the value of a secret by its name, else the environment's
    FERMATA_SECRET_<name>; *history_time_to_live*: how long ended instances are kept whose diagram does not say it, as
    days or an ISO 8601 duration, None for ever; *history_partition*: month, week or day, the span of each partition of
    history on PostgreSQL; *save_points*: the state is saved before each Python handler, else only where the diagram
    (`asyncBefore`, `asyncAfter`) or the handler says so.
    """

    def __init__(
        self,
        database_url: str = "sqlite:///fermata.db",
        *,
        clock: Clock | None = None,
        migrate: bool = True,
        resolver: Resolver | None = None,
        programs: Programs | None = None,
        secrets: SecretProvider | None = None,
        history_time_to_live: str | timedelta | None = None,
        history_partition: str = "month",
        save_points: bool = True,
    ) -> None:
        self.store = Store(database_url)
        self.own_clock = clock_of(self.store)
        self.clock: Clock = clock or self.own_clock
        if migrate:
            self.store.migrate()
        self.ids = Ids(self.clock)
        self.registry = Registry(resolver, save_points=save_points)
        self.programs = programs or Programs(self.store)
        self.read = Reader(self.store, self.programs, FormFinder(self.store, self.programs, self.clock), self.clock)
        self.find = Finder(self.store)
        self.people = People(self.store)
        self.tokens = Tokens(self.store, self.clock)
        self.requests = Requests(self.store, self.clock)
        self._road = Road(self.store, self.programs, self.ids, self.clock, self.registry.is_exclusive)
        self._deployments = Deployments(self.store, self.programs, self.ids, self.clock)
        self._correlator = Correlator(self.store, self._road, self.clock)
        self.hooks = Hooks(self._correlator, secrets, self.clock)
        self._tasks = Tasks(self.store, self._road, self.read, self.clock)
        self._decisions = Decisions(self.store)
        self._data_stores = DataStores(self.store, self.clock)
        self._steer(self.store, self._road, self.read, self.programs, self.ids, self.clock)
        self._incidents = Incidents(self.store, self._road, self.clock)
        self._settling = Settling(self.store, self._road, self.registry, self.clock, Judge(self.programs, self.clock))
        runner = BatchRunner(self._road, self._incidents, self.clock)
        own = OwnJobs(self.store, self._road, self.programs, self.clock, runner.run)
        self._worker = Worker(
            self.store,
            self._settling,
            own,
            self.registry,
            Secrets(secrets),
            self.clock,
            self.programs,
            self._road.hot,
        )
        self._instances = Instances(
            self.store,
            self._road,
            self.read,
            self.clock,
            programs=self.programs,
            ids=self.ids,
            runner=self._worker.runner,
            settling=self._settling,
        )
        self.external = ExternalTasks(
            self.store,
            self._road,
            self.registry,
            self.clock,
            self._settling,
            self._incidents,
            self._worker.recover,
        )
        self._pool = WorkerPool(self._worker)
        self._retention = Retention(self.store, self.ids, self.clock, history_time_to_live, history_partition)
        self._cleaner = Cleaner(self._retention, self._worker.name)
        self._road.on_work(self._pool.wake)

    def close(self) -> None:
        """Stops the workers, lets running handlers finish, and lets the database go."""
        self.external.close()
        self.stop_workers()
        self.registry.close()
        self.own_clock.close()
        self.store.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # handlers

    def handler(
        self,
        type: str,
        *,
        retries: int = 3,
        backoff: Backoff | None = None,
        timeout: timedelta | None = None,
        save_point: bool | None = None,
        process: bool = False,
        max_concurrent: int | None = None,
        rate: str | None = None,
        exclusive: bool = False,
    ) -> Callable[[Function], Function]:
        """Registers a function for the jobs of *type*: it takes a `Job` and returns its output variables. One that is
        `async def` runs on the engine's event loop, beside others.

        *retries*: attempts in all, unless the diagram says; *backoff*: delay before attempt n+1 by n;
        *timeout*: an attempt that lasts longer has failed; *save_point*: False for a quick function that may be
        repeated together with its neighbours: the instance runs on through it in memory, up to where it waits, and
        is saved there in one commit. None for the engine's own *save_points*. *process*: runs in a process of its
        own, which is killed when the time is up or the result is not wanted any more. *max_concurrent*: jobs of this
        type at once, *rate*: how often one may begin ("10/s", "100/min"); both for each process. *exclusive*: beside no
        other exclusive job of the same instance, on whatever machine.
        """

        def register(function: Function) -> Function:
            self.registry.add_handler(
                type,
                function,
                retries=retries,
                backoff=backoff,
                timeout=timeout,
                save_point=save_point,
                process=process,
                max_concurrent=max_concurrent,
                rate=rate,
                exclusive=exclusive,
            )
            return function

        return register

    def register_executor(self, name: str, executor: Executor, *, retries: int = 3) -> None:
        """Hands the jobs of type *name* to *executor*: `executor(job, journal) -> dict`."""
        self.registry.add_executor(name, executor, retries=retries)

    def register_external(self, name: str) -> None:
        """Leaves the jobs of type *name* to workers elsewhere (`engine.external`), or to be settled by hand:
        complete_job, fail_job, job_error. `*`: of all topics and job types that nobody here does."""
        self.registry.add_external(name)

    def register_exclusive(self, name: str) -> None:
        """The jobs of type *name*, whoever does them, run beside no other exclusive job of the same instance."""
        self.registry.add_exclusive(name)

    # models and instances

    def deploy(self, *sources: str | Path | Resource, by: str = "system", name: str = "") -> Deployment:
        """Deploys files together: .bpmn, .dmn, .form; all or nothing.

        Raises DeploymentRefused with the findings; then nothing has changed.
        """
        return self._deployments.deploy(sources, by=by, name=name)

    def start(
        self,
        key: str,
        *,
        variables: Mapping[str, Any] | None = None,
        business_key: str | None = None,
        by: str = "system",
        version: int | None = None,
        version_tag: str | None = None,
        form: Mapping[str, str] | None = None,
    ) -> ProcessInstance:
        """Starts an instance of process *key*, up to where it waits: of the newest version, of *version*, or of the
        newest that has *version_tag*.

        *form*: what a person typed into the start form; checked, and added to *variables*.
        Raises NotFound, InvalidInput, Conflict (the process has no none start event).
        """
        return self._instances.start(
            key,
            variables=variables or {},
            business_key=business_key,
            by=by,
            version=version,
            version_tag=version_tag,
            form=form,
        )

    def correlate(
        self,
        message: str,
        *,
        correlation_key: Key = None,
        business_key: str | None = None,
        correlation_keys: Mapping[str, Any] | None = None,
        variables: Mapping[str, Any] | None = None,
        by: str = "system",
        instance_id: str | None = None,
        all: bool = False,
        local_correlation_keys: Mapping[str, Any] | None = None,
    ) -> Correlation:
        """Hands a message to the one instance that waits for it, else to a message start event.

        *correlation_key*: what the waiting event's key must be, a text or the values of correlation properties by
        their ids; where it is not given, what the diagrams say of the message's *variables* counts.
        *correlation_keys*: variables of the process, and the values that they must have; *local_correlation_keys*:
        those of what waits (its own, or of the scope right around it).
        *all*: to everything that waits and every start event. Raises NotFound when none waits,
        Conflict when several do and *all* is not set.
        """
        return self._correlator.correlate(
            message,
            correlation_key=correlation_key,
            business_key=business_key,
            correlation_keys=correlation_keys or {},
            variables=variables or {},
            by=by,
            instance_id=instance_id,
            to_all=all,
            local_keys=local_correlation_keys or {},
        )

    def publish(
        self,
        message: str,
        *,
        correlation_key: Key = None,
        variables: Mapping[str, Any] | None = None,
        ttl: timedelta = timedelta(),
        message_id: str | None = None,
        by: str = "system",
    ) -> Publication:
        """Hands a message to one that waits for it, else to message start events, or keeps it for *ttl* until one
        does: it is received once. With a *correlation_key* it starts nothing while an instance of the same process
        runs that such a message has started; it waits for its end.

        *message_id*: while a message of the same name, key and id lives, a second one does nothing.
        """
        return self._correlator.publish(
            message,
            correlation_key=correlation_key,
            variables=variables or {},
            ttl=ttl,
            message_id=message_id,
            by=by,
        )

    def signal(self, name: str, *, variables: Mapping[str, Any] | None = None, by: str = "system") -> int:
        """Sends a signal to everything that waits for it; the number of receivers, started instances included."""
        return self._correlator.signal(name, variables=variables or {}, by=by)

    def evaluate_conditions(self, variables: Mapping[str, Any] | None = None, by: str = "system") -> tuple[str, ...]:
        """Starts an instance at every conditional start event whose condition holds over *variables*,
        which it gets; the ids of the instances."""
        return self._correlator.evaluate_conditions(variables=variables or {}, by=by)

    def trigger(
        self, instance_id: str, element_id: str, variables: Mapping[str, Any] | None = None, by: str = "system"
    ) -> None:
        """Lets a waiting receive task or catch event go on by hand. Raises NotFound when no token waits there."""
        self._instances.trigger(instance_id, element_id, variables or {}, by=by)

    def set_variables(
        self, instance_id: str, variables: Mapping[str, Any], element_id: str | None = None, by: str = "system"
    ) -> None:
        """Writes into the process scope, or into the scope that the waiting element *element_id* stands in."""
        self._instances.set_variables(instance_id, variables, element_id, by=by)

    def cancel(self, instance_id: str, reason: str = "", by: str = "system") -> None:
        """Ends an instance with everything it waits for, the processes it called included."""
        self._instances.cancel(instance_id, reason, by=by)

    def suspend(self, instance_id: str, by: str = "system", reason: str = "") -> None:
        """Stops an instance where it stands: its jobs are not run, commands raise Conflict."""
        self._instances.suspend(instance_id, by=by, reason=reason)

    def activate(self, instance_id: str, by: str = "system", reason: str = "") -> None:
        """Lets a suspended instance go on."""
        self._instances.activate(instance_id, by=by, reason=reason)

    # user tasks

    def claim(self, task_id: str, user: str) -> None:
        """Raises Conflict when somebody else has claimed it or it is closed."""
        self._tasks.claim(task_id, user)

    def unclaim(self, task_id: str, user: str) -> None:
        """Gives a task back to its candidates. Raises Conflict when *user* has not claimed it."""
        self._tasks.unclaim(task_id, user)

    def assign(self, task_id: str, user: str | None, by: str = "system") -> None:
        """Hands a task to *user*, whoever had it; None takes it away from everybody."""
        self._tasks.assign(task_id, user, by=by)

    def complete(
        self,
        task_id: str,
        variables: Mapping[str, Any] | None = None,
        by: str = "system",
        form: Mapping[str, str] | None = None,
    ) -> None:
        """Completes an open user task. *form*: what a person typed; checked by the task's form, and
        added to *variables*. Raises Conflict when it is closed, InvalidInput with its fields."""
        self._tasks.complete(task_id, variables or {}, by=by, form=form)

    def task_error(
        self,
        task_id: str,
        code: str,
        message: str = "",
        variables: Mapping[str, Any] | None = None,
        by: str = "system",
    ) -> None:
        """Ends a user task with a BPMN error that a boundary event or event subprocess catches."""
        self._tasks.throw_error(task_id, code, message, variables or {}, by=by)

    def task_escalation(
        self, task_id: str, code: str, variables: Mapping[str, Any] | None = None, by: str = "system"
    ) -> None:
        """Raises an escalation from a user task, which stays open unless its catcher interrupts it."""
        self._tasks.throw_escalation(task_id, code, variables or {}, by=by)

    def evaluate_decision(
        self, key: str, variables: Mapping[str, Any] | None = None, *, version: int | None = None
    ) -> DecisionOutcome:
        """What a deployed decision gives over *variables*, outside of any process; nothing of it is recorded.

        Raises NotFound, InvalidInput.
        """
        return self._decisions.evaluate(key, variables or {}, version, self.clock.now())

    # data stores

    def set_data_store(self, key: str, value: Any, *, by: str = "system", version: int | None = None) -> DataStoreValue:
        """Gives a data store a value; *version*: only if it still has this one (0: no value). Raises InvalidInput."""
        return self._data_stores.set(key, value, by=by, version=version)

    # jobs and incidents

    def retry(self, incident_id: str, by: str = "system", retries: int | None = None) -> None:
        """Resolves an incident by trying again: a job gets *retries* new attempts (default: as at first)."""
        self._incidents.retry(incident_id, by=by, retries=retries)

    def complete_job(self, job_id: str, variables: Mapping[str, Any] | None = None, by: str = "system") -> None:
        """Settles a job that no worker holds as done, without running it."""
        self._settling.complete(job_id, variables or {}, by=by)

    def fail_job(
        self,
        job_id: str,
        error: str,
        *,
        retries: int | None = None,
        retry_in: timedelta | None = None,
        by: str = "system",
    ) -> None:
        """Settles an attempt at a job that no worker holds as failed. *retries*: attempts left (0: incident)."""
        self._settling.fail(job_id, error, retries=retries, retry_in=retry_in, by=by)

    def job_error(
        self,
        job_id: str,
        code: str,
        message: str = "",
        variables: Mapping[str, Any] | None = None,
        by: str = "system",
    ) -> None:
        """Settles a job that no worker holds with a BPMN error."""
        self._settling.throw_error(job_id, code, message, variables or {}, by=by)

    def set_retries(self, job_id: str, retries: int, by: str = "system") -> None:
        """Gives a job *retries* attempts; one with an incident becomes available again."""
        self._incidents.set_retries(job_id, retries, by=by)

    def run_job(self, job_id: str) -> None:
        """Runs one job now, in this thread, due or not. Raises Conflict when it cannot be taken."""
        self._worker.run_one(job_id)

    def work(self, until_idle: bool = True, limit: int | None = None) -> int:
        """Runs due jobs and timers in this thread, in order of priority and due time.

        Until none is due (or *limit* have run); until_idle=False: one round only. How many have run.
        """
        return self._worker.work(until_idle=until_idle, limit=limit)

    def next_due(self) -> datetime | None:
        """When the earliest open job or timer is (or was) due; None when there is none."""
        return self._worker.next_due()

    def start_workers(self, count: int = 4) -> None:
        """Runs jobs in *count* threads until `stop_workers`, and removes history that was kept long enough."""
        self.store.bell.listen()
        self._pool.start(count)
        self._cleaner.start()

    def stop_workers(self) -> None:
        """Takes no more jobs, waits for the running handlers, and saves their results."""
        self._cleaner.stop()
        self._pool.stop()

    def relay(self, send: Send, **options: Unpack[RelayOptions]) -> Relay:
        """Leaves the jobs of handlers to a fleet of workers elsewhere, each of which calls `run_announced`: *send*
        tells it of one, as soon as it is ready and, if nobody has taken it, *again_after* that (a minute) and at
        pauses that double. No more than *ahead* (1,000) wait in each queue; *queue_of* says in which, by a job's names.
        Start the relay, and stop it before the engine is closed. Only one that *leads* announces again, and sends the
        jobs of handlers with a rate."""
        self.registry.relay()
        relay = Relay(self.store, self.registry, self.clock, send, **options)
        self._road.on_work(relay.wake)
        return relay

    def run_announced(self, job_id: str) -> bool:
        """Runs one job in this thread, if it is announced by a `relay` and nobody has taken it, whatever this process's
        clock says; else there is nothing to do, and it returns False."""
        return self._worker.run_announced(job_id)

    def on_unwanted(self, callback: Callable[[str], object]) -> None:
        """Calls *callback*, in some thread of the engine's, with the id of each job that this process runs and whose
        result is not wanted any more; its handler has been told."""
        self._worker.services.on_unwanted(callback)

    def cleanup(
        self,
        limit: int | None = None,
        *,
        by: str = "system",
        is_dry_run: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> Cleanup:
        """Removes ended instances, up to *limit*, whose time to live has passed; what they called goes with them.

        In small transactions; *progress* is told after each how many instances went. *is_dry_run*: counts only.
        """
        return self._retention.cleanup(limit, by=by, is_dry_run=is_dry_run, progress=progress)

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Calls *callback* after every commit of the road, in the committing thread."""
        self._road.on_commit(callback)

    def on_news(self, callback: Callable[[], None]) -> None:
        """As `on_commit`, and on PostgreSQL also within a fraction of a second after commits of other processes, in a
        thread of the engine's."""
        self._road.on_news(callback)
        self.store.bell.listen()
