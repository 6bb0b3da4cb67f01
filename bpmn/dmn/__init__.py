"""DMN: reads decision models and decides with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bpmn.dmn.errors import DecisionError
from bpmn.dmn.evaluation import Evaluation, Trace
from bpmn.dmn.linking import link
from bpmn.dmn.model import Decision, DecisionModel, DecisionService, DecisionTable, HitPolicy
from bpmn.dmn.reader import read_dmn
from bpmn.expressions import ExpressionError, OverBudget
from bpmn.expressions.budget import Budget
from bpmn.expressions.compiler import UNFORESEEN
from bpmn.expressions.feel import lower

__all__ = [
    "Decided",
    "Decision",
    "DecisionError",
    "DecisionModel",
    "DecisionResult",
    "DecisionTable",
    "HitPolicy",
    "decide",
    "link",
    "read_dmn",
]

_STEPS = 2_000_000


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision of the graph as it was made."""

    id: str
    name: str
    value: Any
    rules: tuple[str, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class DecisionResult:
    """*rules*: ids of the rules that fired; *inputs*: what its columns looked at; *decisions*: all that
    were made for it, in order, the one asked for last; *output*: the name of a table's only output."""

    value: Any
    rules: tuple[str, ...] = ()
    decisions: tuple[Decided, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    output: str | None = None


def decide(
    model: DecisionModel, decision_id: str, variables: Mapping[str, Any], now: datetime | None = None
) -> DecisionResult:
    """The decision or decision service *decision_id* (an id, or else a name) for *variables*.

    A table with one output gives its value, with several a dict by output name, None where no rule
    matches; COLLECT, RULE ORDER and OUTPUT ORDER give a list, with an aggregation a number. A service
    gives the value of its only output decision, or a dict by name. Raises DecisionError, ExpressionError.
    """
    subject = model.decision(decision_id) or model.service(decision_id)
    if subject is None:
        known = ", ".join(sorted([*model.decisions, *model.services])) or "none"
        raise DecisionError(f"No decision '{decision_id}' in {model.file}. Decisions: {known}.")
    run = Evaluation(variables, now, Budget(_STEPS))
    try:
        value = lower(model.program.answer(subject, run), run.budget)
    except RecursionError:
        raise OverBudget("The decision exceeded its budget: functions call each other too deeply.") from None
    except ExpressionError as error:
        raise type(error)(error.message, error.expression, error.position, sorted(map(str, variables))) from None
    except UNFORESEEN as error:
        if isinstance(error, DecisionError):
            raise
        message = f"The decision '{subject.name}' could not be evaluated ({type(error).__name__})."
        raise DecisionError(message, subject.id) from error
    made = tuple(_decided(each, run.results[key], run.traces.get(key)) for key, each in run.made.items())
    if isinstance(subject, DecisionService):
        return DecisionResult(value, decisions=(*made, Decided(subject.id, subject.name, value)))
    last = made[-1]
    outputs = subject.logic.outputs if isinstance(subject.logic, DecisionTable) else ()
    only = outputs[0].name if len(outputs) == 1 else None
    return DecisionResult(value, last.rules, made, last.inputs, only or None)


def _decided(decision: Decision, result: Any, trace: Trace | None) -> Decided:
    trace = trace or Trace()
    try:
        value = lower(result, Budget())
    except ExpressionError:  # a function or a range, for other decisions to use
        value = None
    return Decided(decision.id, decision.name, value, tuple(trace.rules), trace.inputs)
