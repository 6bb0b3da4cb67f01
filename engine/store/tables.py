"""The tables, described in docs/database.md. Typed values are text of `engine.store.codec`.

Runtime tables (process_instance .. incident) hold what lives and change in place; those of history
(engine.store.history_tables) are only added to and closed. All are written in the commit of the step they tell of.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from engine.store.batch_tables import batch as batch
from engine.store.batch_tables import batch_change as batch_change
from engine.store.batch_tables import batch_item as batch_item
from engine.store.history_tables import activity as activity
from engine.store.history_tables import agent_step as agent_step
from engine.store.history_tables import flow_taken as flow_taken
from engine.store.history_tables import job_attempt as job_attempt
from engine.store.history_tables import log as log
from engine.store.history_tables import variable_change as variable_change
from engine.store.outside_tables import api_request as api_request
from engine.store.outside_tables import api_token as api_token
from engine.store.outside_tables import external_topic as external_topic
from engine.store.schema import CLUSTERED as _CLUSTERED
from engine.store.schema import ID as _ID
from engine.store.schema import NAME as _NAME
from engine.store.schema import instance_key as _instance_key
from engine.store.schema import metadata
from engine.store.schema import partial as _partial
from engine.store.types import Moment
from engine.store.upkeep_tables import commit_mark as commit_mark
from engine.store.upkeep_tables import schema_support as schema_support
from engine.store.upkeep_tables import worker as worker

# --- what was deployed ----------------------------------------------------------------------------

deployment = Table(
    "deployment",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", _NAME, nullable=False),
    Column("deployed_at", Moment, nullable=False),
    Column("deployed_by", _NAME, nullable=False),
)

resource = Table(
    "resource",
    metadata,
    Column("deployment_id", _ID, ForeignKey("deployment.id"), primary_key=True),
    Column("name", _NAME, primary_key=True),
    Column("sha256", String(64), nullable=False, index=True),
    Column("data", LargeBinary, nullable=False),
)

process_definition = Table(
    "process_definition",
    metadata,
    Column("id", _NAME, primary_key=True),
    Column("key", _NAME, nullable=False),
    Column("version", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("version_tag", _NAME),
    Column("deployment_id", _ID, ForeignKey("deployment.id"), nullable=False, index=True),
    Column("resource_name", _NAME, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("deployed_at", Moment, nullable=False),
    Column("documentation", Text, nullable=False),
    Column("has_start_form", Boolean, nullable=False),
    Column("is_startable", Boolean, nullable=False),
    Column("starter_users", Text, nullable=False),
    Column("starter_groups", Text, nullable=False),
    Column("history_time_to_live", Text),
    UniqueConstraint("key", "version"),
)

decision_definition = Table(
    "decision_definition",
    metadata,
    Column("id", _NAME, primary_key=True),
    Column("key", _NAME, nullable=False),
    Column("version", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("version_tag", _NAME),
    Column("deployment_id", _ID, ForeignKey("deployment.id"), nullable=False, index=True),
    Column("resource_name", _NAME, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("deployed_at", Moment, nullable=False),
    UniqueConstraint("key", "version"),
)

form_definition = Table(
    "form_definition",
    metadata,
    Column("key", _NAME, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("deployment_id", _ID, ForeignKey("deployment.id"), nullable=False, index=True),
    Column("resource_name", _NAME, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("version_tag", _NAME),
)

start_subscription = Table(
    "start_subscription",
    metadata,
    Column("process_key", _NAME, primary_key=True),
    Column("element_id", _NAME, primary_key=True),
    Column("part", Integer, primary_key=True),  # which of a multiple event's triggers
    Column("kind", String(16), nullable=False),
    Column("name", _NAME, nullable=False),
    Column("definition_id", _NAME, ForeignKey("process_definition.id"), nullable=False),
    Index(None, "kind", "name"),
)

correlation_rule = Table(
    "correlation_rule",
    metadata,
    Column("name", _NAME, primary_key=True),  # of the message
    Column("hash", String(64), primary_key=True),
    Column("properties", Text, nullable=False),
)

# --- what lives -----------------------------------------------------------------------------------

process_instance = Table(
    "process_instance",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("definition_id", _NAME, ForeignKey("process_definition.id"), nullable=False, index=True),
    Column("process_key", _NAME, nullable=False),
    Column("business_key", _NAME),
    Column("state", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("log_sequence", Integer, nullable=False),
    Column("incident_count", Integer, nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("started_by", _NAME, nullable=False),
    Column("ended_at", Moment),
    Column("end_reason", Text, nullable=False),
    Column("parent_id", _ID, ForeignKey("process_instance.id", ondelete="CASCADE")),
    Column("parent_activity_id", Integer),
    Column("depth", Integer, nullable=False),
    Column("root", Text),
    Column("start_key", Text),  # the message key under which no other instance of the process may start
    Column("removal_at", Moment),
    Column("trace", String(64)),  # the traceparent of its beginning
    Index(None, "process_key", "started_at"),
    Index(None, "state", "started_at"),
    Index(None, "started_at"),
    _partial("ix_process_instance_business_key", "business_key", where="business_key IS NOT NULL"),
    _partial("ix_process_instance_parent", "parent_id", "parent_activity_id", where="parent_id IS NOT NULL"),
    _partial(
        "uq_process_instance_start_key",
        "process_key",
        "start_key",
        where="start_key IS NOT NULL AND ended_at IS NULL",
        unique=True,
    ),
    _partial("ix_process_instance_removal", "removal_at", where="removal_at IS NOT NULL"),
    _partial("ix_process_instance_kept", "ended_at", where="parent_id IS NULL AND removal_at IS NULL"),
)

instance_state = Table(
    "instance_state",
    metadata,
    _instance_key(),
    Column("part_id", Integer, primary_key=True),
    Column("data", Text, nullable=False),
)

variable = Table(
    "variable",
    metadata,
    _instance_key(),
    Column("scope_id", Integer, primary_key=True),
    Column("name", _NAME, primary_key=True),
    Column("value", Text, nullable=False),
    **_CLUSTERED,
)

user_task = Table(
    "user_task",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("instance_id", _ID, ForeignKey("process_instance.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("activity_id", Integer, nullable=False),
    Column("element_id", _NAME, nullable=False),
    Column("name", Text, nullable=False),
    Column("assignee", _NAME),
    Column("candidate_users", Text, nullable=False),
    Column("candidate_groups", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("due_at", Moment),
    Column("follow_up_at", Moment),
    Column("priority", Integer, nullable=False),
    Column("form_key", Text),
    Column("closed_at", Moment),
    Column("outcome", String(16)),
    Column("closed_by", _NAME),
    _partial("ix_user_task_assignee", "assignee", "created_at", where="closed_at IS NULL"),
    _partial("ix_user_task_open", "created_at", where="closed_at IS NULL"),
    _partial("ix_user_task_urgent", text("priority DESC"), "created_at", "id", where="closed_at IS NULL"),
)

task_candidate = Table(
    "task_candidate",
    metadata,
    Column("task_id", _ID, ForeignKey("user_task.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("name", _NAME, primary_key=True),
    Index(None, "kind", "name"),
)

# Conditions of partial indexes. A query must say them in the same words, without parameters, to use the index.
_WAITS = "state = 'available' AND NOT is_suspended"
# Said otherwise than JOB_IS_READY says the same: what is ready is to be found by its priority, not by its due time.
JOB_IS_OURS = "state = 'available' AND NOT (is_suspended OR is_external)"
JOB_IS_LEFT = f"{_WAITS} AND is_external"
JOB_IS_READY = f"{_WAITS} AND NOT is_external AND kind NOT IN ('timer', 'start_timer')"
JOB_IS_EXCLUSIVE = "is_exclusive"
JOB_IS_HELD = "state = 'running'"
JOB_IS_ANNOUNCED = "state = 'available' AND lease_owner = 'relay'"
JOB_IS_TIMER = f"{_WAITS} AND kind IN ('timer', 'start_timer')"

_JOBS_IN_ORDER = ("rank", "due_at", "created_at", "instance_id", "activity_id")

job = Table(
    "job",
    metadata,
    Column("id", _NAME, primary_key=True),
    Column("instance_id", _ID, ForeignKey("process_instance.id", ondelete="CASCADE"), index=True),
    Column("definition_id", _NAME, ForeignKey("process_definition.id")),
    Column("activity_id", Integer, nullable=False),
    Column("element_id", _NAME, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("type", _NAME, nullable=False),
    Column("names", Text, nullable=False),
    Column("written_as", _NAME, nullable=False),
    Column("line", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("is_suspended", Boolean, nullable=False),
    Column("is_external", Boolean, nullable=False, server_default=false()),  # left to workers elsewhere
    Column("is_exclusive", Boolean, nullable=False, server_default=false()),  # one at a time within its instance
    Column("rank", Integer, nullable=False),  # 0 - priority: the smallest is taken first
    Column("created_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("retries", Integer),
    Column("retries_left", Integer),
    Column("retry_cycle", Text),
    Column("lost_leases", Integer, nullable=False),
    Column("lease_token", String(32)),
    Column("lease_owner", _NAME),
    Column("lease_until", Moment),
    Column("error", Text),
    Column("headers", Text, nullable=False),
    Column("parameters", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("trace", String(64)),  # the traceparent under which it goes on
    _partial("ix_job_ready", *_JOBS_IN_ORDER, where=JOB_IS_READY),
    _partial("ix_job_type", "type", *_JOBS_IN_ORDER, where=JOB_IS_READY),
    _partial("ix_job_turn", "instance_id", "state", "rank", "due_at", "activity_id", where=JOB_IS_EXCLUSIVE),
    _partial("ix_job_external", "type", "rank", "due_at", where=JOB_IS_LEFT),
    _partial("ix_job_due", "due_at", where=JOB_IS_OURS),
    _partial("ix_job_failed", "type", where="state = 'failed'"),
    _partial("ix_job_timer", "due_at", where=JOB_IS_TIMER),
    _partial("ix_job_announced", "lease_until", where=JOB_IS_ANNOUNCED),
    _partial("ix_job_lease", "lease_until", where=JOB_IS_HELD),
    _partial("ix_job_definition", "definition_id", where="definition_id IS NOT NULL"),
)

subscription = Table(
    "subscription",
    metadata,
    _instance_key(),
    Column("activity_id", Integer, primary_key=True),
    Column("element_id", _NAME, primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("name", _NAME, primary_key=True),
    Column("correlation_key", Text),
    Column("created_at", Moment, nullable=False),
    Index(None, "kind", "name", "correlation_key", "created_at"),
)

start_arrival = Table(
    "start_arrival",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("process_key", _NAME, nullable=False),
    Column("element_id", _NAME, nullable=False),
    Column("part", Integer, nullable=False),
    Column("key", Text, nullable=False),  # empty: it goes with any
    Column("payload", Text, nullable=False),
    Column("arrived_at", Moment, nullable=False),
    Index(None, "process_key", "element_id", "key"),
)

message = Table(
    "message",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", _NAME, nullable=False),
    Column("correlation_key", Text, nullable=False),  # as it was published; empty: none
    Column("message_id", Text),
    Column("payload", Text, nullable=False),
    Column("published_at", Moment, nullable=False),
    Column("published_by", _NAME, nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
    Column("delivered_at", Moment),
    Column("receiver_id", _ID),
    Column("sender_id", _ID),  # the instance that threw it, with the place
    Column("sender_activity_id", Integer),
    Column("sender_element_id", _NAME),
    _partial(
        "uq_message_message_id",
        "name",
        "correlation_key",
        "message_id",
        where="message_id IS NOT NULL",
        unique=True,
    ),
)

message_key = Table(
    "message_key",
    metadata,
    Column("name", _NAME, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("message", _ID, ForeignKey("message.id", ondelete="CASCADE"), primary_key=True, index=True),
    Index(None, "name", "message"),
)

incident = Table(
    "incident",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("instance_id", _ID, ForeignKey("process_instance.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("activity_id", Integer, nullable=False),
    Column("element_id", _NAME, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("job_id", _NAME),
    Column("message", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("resolved_at", Moment),
    Column("resolved_by", _NAME),
    _partial("ix_incident_open", "created_at", where="resolved_at IS NULL"),
)

# --- shared ---------------------------------------------------------------------------------------

value = Table(
    "value",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("data", Text, nullable=False),
)

value_use = Table(
    "value_use",
    metadata,
    Column("owner", _ID, primary_key=True),  # a process instance, or a change of a data store
    Column("hash", String(64), ForeignKey("value.hash"), primary_key=True, index=True),
)

data_store = Table(
    "data_store",
    metadata,
    Column("key", _NAME, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("value", Text, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("changed_by", _NAME, nullable=False),
)

data_store_change = Table(  # an instance may be removed, what it wrote here stays
    "data_store_change",
    metadata,
    Column("key", _NAME, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("value", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("actor", _NAME, nullable=False),
    Column("instance_id", _ID),
    Column("activity_id", Integer),
    Column("element_id", _NAME),
)

person = Table(
    "person",
    metadata,
    Column("name", _NAME, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("groups", Text, nullable=False),
    Column("is_admin", Boolean, nullable=False),
)

# --- housekeeping ---------------------------------------------------------------------------------

housekeeping = Table(
    "housekeeping",
    metadata,
    Column("name", _NAME, primary_key=True),
    Column("holder", _NAME, nullable=False),
    Column("due_at", Moment, nullable=False),
)

cleanup = Table(
    "cleanup",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("definition_id", _NAME, ForeignKey("process_definition.id"), primary_key=True),
    Column("actor", _NAME, nullable=False),
    Column("started_at", Moment, nullable=False, index=True),
    Column("last_at", Moment, nullable=False),
    Column("instances", Integer, nullable=False),
    Column("called_instances", Integer, nullable=False),
    Column("first_ended_at", Moment, nullable=False),
    Column("last_ended_at", Moment, nullable=False),
)
