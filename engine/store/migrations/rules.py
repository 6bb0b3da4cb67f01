"""Expand and contract: old and new engines work side by side on one database while machines are upgraded in turn.

A migration *expands* when the engine of the revision before can go on after it: it adds tables, indexes, columns that
may be null or have a default of the server's, and no rule that old writers would break. Whatever takes away, renames,
narrows or makes required *contracts*: it comes a release after the code that no longer needs the old form, and calls
`contract` with the revision of the oldest engine that can work with what is left. A table may move aside for one that
takes its name at once and has it as a partition.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


def contract(oldest: str) -> None:
    """From now on engines that know no revision from *oldest* on are turned away; those that run take no more jobs."""
    op.execute(sa.text("UPDATE schema_support SET oldest = :oldest").bindparams(oldest=oldest))
