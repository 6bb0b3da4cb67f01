"""Which workers there are, and open tasks in the order in which they are listed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.types import Moment

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "worker",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("process_id", sa.Integer(), nullable=False),
        sa.Column("engine_version", sa.Text(), nullable=False),
        sa.Column("threads", sa.Integer(), nullable=False),
        sa.Column("started_at", Moment(), nullable=False),
        sa.Column("heard_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_worker")),
    )
    where = sa.text("closed_at IS NULL")
    urgent_first = [sa.text("priority DESC"), "created_at", "id"]
    op.create_index(
        "ix_user_task_urgent",
        "user_task",
        urgent_first,
        sqlite_where=where,
        postgresql_where=where,
        if_not_exists=True,
    )
