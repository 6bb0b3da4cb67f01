"""A FEEL syntax tree into closures that take the scope and give the value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from bpmn.expressions.feel import arithmetic, nodes
from bpmn.expressions.feel.builtins import builtin
from bpmn.expressions.feel.iteration import filtered, item_at, steps, walk
from bpmn.expressions.feel.nodes import Node
from bpmn.expressions.feel.properties import property_of
from bpmn.expressions.feel.scope import NO_SCALAR, Local, Scope
from bpmn.expressions.feel.types import Check, check_of
from bpmn.expressions.feel.values import Function, Range, contains, equal, less, less_or_equal

Run = Callable[[Scope], Any]
_EMPTY: Mapping[str, Check] = {}
_INPUT = "?"


@dataclass(slots=True)
class Compiler:
    """*types*: a model's own types by name."""

    types: Mapping[str, Check] = field(default_factory=lambda: _EMPTY)

    def compile(self, node: Node) -> Run:
        return _RULES[type(node)](self, node)

    def _literal(self, node: nodes.Literal) -> Run:
        value = node.value
        return lambda scope: value

    def _name(self, node: nodes.Name) -> Run:
        name = node.name
        return lambda scope: scope.get(name)

    # --- operators -------------------------------------------------------------------------------

    def _negation(self, node: nodes.Negation) -> Run:
        if isinstance(node.operand, nodes.Literal):
            value = arithmetic.negate(node.operand.value)
            return lambda scope: value
        operand = self.compile(node.operand)
        return lambda scope: arithmetic.negate(operand(scope))

    def _binary(self, node: nodes.Binary) -> Run:
        left, right = self.compile(node.left), self.compile(node.right)
        match node.operator:
            case "and":
                return _and(left, right)
            case "or":
                return _or(left, right)
            case "+":
                return _plus(left, right)
            case "-" | "*" | "/" | "**":
                operation = _ARITHMETIC[node.operator]
                return lambda scope: operation(left(scope), right(scope))
            case _:
                return _comparison(node.operator, left, right)

    def _between(self, node: nodes.Between) -> Run:
        value, low, high = self.compile(node.value), self.compile(node.low), self.compile(node.high)

        def run(scope: Scope) -> bool | None:
            it = value(scope)
            return _conjunction(less_or_equal(low(scope), it), less_or_equal(it, high(scope)))

        return run

    def _in(self, node: nodes.In) -> Run:
        value = self.compile(node.value)
        tests = [self.compile(test) for test in node.tests]
        return lambda scope: _any_test(tests, Local({_INPUT: value(scope)}, scope))

    def _instance_of(self, node: nodes.InstanceOf) -> Run:
        value, check = self.compile(node.value), check_of(node.type, self.types)
        return lambda scope: check(value(scope))

    # --- unary tests -----------------------------------------------------------------------------

    def _unary_tests(self, node: nodes.UnaryTests) -> Run:
        tests = [self.compile(test) for test in node.tests]
        if not tests:
            return lambda scope: True
        if not node.is_negated:
            return lambda scope: _any_test(tests, scope)

        def run(scope: Scope) -> bool | None:
            found = _any_test(tests, scope)
            return None if found is None else not found

        return run

    def _unary_comparison(self, node: nodes.Comparison) -> Run:
        return _comparison(node.operator, lambda scope: scope.get(_INPUT), self.compile(node.operand))

    def _value_test(self, node: nodes.ValueTest) -> Run:
        expression, uses_input = self.compile(node.expression), node.uses_input
        is_range = isinstance(node.expression, nodes.RangeLiteral)

        def run(scope: Scope) -> bool | None:
            value = expression(scope)
            if is_range and value is None:
                return None
            if uses_input and (isinstance(value, bool) or value is None):
                return value
            return matches_value(scope.get(_INPUT), value, scope)

        return run

    # --- data ------------------------------------------------------------------------------------

    def _range(self, node: nodes.RangeLiteral) -> Run:
        start = self.compile(node.start) if node.start is not None else None
        end = self.compile(node.end) if node.end is not None else None

        def run(scope: Scope) -> Range | None:
            low = start(scope) if start is not None else None
            high = end(scope) if end is not None else None
            if (low is None and start is not None) or (high is None and end is not None):
                return None
            if low is not None and high is not None and less(low, high) is None:
                return None
            return Range(low, high, node.start_included, node.end_included)

        return run

    def _list(self, node: nodes.ListLiteral) -> Run:
        items = [self.compile(item) for item in node.items]
        return lambda scope: [item(scope) for item in items]

    def _context(self, node: nodes.ContextLiteral) -> Run:
        entries = [(key, self.compile(entry)) for key, entry in node.entries]
        has_repeats = len({key for key, _ in entries}) < len(entries)

        def run(scope: Scope) -> dict[str, Any] | None:
            inner = Local({}, scope)
            for key, entry in entries:
                inner.values[key] = entry(inner)
            return None if has_repeats else inner.values

        return run

    def _path(self, node: nodes.Path) -> Run:
        target, name = self.compile(node.target), node.name
        path = _names_of(node)
        if path is None:
            return lambda scope: property_of(target(scope), name)

        def run(scope: Scope) -> Any:
            value = scope.scalar_at(path)
            return property_of(target(scope), name) if value is NO_SCALAR else value

        return run

    def _filter(self, node: nodes.Filter) -> Run:
        target, condition = self.compile(node.target), self.compile(node.condition)
        if isinstance(node.condition, (nodes.Literal, nodes.Negation)):
            return lambda scope: item_at(target(scope), condition(scope))
        return lambda scope: filtered(target(scope), condition, scope)

    # --- control ---------------------------------------------------------------------------------

    def _if(self, node: nodes.If) -> Run:
        condition, then, otherwise = self.compile(node.condition), self.compile(node.then), self.compile(node.otherwise)
        return lambda scope: then(scope) if condition(scope) is True else otherwise(scope)

    def _for(self, node: nodes.For) -> Run:
        iterators = self._iterators(node.iterators)
        body = self.compile(node.body)
        uses_partial = _mentions(node.body, "partial")

        def run(scope: Scope) -> list[Any] | None:
            results: list[Any] = []
            for inner in walk(iterators, scope):
                if inner is None:
                    return None
                if uses_partial:
                    scope.run.budget.grow(len(results))
                    inner.values["partial"] = list(results)
                results.append(body(inner))
            return results

        return run

    def _quantified(self, node: nodes.Quantified) -> Run:
        iterators = self._iterators(node.iterators)
        body = self.compile(node.body)
        decisive = not node.is_every

        def run(scope: Scope) -> bool | None:
            verdict: bool | None = not decisive
            for inner in walk(iterators, scope):
                found = body(inner) if inner is not None else None
                if found is decisive:
                    return decisive
                if found is not (not decisive):
                    verdict = None
            return verdict

        return run

    def _iterators(self, iterators: tuple[tuple[str, Node], ...]) -> list[tuple[str, Run]]:
        return [(name, self.compile(source)) for name, source in iterators]

    def _iteration(self, node: nodes.Iteration) -> Run:
        start, end = self.compile(node.start), self.compile(node.end)
        return lambda scope: steps(start(scope), end(scope), scope)

    # --- functions -------------------------------------------------------------------------------

    def _function(self, node: nodes.FunctionLiteral) -> Run:
        body = self.compile(node.body)
        checks = [None if type_name is None else check_of(type_name, self.types) for type_name in node.types]
        return lambda scope: make_function(node.parameters, checks, body, scope)

    def _call(self, node: nodes.Call) -> Run:
        arguments = [self.compile(argument) for argument in node.arguments]
        names = node.names
        if isinstance(node.function, nodes.Name):
            return self._call_by_name(node.function.name, arguments, names)
        function = self.compile(node.function)
        return lambda scope: apply(function(scope), names, [argument(scope) for argument in arguments])

    def _call_by_name(self, name: str, arguments: list[Run], names: tuple[str, ...]) -> Run:
        known = builtin(name)
        if name == "is defined" and len(arguments) == 1:
            return lambda scope: arguments[0](scope) is not None
        if known is None:
            return lambda scope: apply(scope.get(name), names, [argument(scope) for argument in arguments])

        def run(scope: Scope) -> Any:
            values = [argument(scope) for argument in arguments]
            if scope.has(name):
                own = scope.get(name)
                if isinstance(own, Function):
                    return apply(own, names, values)
            globals_ = scope.run
            globals_.budget.spend()
            return known.call_named(names, values, globals_) if names else known.call(values, globals_)

        return run


