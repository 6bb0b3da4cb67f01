"""Jobs that run one at a time within their instance, the waiting jobs of a type, and those that a fleet was told of.

`job.is_exclusive` has a default in the database: a worker of the version before does not name it. Jobs that wait for
their turn are in a state that such a worker never takes. The indexes have all that jobs are taken in the order of:
many are due at once where one step makes many.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_IN_ORDER = ["rank", "due_at", "created_at", "instance_id", "activity_id"]
_IS_READY = "state = 'available' AND NOT is_suspended AND NOT is_external AND kind NOT IN ('timer', 'start_timer')"


def upgrade() -> None:
    op.add_column("job", sa.Column("is_exclusive", sa.Boolean(), nullable=False, server_default=sa.false()))
    _index_jobs("ix_job_turn", ["instance_id", "state", "rank", "due_at", "activity_id"], "is_exclusive")
    op.drop_index("ix_job_ready", table_name="job")
    _index_jobs("ix_job_ready", _IN_ORDER, _IS_READY)
    _index_jobs("ix_job_type", ["type", *_IN_ORDER], _IS_READY)
    _index_jobs("ix_job_announced", ["lease_until"], "state = 'available' AND lease_owner = 'relay'")


def _index_jobs(name: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, "job", columns, unique=False, sqlite_where=condition, postgresql_where=condition)
