"""On SQLite the rows that belong to an instance lie in the order of their keys, in one tree instead of two.

Less is written by each commit, and what belongs together is read together. PostgreSQL knows no such tables.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TABLES = ("variable", "activity", "flow_taken", "variable_change", "log")
"""Nothing refers to them."""


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name in _TABLES:
            _cluster(name)


def _cluster(name: str) -> None:
    connection = op.get_bind()
    schema = sa.text("SELECT sql FROM sqlite_master WHERE tbl_name = :name AND type = :type AND sql IS NOT NULL")
    made = connection.execute(schema, {"name": name, "type": "table"}).scalar_one()
    indexes = connection.execute(schema, {"name": name, "type": "index"}).scalars().all()
    keys = ", ".join(sa.inspect(connection).get_pk_constraint(name)["constrained_columns"])
    columns = made[made.index("(") :]
    op.execute(f"CREATE TABLE {name}_clustered {columns} WITHOUT ROWID")
    op.execute(f"INSERT INTO {name}_clustered SELECT * FROM {name} ORDER BY {keys}")
    op.execute(f"DROP TABLE {name}")
    op.execute(f"ALTER TABLE {name}_clustered RENAME TO {name}")
    for index in indexes:
        op.execute(index)