_ARITHMETIC = {
    "-": arithmetic.subtract,
    "*": arithmetic.multiply,
    "/": arithmetic.divide,
    "**": arithmetic.power,
}
_RULES: dict[type, Callable[[Compiler, Any], Run]] = {
    nodes.Literal: Compiler._literal,
    nodes.Name: Compiler._name,
    nodes.Negation: Compiler._negation,
    nodes.Binary: Compiler._binary,
    nodes.Between: Compiler._between,
    nodes.In: Compiler._in,
    nodes.InstanceOf: Compiler._instance_of,
    nodes.UnaryTests: Compiler._unary_tests,
    nodes.Comparison: Compiler._unary_comparison,
    nodes.ValueTest: Compiler._value_test,
    nodes.RangeLiteral: Compiler._range,
    nodes.ListLiteral: Compiler._list,
    nodes.ContextLiteral: Compiler._context,
    nodes.Path: Compiler._path,
    nodes.Filter: Compiler._filter,
    nodes.If: Compiler._if,
    nodes.For: Compiler._for,
    nodes.Quantified: Compiler._quantified,
    nodes.Iteration: Compiler._iteration,
    nodes.FunctionLiteral: Compiler._function,
    nodes.Call: Compiler._call,
}


def make_function(parameters: tuple[str, ...], checks: list[Check | None], body: Run, scope: Scope) -> Function:
    """A function that sees *scope*; null when an argument is not of its parameter's type."""

    def call(*arguments: Any) -> Any:
        scope.run.budget.spend()
        if len(arguments) != len(parameters):
            return None
        if any(c is not None and a is not None and not c(a) for a, c in zip(arguments, checks, strict=True)):
            return None
        return body(Local(dict(zip(parameters, arguments, strict=True)), scope))

    return Function(parameters, call)


