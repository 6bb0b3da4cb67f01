"""Jobs that are left to workers elsewhere, what these ask for, and who may ask: tokens of the REST API and the
answers that are given again when a request is repeated.

`job.is_external` has a default in the database: a worker of the version before does not name it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.types import Moment

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job", sa.Column("is_external", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.drop_index("ix_job_ready", table_name="job")
    _index_jobs(
        "ix_job_ready",
        ["rank", "due_at"],
        "state = 'available' AND NOT is_suspended AND NOT is_external AND kind NOT IN ('timer', 'start_timer')",
    )
    _index_jobs(
        "ix_job_external", ["type", "rank", "due_at"], "state = 'available' AND NOT is_suspended AND is_external"
    )
    _index_jobs("ix_job_failed", ["type"], "state = 'failed'")
    op.create_table(
        "external_topic",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("first_asked_at", Moment(), nullable=False),
        sa.Column("asked_at", Moment(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_external_topic")),
    )
    op.create_table(
        "api_token",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=True),
        sa.Column("last_used_at", Moment(), nullable=True),
        sa.Column("revoked_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
    )
    op.create_index(op.f("ix_api_token_secret_hash"), "api_token", ["secret_hash"], unique=True)
    op.create_table(
        "api_request",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("begun_at", Moment(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("owner", "key", name=op.f("pk_api_request")),
    )
    op.create_index(op.f("ix_api_request_begun_at"), "api_request", ["begun_at"], unique=False)


def _index_jobs(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "job", columns, unique=False, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
