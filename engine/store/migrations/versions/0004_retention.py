"""How long history is kept: when an instance may go, who still uses a large value, and what was removed.

Large values from before have no known users; they stay.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.types import Moment

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("process_definition", sa.Column("history_time_to_live", sa.Text(), nullable=True))
    op.add_column("process_instance", sa.Column("removal_at", Moment(), nullable=True))
    _index_roots("ix_process_instance_removal", "removal_at", "removal_at IS NOT NULL")
    _index_roots("ix_process_instance_kept", "ended_at", "parent_id IS NULL AND removal_at IS NULL")
    op.create_table(
        "value_use",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["hash"], ["value.hash"], name=op.f("fk_value_use_hash")),
        sa.PrimaryKeyConstraint("owner", "hash", name=op.f("pk_value_use")),
    )
    op.create_index(op.f("ix_value_use_hash"), "value_use", ["hash"], unique=False)
    op.execute("INSERT INTO value_use (owner, hash) SELECT '', hash FROM value")
    op.create_table(
        "housekeeping",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_housekeeping")),
    )
    op.create_table(
        "cleanup",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("definition_id", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("started_at", Moment(), nullable=False),
        sa.Column("last_at", Moment(), nullable=False),
        sa.Column("instances", sa.Integer(), nullable=False),
        sa.Column("called_instances", sa.Integer(), nullable=False),
        sa.Column("first_ended_at", Moment(), nullable=False),
        sa.Column("last_ended_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["definition_id"], ["process_definition.id"], name=op.f("fk_cleanup_definition_id")),
        sa.PrimaryKeyConstraint("id", "definition_id", name=op.f("pk_cleanup")),
    )
    op.create_index(op.f("ix_cleanup_started_at"), "cleanup", ["started_at"], unique=False)


def _index_roots(name: str, column: str, where: str) -> None:
    op.create_index(
        name, "process_instance", [column], unique=False, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
    )
