"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from engine.store.types import Moment

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deployment",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("deployed_at", Moment(), nullable=False),
        sa.Column("deployed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployment")),
    )
    op.create_table(
        "person",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("groups", sa.Text(), nullable=False),
        sa.Column("is_admin", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_person")),
    )
    op.create_table(
        "value",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_value")),
    )
    op.create_table(
        "decision_definition",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version_tag", sa.Text(), nullable=True),
        sa.Column("deployment_id", sa.String(length=64), nullable=False),
        sa.Column("resource_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("deployed_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name=op.f("fk_decision_definition_deployment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision_definition")),
        sa.UniqueConstraint("key", "version", name=op.f("uq_decision_definition_key_version")),
    )
    op.create_index(
        op.f("ix_decision_definition_deployment_id"), "decision_definition", ["deployment_id"], unique=False
    )
    op.create_table(
        "form_definition",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.String(length=64), nullable=False),
        sa.Column("resource_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("version_tag", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["deployment_id"], ["deployment.id"], name=op.f("fk_form_definition_deployment_id")),
        sa.PrimaryKeyConstraint("key", "version", name=op.f("pk_form_definition")),
    )
    op.create_index(op.f("ix_form_definition_deployment_id"), "form_definition", ["deployment_id"], unique=False)
    op.create_table(
        "process_definition",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version_tag", sa.Text(), nullable=True),
        sa.Column("deployment_id", sa.String(length=64), nullable=False),
        sa.Column("resource_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("deployed_at", Moment(), nullable=False),
        sa.Column("documentation", sa.Text(), nullable=False),
        sa.Column("has_start_form", sa.Boolean(), nullable=False),
        sa.Column("is_startable", sa.Boolean(), nullable=False),
        sa.Column("starter_users", sa.Text(), nullable=False),
        sa.Column("starter_groups", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["deployment_id"], ["deployment.id"], name=op.f("fk_process_definition_deployment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_process_definition")),
        sa.UniqueConstraint("key", "version", name=op.f("uq_process_definition_key_version")),
    )
    op.create_index(op.f("ix_process_definition_deployment_id"), "process_definition", ["deployment_id"], unique=False)
    op.create_table(
        "resource",
        sa.Column("deployment_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["deployment_id"], ["deployment.id"], name=op.f("fk_resource_deployment_id")),
        sa.PrimaryKeyConstraint("deployment_id", "name", name=op.f("pk_resource")),
    )
    op.create_index(op.f("ix_resource_sha256"), "resource", ["sha256"], unique=False)
    op.create_table(
        "process_instance",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("definition_id", sa.Text(), nullable=False),
        sa.Column("process_key", sa.Text(), nullable=False),
        sa.Column("business_key", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("log_sequence", sa.Integer(), nullable=False),
        sa.Column("incident_count", sa.Integer(), nullable=False),
        sa.Column("started_at", Moment(), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.String(length=64), nullable=True),
        sa.Column("parent_activity_id", sa.Integer(), nullable=True),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("root", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["definition_id"], ["process_definition.id"], name=op.f("fk_process_instance_definition_id")
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["process_instance.id"], name=op.f("fk_process_instance_parent_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_process_instance")),
    )
    op.create_index(
        "ix_process_instance_business_key",
        "process_instance",
        ["business_key"],
        unique=False,
        sqlite_where=sa.text("business_key IS NOT NULL"),
        postgresql_where=sa.text("business_key IS NOT NULL"),
    )
    op.create_index(op.f("ix_process_instance_definition_id"), "process_instance", ["definition_id"], unique=False)
    op.create_index(
        "ix_process_instance_parent",
        "process_instance",
        ["parent_id", "parent_activity_id"],
        unique=False,
        sqlite_where=sa.text("parent_id IS NOT NULL"),
        postgresql_where=sa.text("parent_id IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_process_instance_process_key_started_at"),
        "process_instance",
        ["process_key", "started_at"],
        unique=False,
    )
    op.create_index(op.f("ix_process_instance_started_at"), "process_instance", ["started_at"], unique=False)
    op.create_index(
        op.f("ix_process_instance_state_started_at"), "process_instance", ["state", "started_at"], unique=False
    )
    op.create_table(
        "start_subscription",
        sa.Column("process_key", sa.Text(), nullable=False),
        sa.Column("element_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("definition_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["definition_id"], ["process_definition.id"], name=op.f("fk_start_subscription_definition_id")
        ),
        sa.PrimaryKeyConstraint("process_key", "element_id", name=op.f("pk_start_subscription")),
    )
    op.create_index(op.f("ix_start_subscription_kind_name"), "start_subscription", ["kind", "name"], unique=False)
    op.create_table(
        "activity",
        sa.Column("instance_id", sa.String(length=64), nullable=False),
        sa.Column("activity_id", sa.Integer(), nullable=False),
        sa.Column("element_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=False),
        sa.Column("entered_at", Moment(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("inputs", sa.Text(), nullable=True),
        sa.Column("outputs", sa.Text(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["instance_id"], ["process_instance.id"], name=op.f("fk_activity_instance_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("instance_id", "activity_id", name=op.f("pk_activity")),
    )
    op.create_index(
        "ix_activity_open",
        "activity",
        ["instance_id"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "agent_step",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("instance_id", sa.String(length=64), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("response", sa.Text(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=False),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.Column("cost", sa.String(length=40), nullable=True),
        sa.Column("is_offline", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_id"], ["process_instance.id"], name=op.f("fk_agent_step_instance_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "sequence", name=op.f("pk_agent_step")),
    )
    op.create_index(op.f("ix_agent_step_instance_id"), "agent_step", ["instance_id"], unique=False)
    op.create_table(
        "flow_taken",
        sa.Column("instance_id", sa.String(length=64), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("flows", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_id"], ["process_instance.id"], name=op.f("fk_flow_taken_instance_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("instance_id", "step", name=op.f("pk_flow_taken")),
    )
    op.create_table(
        "incident",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("instance_id", sa.String(length=64), nullable=False),
        sa.Column("activity_id", sa.Integer(), nullable=False),
        sa.Column("element_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("resolved_at", Moment(), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["instance_id"], ["process_instance.id"], name=op.f("fk_incident_instance_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    op.create_index(op.f("ix_incident_instance_id"), "incident", ["instance_id"], unique=False)
    op.create_index(
        "ix_incident_open",
        "incident",
        ["created_at"],
        unique=False,
        sqlite_where=sa.text("resolved_at IS NULL"),
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_table(
        "instance_state",
        sa.Column("instance_id", sa.String(length=64), nullable=False),
        sa.Column("part_id", sa.Integer(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_id"], ["process_instance.id"], name=op.f("fk_instance_state_instance_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("instance_id", "part_id", name=op.f("pk_instance_state")),
    )
    op.create_table(
        "job",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("instance_id", sa.String(length=64), nullable=True),
        sa.Column("definition_id", sa.Text(), nullable=True),
        sa.Column("activity_id", sa.Integer(), nullable=False),
        sa.Column("element_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("names", sa.Text(), nullable=False),
        sa.Column("written_as", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("is_suspended", sa.Boolean(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("retries", sa.Integer(), nullable=True),
        sa.Column("retries_left", sa.Integer(), nullable=True),
        sa.Column("retry_cycle", sa.Text(), nullable=True),
        sa.Column("lost_leases", sa.Integer(), nullable=False),
        sa.Column("lease_token", sa.String(length=32), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", Moment(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["definition_id"], ["process_definition.id"], name=op.f("fk_job_definition_id")),
        sa.ForeignKeyConstraint(
            ["instance_id"], ["process_instance.id"], name=op.f("fk_job_instance_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
    )
    op.create_index(
        "ix_job_definition",
        "job",
        ["definition_id"],
        unique=False,
        sqlite_where=sa.text("definition_id IS NOT NULL"),
        postgresql_where=sa.text("definition_id IS NOT NULL"),
    )
    op.create_index(op.f("ix_job_instance_id"), "job", ["instance_id"], unique=False)
    op.create_index(
        "ix_job_lease",
        "job",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index(
        "ix_job_ready",
        "job",
        ["rank", "due_at"],
        unique=False,
        sqlite_where=sa.text("state = 'available' AND NOT is_suspended AND kind NOT IN ('timer', 'start_timer')"),
        postgresql_where=sa.text("state = 'available' AND NOT is_suspended AND kind NOT IN ('timer', 'start_timer')"),
    )
    op.create_index(
        "ix_job_timer",
        "job",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("state = 'available' AND NOT is_suspended AND kind IN ('timer', 'start_timer')"),
        postgresql_where=sa.text("state = 'available' AND NOT is_suspended AND kind IN ('timer', 'start_timer')"),
    )
    op.create_table(
        "job_attempt",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("instance_id", sa.String(length=64), nullable=False),
        sa.Column("activity_id", sa.Integer(), nullable=False),
        sa.Column("started_at", Moment(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["instance_id"], ["process_instance.id"], name=op.f("fk_job_attempt_instance_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "attempt", name=op.f("pk_job_attempt")),
    )
    op.create_index(op.f("ix_job_attempt_instance_id"), "job_attempt", ["instance_id"], unique=False)
    op.create_table(
        "log",
        sa.Column("instance_id", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("activity_id", sa.Integer(), nullable=True),
        sa.Column("element_id", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_id"], ["process_instance.id"], name=op.f("fk_log_instance_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("instance_id", "sequence", name=op.f("pk_log")),
    )
    op.create_table(
        "subscription",
        sa.Column("instance_id", sa.String(length=64), nullable=False),
        sa.Column("activity_id", sa.Integer(), nullable=False),
        sa.Column("element_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("correlation_key", sa.Text(), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_id"], ["process_instance.id"], name=op.f("fk_subscription_instance_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            "instance_id", "activity_id", "element_id", "kind", "name", name=op.f("pk_subscription")
        ),
    )
    op.create_index(
        op.f("ix_subscription_kind_name_correlation_key"),
        "subscription",
        ["kind", "name", "correlation_key"],
        unique=False,
    )
    op.create_table(
        "user_task",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("instance_id", sa.String(length=64), nullable=False),
        sa.Column("activity_id", sa.Integer(), nullable=False),
        sa.Column("element_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.Column("candidate_users", sa.Text(), nullable=False),
        sa.Column("candidate_groups", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("follow_up_at", Moment(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("form_key", sa.Text(), nullable=True),
        sa.Column("closed_at", Moment(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["instance_id"], ["process_instance.id"], name=op.f("fk_user_task_instance_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_task")),
    )
    op.create_index(
        "ix_user_task_assignee",
        "user_task",
        ["assignee", "created_at"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(op.f("ix_user_task_instance_id"), "user_task", ["instance_id"], unique=False)
    op.create_index(
        "ix_user_task_open",
        "user_task",
        ["created_at"],
        unique=False,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "variable",
        sa.Column("instance_id", sa.String(length=64), nullable=False),
        sa.Column("scope_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_id"], ["process_instance.id"], name=op.f("fk_variable_instance_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("instance_id", "scope_id", "name", name=op.f("pk_variable")),
    )
    op.create_table(
        "variable_change",
        sa.Column("instance_id", sa.String(length=64), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("scope_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("activity_id", sa.Integer(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_id"], ["process_instance.id"], name=op.f("fk_variable_change_instance_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("instance_id", "step", "position", name=op.f("pk_variable_change")),
    )
    op.create_table(
        "task_candidate",
        sa.Column("task_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["task_id"], ["user_task.id"], name=op.f("fk_task_candidate_task_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("task_id", "kind", "name", name=op.f("pk_task_candidate")),
    )
    op.create_index(op.f("ix_task_candidate_kind_name"), "task_candidate", ["kind", "name"], unique=False)
