"""Batches: one operation on many instances or incidents, done by the workers in the background."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from engine.batch import Batch, MigrateAll, ModifyAll, Operation, RetryAll, SetVariablesOfAll, operation_from
from engine.errors import InvalidInput
from engine.modification import Instruction, instruction_from
from engine.searching import Condition
from engine.tokens import Scope
from webapp.areas.api.batch_records import (
    BatchFilter,
    BatchInstruction,
    BatchItemFilter,
    BatchItemTold,
    BatchMigration,
    BatchShown,
    BatchTold,
    BatchWhere,
    StartBatch,
)
from webapp.areas.api.lists import no_cursor, page, read_cursor
from webapp.areas.api.operation import Answer, Call, operation
from webapp.areas.api.records import Listed, Reasoned
from webapp.areas.api.repeating import once
from webapp.areas.api.values import variables_from_json
from webapp.context import the_engine

_TAG = "Batches"
_OWN = {"retry": "retries", "set-variables": "variables", "modify": "instructions", "migrate": "migration"}
"""The field that says how a kind is done, and belongs to no other."""


@operation(
    "POST",
    "/batches",
    tag=_TAG,
    scope=Scope.OPERATE,
    body=StartBatch,
    answers={201: BatchShown},
    is_repeatable=True,
)
def start_batch(call: Call) -> Answer:
    """Start a batch: do something to many instances, or try many incidents again, in the background.

    To those with the `ids`, or to all that are there now and fit `where`. Nothing is done yet when it is answered: the
    workers do it, each item in the commit that records what came of it. 422 where there is nothing to do it to. What
    deletes ended instances with their history is for administrators, and for tokens of no person.
    """
    call.rights.require(Scope.OPERATE)
    body: StartBatch = call.body
    if body.kind == "delete":
        call.rights.require_delete()

    def start() -> Batch:
        where = _conditions(body)
        return the_engine().batch(_operation(body), body.ids, where=where, reason=body.reason, by=call.by)

    def again(receipt: Mapping[str, Any]) -> Answer:
        return _started(receipt["id"])

    return once(call, start, lambda batch_id: {"id": batch_id}, again, lambda batch: _started(batch.id))


@operation("GET", "/batches", tag=_TAG, scope=Scope.READ, query=BatchFilter, answers={200: Listed[BatchTold]})
def list_batches(call: Call) -> Listed[BatchTold]:
    """List batches, the newest first."""
    query: BatchFilter = call.query
    before = read_cursor(query.cursor)
    found = the_engine().batches.list(query.limit + 1, before=before, state=query.state, kind=query.kind)
    return page(found, query, BatchTold.model_validate, lambda each: each.id)


@operation("GET", "/batches/{id}", tag=_TAG, scope=Scope.READ, answers={200: BatchShown})
def get_batch(call: Call, id: str) -> BatchShown:
    """Show how far a batch has come, and who paused or cancelled it."""
    return _shown(id)


@operation(
    "GET",
    "/batches/{id}/items",
    tag=_TAG,
    scope=Scope.READ,
    query=BatchItemFilter,
    answers={200: Listed[BatchItemTold]},
)
def list_batch_items(call: Call, id: str) -> Listed[BatchItemTold]:
    """List what a batch is for, in its order, and what came of each."""
    query: BatchItemFilter = call.query
    after = read_cursor(query.cursor) or "0"
    if not after.isascii() or not after.isdigit() or len(after) > 9:
        raise no_cursor()
    the_engine().batches.get(id)
    found = the_engine().batches.items(id, query.state, query.limit + 1, after=int(after))
    records = [asdict(each) | {"instance_id": each.instance_id or None} for each in found]
    return page(records, query, BatchItemTold.model_validate, lambda each: str(each["number"]))


@operation("POST", "/batches/{id}/pause", tag=_TAG, scope=Scope.OPERATE, body=Reasoned, answers={204: None})
def pause_batch(call: Call, id: str) -> None:
    """Stop a batch between two items."""
    call.rights.require(Scope.OPERATE)
    the_engine().batches.pause(id, by=call.by, reason=call.body.reason)


@operation("POST", "/batches/{id}/resume", tag=_TAG, scope=Scope.OPERATE, body=Reasoned, answers={204: None})
def resume_batch(call: Call, id: str) -> None:
    """Let a paused batch go on."""
    call.rights.require(Scope.OPERATE)
    the_engine().batches.resume(id, by=call.by, reason=call.body.reason)


@operation("POST", "/batches/{id}/cancel", tag=_TAG, scope=Scope.OPERATE, body=Reasoned, answers={204: None})
def cancel_batch(call: Call, id: str) -> None:
    """End a batch: what is done stays done, the rest is left out."""
    call.rights.require(Scope.OPERATE)
    the_engine().batches.cancel(id, by=call.by, reason=call.body.reason)


def _started(batch_id: str) -> Answer:
    return Answer(201, _shown(batch_id), {"Location": f"/api/v1/batches/{batch_id}"})


def _shown(batch_id: str) -> BatchShown:
    batch, changes = the_engine().batches.get(batch_id), the_engine().batches.changes(batch_id)
    return BatchShown.model_validate(BatchTold.model_validate(batch).model_dump() | {"changes": map(asdict, changes)})


def _operation(body: StartBatch) -> Operation:
    """Raises InvalidInput, NotFound for a process to migrate that there is not."""
    for kind, field in _OWN.items():
        if kind != body.kind and getattr(body, field) is not None:
            raise InvalidInput(f"'{field}' belongs to {kind}, not to {body.kind}.", {f"/{field}": "not of this kind"})
    match body.kind:
        case "retry":
            return RetryAll(body.retries)
        case "set-variables":
            return SetVariablesOfAll(variables_from_json(_needed(body, "variables")))
        case "modify":
            instructions = enumerate(_needed(body, "instructions"))
            return ModifyAll(tuple(_instruction(each, f"/instructions/{n}") for n, each in instructions))
        case "migrate":
            wanted: BatchMigration = _needed(body, "migration")
            versions = {"source": wanted.source_version, "target": wanted.target_version}
            plan = the_engine().migration_plan(wanted.process_key, mapping=wanted.mapping, **versions)
            return MigrateAll(plan, wanted.re_arm)
        case _:
            return operation_from(body.kind, {})


def _needed(body: StartBatch, field: str) -> Any:
    if not (value := getattr(body, field)):
        raise InvalidInput(f"Give '{field}' with {body.kind}.", {f"/{field}": "missing"})
    return value


def _instruction(asked: BatchInstruction, place: str) -> Instruction:
    """Raises InvalidInput."""
    given = asked.model_dump(exclude={"do"}, exclude_none=True)
    for name in given.keys() & {"variables", "local_variables"}:
        given[name] = variables_from_json(given[name], f"{place}/{name}")
    kind = asked.do.title().replace("_", "")
    try:
        return instruction_from({"do": kind, **given})
    except InvalidInput as problem:
        raise InvalidInput(f"{place}: {problem}", {place: f"not what belongs to {asked.do}"}) from problem


def _conditions(body: StartBatch) -> list[Condition]:
    """Raises InvalidInput unless there are either ids or at least one condition."""
    where = (body.where or BatchWhere()).model_dump(exclude_none=True)
    if (body.ids is None) == (not where):
        raise InvalidInput("Give either 'ids', or 'where' with at least one condition.", {"/where": "or /ids"})
    if body.kind != "retry":
        return [Condition({"element_id": "active_at"}.get(name, name), value) for name, value in where.items()]
    if "version" in where:
        raise InvalidInput("Incidents are chosen by definition_id, not by version.", {"/where/version": "not here"})
    return [Condition({"state": "instance_state"}.get(name, name), value) for name, value in where.items()]
