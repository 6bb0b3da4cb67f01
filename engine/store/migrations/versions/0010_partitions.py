"""History in partitions (PostgreSQL): what there is becomes the partition of all that belongs to no other.

No row is read or moved. The name of each table is at once that of one that can do the same, so that older engines go
on; the foreign keys to instances go, since a partition could not be dropped without a look at all instances, and
every row would be checked: whoever writes history holds its instance in the same transaction. A database that sorts
ids otherwise than by their time is left as it is.

Views that somebody has made on these tables show the old rows alone; they have to be made anew.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_PAIRS = """
    WITH letters AS (SELECT regexp_split_to_table('0123456789abcdefghjkmnpqrstvwxyz', '') AS letter)
    SELECT array_agg(pair ORDER BY pair) = array_agg(pair ORDER BY pair COLLATE "C")
    FROM (SELECT a.letter || b.letter AS pair FROM letters a, letters b) pairs
"""
_OPEN = "ended_at IS NULL"
_TABLES = {  # the columns of the key, the first of which says the range; and the other indexes
    "activity": (("instance_id", "activity_id"), {"ix_activity_open": ("instance_id", _OPEN)}),
    "flow_taken": (("instance_id", "step"), {}),
    "variable_change": (("instance_id", "step", "position"), {}),
    "job_attempt": (("job_id", "attempt"), {"ix_job_attempt_instance_id": ("instance_id", None)}),
    "log": (("instance_id", "sequence"), {}),
    "agent_step": (("job_id", "sequence"), {"ix_agent_step_instance_id": ("instance_id", None)}),
}


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite" or not connection.execute(sa.text(_PAIRS)).scalar():
        return
    op.execute(f"LOCK TABLE process_instance, {', '.join(_TABLES)} IN ACCESS EXCLUSIVE MODE")
    for table, (key, indexes) in _TABLES.items():
        rest = f"{table}_rest"
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS fk_{table}_instance_id")
        op.execute(f"ALTER TABLE {table} RENAME TO {rest}")
        op.execute(f"ALTER INDEX pk_{table} RENAME TO pk_{rest}")
        primary = f"CONSTRAINT pk_{table} PRIMARY KEY ({', '.join(key)})"
        op.execute(f"CREATE TABLE {table} (LIKE {rest} INCLUDING DEFAULTS, {primary}) PARTITION BY RANGE ({key[0]})")
        for name, (column, condition) in indexes.items():
            op.execute(f"ALTER INDEX {name} RENAME TO {name}_rest")
            where = sa.text(condition) if condition else None
            op.create_index(name, table, [column], unique=False, postgresql_where=where)
        op.execute(f"ALTER TABLE {table} ATTACH PARTITION {rest} DEFAULT")
        _grant_as_before(connection, table, rest)


def _grant_as_before(connection: sa.Connection, table: str, rest: str) -> None:
    """Who could read the old table can read the one of its name."""
    query = sa.text(
        "SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END, privilege_type "
        "FROM pg_class, aclexplode(relacl) WHERE pg_class.oid = to_regclass(:rest) AND grantee <> relowner"
    )
    for grantee, privilege in connection.execute(query, {"rest": rest}).all():
        op.execute(f"GRANT {privilege} ON {table} TO {grantee}")
