"""The trace (W3C traceparent) that an instance began in, and the one in which a job is to go on.

Both may be NULL, and the version before does not name them: old and new workers may run side by side.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("process_instance", sa.Column("trace", sa.String(length=64), nullable=True))
    op.add_column("job", sa.Column("trace", sa.String(length=64), nullable=True))
