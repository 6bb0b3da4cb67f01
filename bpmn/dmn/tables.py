"""Decision tables as closures: conditions, hit policies, aggregation. DMN 1.5, 8.2 and 8.3."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bpmn.dmn.errors import DecisionError
from bpmn.dmn.evaluation import Evaluation
from bpmn.dmn.model import DecisionTable, HitPolicy, Input, Output, Text
from bpmn.dmn.types import from_text
from bpmn.expressions.feel import Local, Run, Scope
from bpmn.expressions.feel.builtins.lists import maximum, minimum, total
from bpmn.expressions.feel.values import equal, lower

CompileText = Callable[[Text], Run]
_LISTS = frozenset((HitPolicy.COLLECT, HitPolicy.RULE_ORDER, HitPolicy.OUTPUT_ORDER))


@dataclass(frozen=True, slots=True)
class _Column:
    label: str
    variable: str | None
    type_ref: str | None
    value: Run


@dataclass(frozen=True, slots=True)
class _Rule:
    id: str
    conditions: tuple[Run | None, ...]  # None matches anything
    results: tuple[Run, ...]


def compile_table(table: DecisionTable, expression: CompileText, tests: CompileText, ranking: CompileText) -> Run:
    """*expression*, *tests* and *ranking* compile a cell that is a value, a condition, a list of values."""
    columns = [_column(each, expression) for each in table.inputs]
    rules = [
        _Rule(
            rule.id,
            tuple(None if cell.text in ("", "-") else tests(cell) for cell in rule.conditions),
            tuple(expression(cell) for cell in rule.results),
        )
        for rule in table.rules
    ]
    defaults = [None if output.default is None else expression(output.default) for output in table.outputs]
    ranks = [None if output.values is None else ranking(output.values) for output in table.outputs]
    result = _Result(table, defaults, ranks)

    def run(scope: Scope) -> Any:
        inputs = [_input(column, scope) for column in columns]
        matching = [rule for rule in rules if _matches(rule, inputs, scope)]
        return result.of(matching, scope)

    return run


def _column(written: Input, expression: CompileText) -> _Column:
    return _Column(
        written.label or written.expression.text,
        written.variable,
        written.expression.type_ref,
        expression(written.expression),
    )


def _input(column: _Column, scope: Scope) -> Local:
    """The scope in which the column's cells are tested: '?' is the input."""
    value = from_text(column.value(scope), column.type_ref)
    inner = Local({"?": value, "cellInput": value}, scope)
    if column.variable:
        inner.values[column.variable] = value
    run = scope.run
    if isinstance(run, Evaluation):
        run.trace.inputs[column.label] = lower(value, run.budget) if _is_plain(value) else str(value)
    return inner


def _is_plain(value: Any) -> bool:
    return value is None or not hasattr(value, "call")


def _matches(rule: _Rule, inputs: list[Local], scope: Scope) -> bool:
    scope.run.budget.spend(1 + len(inputs))
    return all(test is None or test(value) is True for test, value in zip(rule.conditions, inputs, strict=False))


class _Result:
    """What the matching rules amount to."""

    def __init__(self, table: DecisionTable, defaults: list[Run | None], ranks: list[Run | None]) -> None:
        self._policy = table.hit_policy
        self._aggregation = (table.aggregation or "").upper()
        self._outputs: tuple[Output, ...] = table.outputs
        self._defaults = defaults
        self._ranks = ranks

    def of(self, matching: list[_Rule], scope: Scope) -> Any:
        if not matching:
            return self._default(scope)
        match self._policy:
            case HitPolicy.UNIQUE if len(matching) > 1:
                raise _contradiction("UNIQUE allows one", matching)
            case HitPolicy.UNIQUE | HitPolicy.FIRST:
                return self._fired(matching[:1], scope)[0]
            case HitPolicy.ANY:
                return self._agreed(matching, scope)
            case HitPolicy.PRIORITY:
                return self._by_priority(matching, scope)[0]
            case HitPolicy.OUTPUT_ORDER:
                return self._by_priority(matching, scope)
            case HitPolicy.RULE_ORDER:
                return self._fired(matching, scope)
            case HitPolicy.COLLECT:
                return self._collected(self._fired(matching, scope))

    def _default(self, scope: Scope) -> Any:
        if any(default is not None for default in self._defaults):
            value = self._shaped([None if default is None else default(scope) for default in self._defaults])
            return [value] if self._policy in _LISTS and not self._aggregation else value
        if self._policy in _LISTS and not self._aggregation:
            return []
        return _count([]) if self._aggregation == "COUNT" else None

    def _fired(self, rules: list[_Rule], scope: Scope) -> list[Any]:
        run = scope.run
        if isinstance(run, Evaluation):
            run.trace.rules.extend(rule.id for rule in rules)
        return [self._shaped([result(scope) for result in rule.results]) for rule in rules]

    def _shaped(self, values: list[Any]) -> Any:
        """One output is its value; several are a context by output name."""
        if len(self._outputs) == 1:
            return values[0] if values else None
        return {output.name: value for output, value in zip(self._outputs, values, strict=False)}

    def _agreed(self, matching: list[_Rule], scope: Scope) -> Any:
        first, *others = self._fired(matching, scope)
        if not all(equal(first, other, scope.run.budget) for other in others):
            raise _contradiction("ANY wants them to agree", matching)
        return first

    def _by_priority(self, matching: list[_Rule], scope: Scope) -> list[Any]:
        ranks = [None if rank is None else rank(scope) for rank in self._ranks]
        budget = scope.run.budget

        def position(rule: _Rule) -> tuple[int, ...]:
            places: list[int] = []
            for result, order in zip(rule.results, ranks, strict=False):
                if isinstance(order, list):
                    value = result(scope)
                    places.append(next((at for at, each in enumerate(order) if equal(each, value, budget)), len(order)))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
            return tuple(places)

        ordered = sorted(matching, key=position)
        return self._fired(ordered[:1] if self._policy is HitPolicy.PRIORITY else ordered, scope)

    def _collected(self, values: list[Any]) -> Any:
        match self._aggregation:
            case "SUM":
                return total(values)
            case "MIN":
                return minimum(values)
            case "MAX":
                return maximum(values)
            case "COUNT":
                return _count(values)
            case _:
                return values


def _count(values: list[Any]) -> Any:
    return Decimal(len(values))


def _contradiction(what: str, rules: list[_Rule]) -> DecisionError:
    names = ", ".join(rule.id for rule in rules)
    return DecisionError(
        f"The rules {names} all match; {what}. Make them exclude each other.", rules=tuple(r.id for r in rules)
    )
