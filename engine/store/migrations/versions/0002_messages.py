"""Start events with several triggers; messages that wait for their receivers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.types import Moment

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _number_start_subscriptions()
    op.drop_index("ix_subscription_kind_name_correlation_key", "subscription")
    op.create_index(
        op.f("ix_subscription_kind_name_correlation_key_created_at"),
        "subscription",
        ["kind", "name", "correlation_key", "created_at"],
        unique=False,
    )
    op.add_column("process_instance", sa.Column("start_key", sa.Text(), nullable=True))
    _index_where(
        "uq_process_instance_start_key",
        "process_instance",
        ["process_key", "start_key"],
        "start_key IS NOT NULL AND ended_at IS NULL",
    )
    op.create_table(
        "correlation_rule",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("properties", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", "hash", name=op.f("pk_correlation_rule")),
    )
    op.create_table(
        "start_arrival",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("process_key", sa.Text(), nullable=False),
        sa.Column("element_id", sa.Text(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("arrived_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_start_arrival")),
    )
    op.create_index(
        op.f("ix_start_arrival_process_key_element_id_key"),
        "start_arrival",
        ["process_key", "element_id", "key"],
        unique=False,
    )
    _create_messages()


def _number_start_subscriptions() -> None:
    """`part` joins the primary key; there are few rows, and SQLite would have to copy the table anyway."""
    columns = ("process_key", "element_id", "kind", "name", "definition_id")
    found = op.get_bind().execute(sa.text(f"SELECT {', '.join(columns)} FROM start_subscription")).all()
    op.drop_table("start_subscription")
    table = op.create_table(
        "start_subscription",
        sa.Column("process_key", sa.Text(), nullable=False),
        sa.Column("element_id", sa.Text(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("definition_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["definition_id"], ["process_definition.id"], name=op.f("fk_start_subscription_definition_id")
        ),
        sa.PrimaryKeyConstraint("process_key", "element_id", "part", name=op.f("pk_start_subscription")),
    )
    op.create_index(op.f("ix_start_subscription_kind_name"), "start_subscription", ["kind", "name"], unique=False)
    if found:
        op.bulk_insert(table, [dict(zip(columns, row, strict=True)) | {"part": 0} for row in found])


def _create_messages() -> None:
    op.create_table(
        "message",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("correlation_key", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("published_at", Moment(), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("delivered_at", Moment(), nullable=True),
        sa.Column("receiver_id", sa.String(length=64), nullable=True),
        sa.Column("sender_id", sa.String(length=64), nullable=True),
        sa.Column("sender_activity_id", sa.Integer(), nullable=True),
        sa.Column("sender_element_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
    )
    op.create_index(op.f("ix_message_expires_at"), "message", ["expires_at"], unique=False)
    _index_where(
        "uq_message_message_id", "message", ["name", "correlation_key", "message_id"], "message_id IS NOT NULL"
    )
    op.create_table(
        "message_key",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("message", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["message"], ["message.id"], name=op.f("fk_message_key_message"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("name", "key", "message", name=op.f("pk_message_key")),
    )
    op.create_index(op.f("ix_message_key_message"), "message_key", ["message"], unique=False)
    op.create_index(op.f("ix_message_key_name_message"), "message_key", ["name", "message"], unique=False)


def _index_where(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, unique=True, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
