"""What a batch does to one of its items."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from engine.batch import (
    ActivateAll,
    BatchItem,
    CancelAll,
    DeleteAll,
    ItemState,
    MigrateAll,
    ModifyAll,
    Operation,
    RetryAll,
    SetVariablesOfAll,
    SuspendAll,
)
from engine.commands import SetVariables
from engine.errors import Conflict
from engine.incidents import Incidents
from engine.instances import cancel_in, switch_in
from engine.model import InstanceState
from engine.operations.migrations import migrate_in
from engine.operations.modifications import modify_in
from engine.session import Session
from engine.store import incidents, retention
from engine.store.batches import Work


@dataclass(frozen=True, slots=True)
class Done:
    """*is_gone*: nothing is left of the instance that could be written to."""

    state: ItemState
    message: str = ""
    is_gone: bool = False


def do(
    session: Session, operation: Operation, item: BatchItem, work: Work, retrying: Incidents, at: datetime
) -> Done | None:
    """None where more is to be done to the same item. Raises what refuses it; then all of the transaction has to go."""
    instance_id, by, reason = item.instance_id, work.actor, work.reason
    if isinstance(operation, DeleteAll):
        return _delete(session, item, work, at)
    if (needless := _needless(session, operation, item)) is not None:
        return Done(ItemState.SKIPPED, needless)
    match operation:
        case CancelAll():
            cancel_in(session, instance_id, reason, at=at, by=by)
        case SuspendAll():
            switch_in(session, instance_id, InstanceState.SUSPENDED, at=at, by=by, reason=reason)
        case ActivateAll():
            switch_in(session, instance_id, InstanceState.RUNNING, at=at, by=by, reason=reason)
        case RetryAll(retries=retries):
            retrying.retry_in(session, item.incident_id or "", retries, by)
        case SetVariablesOfAll(variables=variables):
            session.deliver(instance_id, SetVariables(at=at, actor=by, variables=variables))
        case ModifyAll(instructions=instructions):
            modify_in(session, instance_id, instructions, at=at, by=by, reason=reason)
        case MigrateAll(plan=plan, re_arms=re_arms):
            migrate_in(session, instance_id, plan, re_arms=re_arms, at=at, by=by, reason=reason)
    return Done(ItemState.DONE)


def _needless(session: Session, operation: Operation, item: BatchItem) -> str | None:
    """Why there is nothing to do any more."""
    if isinstance(operation, RetryAll):
        row = incidents.find(session.connection, item.incident_id or "")
        if row is not None and row.resolved_at is not None:
            return f"was resolved already, by {row.resolved_by}"
        return None
    state = session.live(item.instance_id).row.state
    if isinstance(operation, CancelAll) and session.live(item.instance_id).has_ended:
        return f"had ended already ({state})"
    is_so = {InstanceState.SUSPENDED: SuspendAll, InstanceState.RUNNING: ActivateAll}.get(InstanceState(state))
    if is_so is not None and isinstance(operation, is_so):
        return f"was {state} already"
    if isinstance(operation, MigrateAll) and session.live(item.instance_id).row.definition_id == operation.plan.target:
        return "was of that version already"
    return None


def _delete(session: Session, item: BatchItem, work: Work, at: datetime) -> Done | None:
    """An instance with much history goes in several transactions."""
    root = retention.lock_root(session.connection, item.instance_id)
    if root is None:
        return Done(ItemState.SKIPPED, "was removed already")
    if isinstance(root, str):
        raise Conflict(root)
    removed = retention.remove_root(session.connection, root)
    if not removed:
        return None
    retention.record(session.connection, work.id, [root], actor=work.actor, started_at=work.created_at, now=at)
    return Done(ItemState.DONE, is_gone=True)
