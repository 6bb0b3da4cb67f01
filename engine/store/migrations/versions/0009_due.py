"""When the next job is due is asked at every look for work."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    where = sa.text("state = 'available' AND NOT (is_suspended OR is_external)")
    op.create_index("ix_job_due", "job", ["due_at"], unique=False, sqlite_where=where, postgresql_where=where)
