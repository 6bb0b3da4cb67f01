"""User tasks: taking and giving them. Each change names the state it starts from."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, or_, select, update

from engine.store.tables import process_instance, user_task


def find(connection: Connection, task_id: str) -> Row[Any] | None:
    return connection.execute(select(user_task).where(user_task.c.id == task_id)).first()


def claim(connection: Connection, task_id: str, user: str) -> bool:
    """True when the task was open and free, or the user's already."""
    change = update(user_task).where(
        user_task.c.id == task_id,
        user_task.c.closed_at.is_(None),
        or_(user_task.c.assignee.is_(None), user_task.c.assignee == user),
    )
    return connection.execute(change.values(assignee=user)).rowcount == 1


def unclaim(connection: Connection, task_id: str, user: str) -> bool:
    change = update(user_task).where(
        user_task.c.id == task_id, user_task.c.closed_at.is_(None), user_task.c.assignee == user
    )
    return connection.execute(change.values(assignee=None)).rowcount == 1


def assign(connection: Connection, task_id: str, user: str | None) -> bool:
    change = update(user_task).where(user_task.c.id == task_id, user_task.c.closed_at.is_(None))
    return connection.execute(change.values(assignee=user)).rowcount == 1


def state_of_instance(connection: Connection, instance_id: str) -> str:
    """Locks the instance against commands for the rest of the transaction."""
    query = select(process_instance.c.state).where(process_instance.c.id == instance_id)
    return connection.execute(query.with_for_update()).scalar_one()
