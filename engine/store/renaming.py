"""What is kept of an instance's activities, when their elements have other ids from now on (a migration)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, update

from engine.store.tables import activity, incident, job, subscription, user_task

Renamed = tuple[int, str, str, str]
"""Activity id, element id, element id from now on, name of the element from now on."""


def rename_elements(connection: Connection, instance_id: str, renamed: Sequence[Renamed]) -> None:
    rows = [
        {"instance": instance_id, "activity": each, "old": old, "new": new, "label": label, "timer": _timer(*place)}
        for each, old, new, label in renamed
        for place in ((instance_id, each, new),)
    ]
    for statement in _STATEMENTS:
        connection.execute(statement, rows)


def _timer(instance_id: str, activity_id: int, element_id: str) -> str:
    return f"{instance_id}.{activity_id}.{element_id}"


_STATEMENTS = (
    *(
        update(table)
        .where(
            table.c.instance_id == bindparam("instance"),
            table.c.activity_id == bindparam("activity"),
            table.c.element_id == bindparam("old"),
        )
        .values(element_id=bindparam("new"))
        for table in (subscription, user_task, incident)
    ),
    update(job)
    .where(
        job.c.instance_id == bindparam("instance"),
        job.c.activity_id == bindparam("activity"),
        job.c.element_id == bindparam("old"),
        job.c.kind == "timer",
    )
    .values(id=bindparam("timer"), element_id=bindparam("new")),
    update(job)
    .where(
        job.c.instance_id == bindparam("instance"),
        job.c.activity_id == bindparam("activity"),
        job.c.element_id == bindparam("old"),
    )
    .values(element_id=bindparam("new")),
    update(activity)
    .where(activity.c.instance_id == bindparam("instance"), activity.c.activity_id == bindparam("activity"))
    .values(element_id=bindparam("new"), name=bindparam("label")),
)