def apply(function: Any, names: tuple[str, ...], arguments: list[Any]) -> Any:
    if not isinstance(function, Function):
        return None
    if not names:
        return function.call(*arguments) if len(arguments) == len(function.parameters) else None
    given = dict(zip(names, arguments, strict=True))
    if given.keys() != set(function.parameters):
        return None
    return function.call(*(given[name] for name in function.parameters))


def _and(left: Run, right: Run) -> Run:
    def run(scope: Scope) -> bool | None:
        one = left(scope)
        return False if one is False else _conjunction(one, right(scope))

    return run


def _or(left: Run, right: Run) -> Run:
    def run(scope: Scope) -> bool | None:
        one = left(scope)
        if one is True:
            return True
        other = right(scope)
        if other is True:
            return True
        return False if one is False and other is False else None

    return run


def _conjunction(left: Any, right: Any) -> bool | None:
    if left is False or right is False:
        return False
    return True if left is True and right is True else None


def _plus(left: Run, right: Run) -> Run:
    def run(scope: Scope) -> Any:
        total = arithmetic.add(left(scope), right(scope))
        if type(total) is str:
            scope.run.budget.grow(len(total))
        return total

    return run


def _comparison(operator: str, left: Run, right: Run) -> Run:
    match operator:
        case "=":
            return lambda scope: equal(left(scope), right(scope), scope.run.budget)
        case "!=":
            return lambda scope: _negated(equal(left(scope), right(scope), scope.run.budget))
        case "<":
            return lambda scope: less(left(scope), right(scope))
        case ">":
            return lambda scope: less(right(scope), left(scope))
        case "<=":
            return lambda scope: less_or_equal(left(scope), right(scope))
        case _:
            return lambda scope: less_or_equal(right(scope), left(scope))


def _negated(value: bool | None) -> bool | None:
    return None if value is None else not value


def _any_test(tests: list[Run], scope: Scope) -> bool | None:
    verdict: bool | None = False
    for test in tests:
        found = test(scope)
        if found is True:
            return True
        if found is None:
            verdict = None
    return verdict


def matches_value(value: Any, wanted: Any, scope: Scope) -> bool | None:
    """Whether *value* equals *wanted*, or is in it when that is a range or a list. DMN 1.5, table 55."""
    budget = scope.run.budget
    if type(wanted) is Range:
        return equal(value, wanted, budget) if type(value) is Range else contains(wanted, value)
    if type(wanted) is list:
        budget.spend(len(wanted))
        if type(value) is list and equal(value, wanted, budget):
            return True
        return any(matches_value(value, item, scope) is True for item in wanted)
    return equal(value, wanted, budget)


def _names_of(node: Node) -> tuple[str, ...] | None:
    """a, b, c of the path a.b.c that starts at a variable."""
    if isinstance(node, nodes.Name):
        return (node.name,)
    if not isinstance(node, nodes.Path):
        return None
    before = _names_of(node.target)
    return None if before is None else (*before, node.name)


def _mentions(node: Any, name: str) -> bool:
    if isinstance(node, nodes.Name):
        return node.name == name
    if isinstance(node, tuple):
        return any(_mentions(part, name) for part in node)  # pyright: ignore[reportUnknownVariableType]
    return is_dataclass(node) and any(_mentions(getattr(node, part.name), name) for part in fields(node))
