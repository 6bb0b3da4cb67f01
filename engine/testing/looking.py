"""What stands where on a stage: tokens, user tasks, jobs, incidents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from engine.errors import NotFound
from engine.model import ActivityRecord, Incident, JobRecord, JobState, ProcessInstance, UserTask
from engine.store.jobs import find as find_job
from engine.testing.compare import same, show
from engine.testing.stage import EVERYTHING, Stage

MULTI_INSTANCE_BODY = "multiInstanceBody"
_THROWING = ("intermediateThrowEvent", "endEvent")
_OPEN_JOBS = (JobState.AVAILABLE, JobState.QUEUED, JobState.RUNNING, JobState.FAILED)
_SUBPROCESSES = ("subProcess", "transaction", "adHocSubProcess", MULTI_INSTANCE_BODY)


def path(stage: Stage, name: str | None = None) -> list[str]:
    """The flow nodes entered, in order."""
    return [activity.element_id for activity in activities(stage, name)]


def activities(stage: Stage, name: str | None = None) -> list[ActivityRecord]:
    """The visits of flow nodes, in order of entry; a multi-instance body is not one of them."""
    entered = stage.engine.read.history(stage.instance_id(name)).activities
    inner = [activity for activity in entered if activity.kind != MULTI_INSTANCE_BODY]
    return sorted(inner, key=lambda activity: activity.activity_id)


def active(stage: Stage) -> list[str]:
    """The elements at which running instances wait, each as often as a token waits there."""
    return sorted(element for instance in stage.running() for element in active_in(stage, instance))


def active_in(stage: Stage, instance: ProcessInstance) -> Iterator[str]:
    """The elements at which tokens of one instance wait. A throw event whose handlers wait does not itself."""
    read = stage.engine.read
    calling = {child.parent_activity_id for child in read.children(instance.id) if not child.has_ended}
    jobs = [job for job in read.jobs(instance_id=instance.id) if job.state in _OPEN_JOBS]
    busy = {job.element_id for job in jobs} | {
        incident.element_id for incident in read.incidents(instance_id=instance.id, open_only=True)
    }
    shown: set[int] = set()
    for activity in read.active(instance.id):
        shown.add(activity.activity_id)
        is_open_call = activity.kind == "callActivity" and activity.activity_id in calling
        is_undoing = activity.kind in _THROWING and activity.element_id not in busy
        if activity.kind not in _SUBPROCESSES and not is_open_call and not is_undoing:
            yield activity.element_id
    for job in jobs:
        if job.kind == "continuation" and job.activity_id not in shown:
            yield job.element_id


def open_tasks(stage: Stage, element_id: str | None = None, name: str | None = None) -> list[UserTask]:
    """Open user tasks, main's first, then oldest first; of *element_id* only, where given."""
    places = stage.places(name)
    rank = {instance_id: at for at, instance_id in enumerate(places)}
    tasks = [
        task
        for task in stage.engine.read.tasks(scope="all", limit=EVERYTHING).items
        if task.instance_id in rank and (element_id is None or task.element_id == element_id)
    ]
    return sorted(tasks, key=lambda task: (rank[task.instance_id], task.activity_id))


def task(stage: Stage, element_id: str, options: Mapping[str, Any], name: str | None) -> UserTask:
    """The open task meant by a step. Raises NotFound, saying which are open."""
    tasks = open_tasks(stage, element_id, name)
    where: Mapping[str, Any] = options.get("where", {})
    chosen = [task for task in tasks if not where or _sees(stage, task, where)]
    position = options.get("nth", 1)
    if len(chosen) >= position:
        return chosen[position - 1]
    open_now = ", ".join(task.element_id for task in open_tasks(stage, None, name)) or "none"
    matching = f" with {show(where)}" if where else ""
    count = f", {len(chosen)} of them{matching}" if chosen or tasks else ""
    raise NotFound(f"No open user task '{element_id}'{matching} (number {position}{count}). Open tasks: {open_now}.")


def _sees(stage: Stage, task: UserTask, wanted: Mapping[str, Any]) -> bool:
    variables = stage.engine.read.visible_variables(task.instance_id, task.activity_id)
    return all(name in variables and same(value, variables[name]) for name, value in wanted.items())


def views_of(stage: Stage, element_id: str, name: str | None) -> list[dict[str, Any]]:
    """The variables as each token sees them that waits at an element, local ones included."""
    return [
        dict(stage.engine.read.visible_variables(instance_id, activity.activity_id))
        for instance_id in stage.places(name)
        for activity in stage.engine.read.active(instance_id)
        if activity.element_id == element_id and activity.kind != MULTI_INSTANCE_BODY
    ]


def open_job(stage: Stage, element_id: str, name: str | None) -> JobRecord:
    """The oldest job that waits at an element. Raises NotFound."""
    jobs = [job for job in _open_jobs(stage, name) if job.element_id == element_id]
    if not jobs:
        known = ", ".join(sorted({job.element_id for job in _open_jobs(stage, name)})) or "none"
        raise NotFound(f"No job waits at '{element_id}'. Jobs wait at: {known}.")
    return jobs[0]


def open_external(stage: Stage, topic: str, name: str | None) -> JobRecord:
    """The most urgent job of a topic that a worker could fetch now: highest priority first, then oldest.

    Raises NotFound; one that failed waits for its retry time or, out of retries, for an operator.
    """
    places = set(stage.places(name)) if name is not None else None
    jobs = [
        job for job in _open_jobs(stage, None) if job.type == topic and (places is None or job.instance_id in places)
    ]
    ready = [job for job in jobs if job.state is JobState.AVAILABLE and job.due_at <= stage.clock.now()]
    if not ready:
        known = ", ".join(sorted({job.type for job in _open_jobs(stage, None)})) or "none"
        later = f"; {len(jobs)} failed and cannot be fetched now" if jobs else ""
        raise NotFound(f"No external task of topic '{topic}' waits{later}. Topics that are waited at: {known}.")
    return min(ready, key=lambda job: _urgency(stage, job))


def _urgency(stage: Stage, job: JobRecord) -> tuple[int, datetime, int, int]:
    with stage.engine.store.reading() as connection:
        row = find_job(connection, job.id)
    return row.rank, row.created_at, stage.rank(job.instance_id), job.activity_id


def _open_jobs(stage: Stage, name: str | None) -> list[JobRecord]:
    return [
        job
        for instance_id in stage.places(name)
        for job in sorted(stage.engine.read.jobs(instance_id=instance_id), key=lambda job: job.activity_id)
        if job.state in (JobState.AVAILABLE, JobState.FAILED)
    ]


def open_incidents(stage: Stage, name: str | None) -> list[Incident]:
    return [
        incident
        for instance_id in stage.family(name)
        for incident in stage.engine.read.incidents(instance_id=instance_id, open_only=True)
    ]


def fingerprint(stage: Stage) -> Any:
    """All that a step could have changed: equal before and after a step that changed nothing."""
    read = stage.engine.read
    return [
        (
            instance,
            read.variables(instance.id),
            read.active(instance.id),
            sorted(read.jobs(instance_id=instance.id), key=lambda job: job.id),
            len(read.history(instance.id).log),
        )
        for instance in stage.all_instances()
    ]
