"""What a batch does to one of its items."""

from __future__ import annotations

from collections.abc import Sequence
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


def do(session: Session, operation: Operation, item: BatchItem, work: Work, retrying: Incidents, at: datetime) -> Done:
    """Raises what refuses it; then all of the transaction has to go."""
    instance_id, by, reason = item.instance_id, work.actor, work.reason
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
        case DeleteAll():
            raise TypeError("What is deleted goes together, by delete_some.")
    return Done(ItemState.DONE)


def _needless(session: Session, operation: Operation, item: BatchItem) -> str | None:
    """Why there is nothing to do any more."""
    if isinstance(operation, RetryAll):
        incident_id = item.incident_id or ""
        if not item.instance_id and not incidents.is_stuck(session.connection, incident_id):
            return "was resolved already"
        row = incidents.find(session.connection, incident_id)
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


def delete_some(session: Session, items: Sequence[BatchItem], work: Work, at: datetime) -> list[tuple[BatchItem, Done]]:
    """As many of *items* as one transaction has room for; an instance with much history goes in several. Raises as
    `do`."""
    ended: list[tuple[BatchItem, Done]] = []
    roots: list[retention.Root] = []
    for item in items:
        root = retention.lock_root(session.connection, item.instance_id)
        if isinstance(root, str):
            raise Conflict(root)
        if root is None:
            ended.append((item, Done(ItemState.SKIPPED, "was removed already")))
            continue
        if roots and sum(each.size for each in roots) + root.size > retention.ROOM:
            break
        roots.append(root)
        ended.append((item, Done(ItemState.DONE, is_gone=True)))
    if not retention.remove_roots(session.connection, roots):
        return [(item, done) for item, done in ended if done.state is not ItemState.DONE]
    retention.record(session.connection, work.id, roots, actor=work.actor, started_at=work.created_at, now=at)
    return ended
