"""Compares what a scenario expects with what is: one function a key, each yields its mismatches."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from engine.model import InstanceState, ProcessInstance, UserTask
from engine.testing import looking
from engine.testing.compare import same, show
from engine.testing.format import Expectation
from engine.testing.stage import Stage

_STATES = {
    InstanceState.RUNNING: "running",
    InstanceState.SUSPENDED: "suspended",
    InstanceState.COMPLETED: "completed",
    InstanceState.TERMINATED: "terminated",
    InstanceState.CANCELLED: "terminated",
    InstanceState.FAILED: "terminated",
}
_END_EVENT = "endEvent"

Mismatches = Iterator[str]


def mismatches(stage: Stage, expectation: Expectation, name: str | None) -> list[str]:
    """Every key that is not as expected, as 'key: expected ..., actual ...'; *name*: the instance spoken of."""
    return [
        f"{key}: {mismatch}"
        for key, value in expectation.values.items()
        for mismatch in _CHECKS[key](stage, value, name)
    ]


def _differ(expected: Any, actual: Any) -> str:
    return f"expected {show(expected)}, actual {show(actual)}"


def _active(stage: Stage, expected: Sequence[str], name: str | None) -> Mismatches:
    actual = looking.active(stage)
    if Counter(expected) != Counter(actual):
        yield _differ(sorted(expected), actual)


def _state(stage: Stage, expected: str, name: str | None) -> Mismatches:
    instance = stage.instance(name)
    actual = _STATES[instance.state]
    if actual != expected:
        reason = f" ({instance.state}: {instance.end_reason})" if instance.end_reason else ""
        yield _differ(expected, actual) + reason


def _ended(stage: Stage, expected: bool | Mapping[str, bool], name: str | None) -> Mismatches:
    wanted = expected if isinstance(expected, Mapping) else {name: expected}
    for instance_name, value in wanted.items():
        actual = stage.instance(instance_name).has_ended
        if actual != value:
            yield (f"{instance_name}: " if isinstance(expected, Mapping) else "") + _differ(value, actual)


def _ended_at(stage: Stage, expected: Sequence[str], name: str | None) -> Mismatches:
    ends = [activity for activity in looking.activities(stage, name) if activity.kind == _END_EVENT]
    actual = [activity.element_id for activity in ends if activity.ended_at is not None]
    if list(expected) != actual:
        yield _differ(expected, actual)


def _visited(stage: Stage, expected: Sequence[str], name: str | None) -> Mismatches:
    rest = iter(looking.path(stage, name))
    for element_id in expected:
        if element_id not in rest:
            yield f"expected {show(expected)} in this order, but not '{element_id}' at its place"
            return


def _not_visited(stage: Stage, expected: Sequence[str], name: str | None) -> Mismatches:
    visited = set(looking.path(stage, name))
    wrong = [element_id for element_id in expected if element_id in visited]
    if wrong:
        yield f"expected none of {show(expected)}, but visited {show(wrong)}"


def _path(stage: Stage, expected: Sequence[str], name: str | None) -> Mismatches:
    actual = looking.path(stage, name)
    if list(expected) != actual:
        yield _differ(expected, actual)


def _visits(stage: Stage, expected: Mapping[str, int], name: str | None) -> Mismatches:
    return _counts(expected, Counter(looking.path(stage, name)))


def _completed(stage: Stage, expected: Mapping[str, int], name: str | None) -> Mismatches:
    return _counts(expected, _outcomes(stage, "completed", name))


def _cancelled(stage: Stage, expected: Mapping[str, int], name: str | None) -> Mismatches:
    return _counts(expected, _outcomes(stage, "cancelled", name))


def _outcomes(stage: Stage, outcome: str, name: str | None) -> Counter[str]:
    return Counter(a.element_id for a in looking.activities(stage, name) if a.outcome == outcome)


def _counts(expected: Mapping[str, int], actual: Mapping[str, int]) -> Mismatches:
    for key, number in expected.items():
        if actual.get(key, 0) != number:
            yield f"{key}: " + _differ(number, actual.get(key, 0))


def _variables(stage: Stage, expected: Mapping[str, Any], name: str | None) -> Mismatches:
    return _values(expected, stage.engine.read.variables(stage.instance_id(name)))


def _values(expected: Mapping[str, Any], actual: Mapping[str, Any]) -> Mismatches:
    for key, value in expected.items():
        if key not in actual:
            yield f"{key}: expected {show(value)}, but there is no such variable (there are: {show(sorted(actual))})"
        elif not same(value, actual[key]):
            yield f"{key}: " + _differ(value, actual[key])


def _absent_variables(stage: Stage, expected: Sequence[str], name: str | None) -> Mismatches:
    actual = stage.engine.read.variables(stage.instance_id(name))
    for key in expected:
        if key in actual:
            yield f"{key}: expected no such variable, actual {show(actual[key])}"


def _task_variables(stage: Stage, expected: Mapping[str, Mapping[str, Any]], name: str | None) -> Mismatches:
    for element_id, wanted in expected.items():
        views = looking.views_of(stage, element_id, name)
        if not views:
            yield f"{element_id}: nothing waits there (waiting: {show(looking.active(stage))})"
        elif all(any(_values(wanted, view)) for view in views):
            yield from (f"{element_id}: {mismatch}" for mismatch in _values(wanted, views[0]))


def _tasks(stage: Stage, expected: Sequence[Mapping[str, Any]], name: str | None) -> Mismatches:
    actual = looking.open_tasks(stage)
    if not _pair_off(expected, actual, _is_task):
        yield _differ(expected, [_task_as_written(task, expected) for task in actual])


def _is_task(wanted: Mapping[str, Any], task: UserTask) -> bool:
    return all(_same_task_value(key, value, _task_value(task, key)) for key, value in wanted.items())


def _same_task_value(key: str, expected: Any, actual: Any) -> bool:
    if key in ("candidate_users", "candidate_groups"):
        return Counter(expected or ()) == Counter(actual)
    if key in ("assignee", "form_key", "name") and expected is None:
        return not actual
    return same(expected, actual)


def _task_value(task: UserTask, key: str) -> Any:
    names = {"id": "element_id", "due": "due_at", "follow_up": "follow_up_at"}
    return getattr(task, names.get(key, key))


def _task_as_written(task: UserTask, expected: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    keys = dict.fromkeys(["id", *(key for wanted in expected for key in wanted)])
    return {key: _task_value(task, key) for key in keys}


def _pair_off(expected: Sequence[Any], actual: Sequence[Any], matches: Callable[[Any, Any], bool]) -> bool:
    """Whether every expected entry matches an actual one of its own."""
    taken: dict[int, int] = {}

    def place(at: int, tried: set[int]) -> bool:
        for index, candidate in enumerate(actual):
            if index not in tried and matches(expected[at], candidate):
                tried.add(index)
                if index not in taken or place(taken[index], tried):
                    taken[index] = at
                    return True
        return False

    return all(place(at, set()) for at in range(len(expected)))


def _called_variables(stage: Stage, expected: Mapping[str, Mapping[str, Any]], name: str | None) -> Mismatches:
    for key, wanted in expected.items():
        newest = _of_process(stage.all_instances(), key)[-1:]
        if not newest:
            yield f"{key}: no instance of it was ever started"
        for instance in newest:
            for mismatch in _values(wanted, stage.engine.read.variables(instance.id)):
                yield f"{key}: {mismatch}"


def _of_process(instances: Iterable[ProcessInstance], key: str) -> list[ProcessInstance]:
    return [instance for instance in instances if instance.process_key == key]


def _running_instances(stage: Stage, expected: int, name: str | None) -> Mismatches:
    actual = len(stage.running())
    if actual != expected:
        yield _differ(expected, actual)


def _instances(stage: Stage, expected: Mapping[str, int], name: str | None) -> Mismatches:
    return _counts(expected, Counter(instance.process_key for instance in stage.all_instances()))


def _incidents(stage: Stage, expected: int | Sequence[Mapping[str, Any]], name: str | None) -> Mismatches:
    actual = looking.open_incidents(stage, name)
    written = [{"element": incident.element_id, "message": incident.message} for incident in actual]
    if isinstance(expected, int):
        if len(actual) != expected:
            yield _differ(expected, len(actual)) + (f": {show(written)}" if actual else "")
    elif len(expected) != len(actual) or not _pair_off(expected, actual, _is_incident):
        yield _differ(expected, written)


def _is_incident(wanted: Mapping[str, Any], incident: Any) -> bool:
    if wanted.get("element", incident.element_id) != incident.element_id:
        return False
    return re.search(str(wanted.get("matches", "")), f"{incident.message}\n{incident.detail}") is not None


def _stub_calls(stage: Stage, expected: Mapping[str, int], name: str | None) -> Mismatches:
    return _counts(expected, stage.stubs.calls)


def _stub_order(stage: Stage, expected: Sequence[str], name: str | None) -> Mismatches:
    if list(expected) != stage.stubs.order:
        yield _differ(expected, stage.stubs.order)


_CHECKS: Mapping[str, Callable[[Stage, Any, str | None], Mismatches]] = {
    "active": _active,
    "state": _state,
    "ended": _ended,
    "ended_at": _ended_at,
    "visited": _visited,
    "not_visited": _not_visited,
    "path": _path,
    "visits": _visits,
    "completed": _completed,
    "cancelled": _cancelled,
    "variables": _variables,
    "absent_variables": _absent_variables,
    "task_variables": _task_variables,
    "tasks": _tasks,
    "called_variables": _called_variables,
    "running_instances": _running_instances,
    "instances": _instances,
    "incidents": _incidents,
    "stub_calls": _stub_calls,
    "stub_order": _stub_order,
}
