"""Python expressions from their syntax tree into closures."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bpmn.expressions import operators
from bpmn.expressions.budget import Budget
from bpmn.expressions.errors import ExpressionError, UnsupportedPython
from bpmn.expressions.operators import kind_of
from bpmn.expressions.python.calls import FUNCTIONS, METHODS, call_method, format_value
from bpmn.expressions.python.scope import Run, Scope

Operation = Callable[[Any, Any, Budget], Any]
_BINARY: dict[type[ast.operator], Operation] = {
    ast.Add: operators.add,
    ast.Sub: operators.subtract,
    ast.Mult: operators.multiply,
    ast.Div: operators.divide,
    ast.FloorDiv: operators.floor_divide,
    ast.Mod: operators.modulo,
    ast.Pow: operators.power,
    ast.LShift: operators.shift_left,
    ast.RShift: operators.plain(operator.rshift, ">>"),
    ast.BitAnd: operators.plain(operator.and_, "&"),
    ast.BitOr: operators.plain(operator.or_, "|"),
    ast.BitXor: operators.plain(operator.xor, "^"),
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: lambda left, right: operators.compare("==", operator.eq, left, right),
    ast.NotEq: lambda left, right: operators.compare("!=", operator.ne, left, right),
    ast.Lt: lambda left, right: operators.compare("<", operator.lt, left, right),
    ast.LtE: lambda left, right: operators.compare("<=", operator.le, left, right),
    ast.Gt: lambda left, right: operators.compare(">", operator.gt, left, right),
    ast.GtE: lambda left, right: operators.compare(">=", operator.ge, left, right),
    ast.Is: lambda left, right: left is right,
    ast.IsNot: lambda left, right: left is not right,
    ast.In: lambda left, right: operators.compare("in", lambda item, items: item in items, left, right),
    ast.NotIn: lambda left, right: operators.compare("not in", lambda item, items: item not in items, left, right),
}
_ALLOWED_CONSTANTS = (str, int, float, bool, type(None))


class ExpressionCompiler:
    def __init__(self, text: str) -> None:
        self._text = text

    def compile(self, node: ast.expr) -> Run:
        """Raises UnsupportedPython for a node that has no rule here."""
        rule = getattr(self, f"_{type(node).__name__.lower()}", None)
        if rule is None:
            raise self.unsupported(node, type(node).__name__)
        return rule(node)

    def unsupported(self, node: ast.AST, what: str) -> UnsupportedPython:
        return UnsupportedPython(f"Python's {what} needs the sandbox.", position=getattr(node, "col_offset", None))

    # --- values ----------------------------------------------------------------------------------

    def _constant(self, node: ast.Constant) -> Run:
        value = node.value
        if not isinstance(value, _ALLOWED_CONSTANTS):
            raise self.unsupported(node, f"{type(value).__name__} literal")
        return lambda scope: value

    def _name(self, node: ast.Name) -> Run:
        name = node.id
        if name.startswith("__"):
            raise self.unsupported(node, f"name '{name}'")
        return lambda scope: scope.get(name)

    def _list(self, node: ast.List) -> Run:
        items = self._items(node.elts)
        return lambda scope: items(scope)

    def _tuple(self, node: ast.Tuple) -> Run:
        items = self._items(node.elts)
        return lambda scope: tuple(items(scope))

    def _set(self, node: ast.Set) -> Run:
        items = self._items(node.elts)
        return lambda scope: _hashable(lambda: set(items(scope)))

    def _items(self, nodes: list[ast.expr]) -> Callable[[Scope], list[Any]]:
        if any(isinstance(node, ast.Starred) for node in nodes):
            raise self.unsupported(nodes[0], "unpacking in a list")
        items = [self.compile(node) for node in nodes]
        return lambda scope: [item(scope) for item in items]

    def _dict(self, node: ast.Dict) -> Run:
        entries: list[tuple[Run | None, Run]] = [
            (None if key is None else self.compile(key), self.compile(value))
            for key, value in zip(node.keys, node.values, strict=True)
        ]

        def run(scope: Scope) -> dict[Any, Any]:
            made: dict[Any, Any] = {}
            for key, value in entries:
                if key is None:
                    made.update(_mapping(value(scope)))
                    scope.budget.grow(len(made))
                else:
                    _hashable(lambda key=key, value=value: made.__setitem__(key(scope), value(scope)))
            return made

        return run

    def _joinedstr(self, node: ast.JoinedStr) -> Run:
        parts = [self.compile(part) for part in node.values]

        def run(scope: Scope) -> str:
            text = "".join(part(scope) for part in parts)
            scope.budget.grow(len(text))
            return text

        return run

    def _formattedvalue(self, node: ast.FormattedValue) -> Run:
        value = self.compile(node.value)
        template = self.compile(node.format_spec) if node.format_spec is not None else None
        conversion = chr(node.conversion) if node.conversion > 0 else ""

        def run(scope: Scope) -> str:
            return format_value(value(scope), template(scope) if template is not None else "", conversion, scope.budget)

        return run

    # --- operators -------------------------------------------------------------------------------

    def _boolop(self, node: ast.BoolOp) -> Run:
        first, *rest = [self.compile(value) for value in node.values]
        stops_at = isinstance(node.op, ast.Or)

        def run(scope: Scope) -> Any:
            value = first(scope)
            for operand in rest:
                if bool(value) is stops_at:
                    break
                value = operand(scope)
            return value

        return run

    def _binop(self, node: ast.BinOp) -> Run:
        operation = self.operation(node.op)
        left, right = self.compile(node.left), self.compile(node.right)
        return lambda scope: operation(left(scope), right(scope), scope.budget)

    def operation(self, node: ast.operator) -> Operation:
        operation = _BINARY.get(type(node))
        if operation is None:
            raise self.unsupported(node, f"operator {type(node).__name__}")
        return operation

    def _unaryop(self, node: ast.UnaryOp) -> Run:
        operand = self.compile(node.operand)
        match node.op:
            case ast.Not():
                return lambda scope: not operand(scope)
            case ast.USub():
                return lambda scope: operators.subtract(0, operand(scope), scope.budget)
            case ast.UAdd():
                return lambda scope: operators.add(0, operand(scope), scope.budget)
            case _:
                raise self.unsupported(node, "operator ~")

    def _compare(self, node: ast.Compare) -> Run:
        first = self.compile(node.left)
        steps = [
            (_COMPARE[type(op)], self.compile(right)) for op, right in zip(node.ops, node.comparators, strict=True)
        ]
        if len(steps) == 1:
            operation, second = steps[0]
            return lambda scope: operation(first(scope), second(scope))

        def run(scope: Scope) -> bool:
            left = first(scope)
            for operation, operand in steps:
                right = operand(scope)
                if not operation(left, right):
                    return False
                left = right
            return True

        return run

    def _ifexp(self, node: ast.IfExp) -> Run:
        test, body, otherwise = self.compile(node.test), self.compile(node.body), self.compile(node.orelse)
        return lambda scope: body(scope) if test(scope) else otherwise(scope)

    # --- access and calls ------------------------------------------------------------------------

    def _attribute(self, node: ast.Attribute) -> Run:
        name = node.attr
        if name.startswith("_"):
            raise self.unsupported(node, f"attribute '{name}'")
        target = self.compile(node.value)
        return lambda scope: entry_of(target(scope), name)

    def _subscript(self, node: ast.Subscript) -> Run:
        target = self.compile(node.value)
        if isinstance(node.slice, ast.Slice):
            start, stop, step = (
                self.compile(part) if part is not None else (lambda scope: None)
                for part in (node.slice.lower, node.slice.upper, node.slice.step)
            )
            return lambda scope: _subscripted(target(scope), slice(start(scope), stop(scope), step(scope)))
        key = self.compile(node.slice)
        return lambda scope: _subscripted(target(scope), key(scope))

    def _call(self, node: ast.Call) -> Run:
        if any(isinstance(argument, ast.Starred) for argument in node.args):
            raise self.unsupported(node, "unpacking in a call")
        keywords = {keyword.arg: self.compile(keyword.value) for keyword in node.keywords if keyword.arg is not None}
        if len(keywords) < len(node.keywords):
            raise self.unsupported(node, "unpacking in a call")
        arguments = [self.compile(argument) for argument in node.args]
        match node.func:
            case ast.Name(id=name) if name in FUNCTIONS and not keywords.keys() - FUNCTIONS[name].keywords:
                function = FUNCTIONS[name].call
                return lambda scope: function(
                    scope.budget, *[a(scope) for a in arguments], **{n: k(scope) for n, k in keywords.items()}
                )
            case ast.Attribute(value=value, attr=name) if name in METHODS and not keywords:
                target = self.compile(value)
                return lambda scope: call_method(target(scope), name, [a(scope) for a in arguments], scope.budget)
            case _:
                raise self.unsupported(node, f"call of {ast.unparse(node.func)[:50]}")

    # --- comprehensions --------------------------------------------------------------------------

    def _listcomp(self, node: ast.ListComp) -> Run:
        element, walk = self.compile(node.elt), self._generators(node.generators)

        def run(scope: Scope) -> list[Any]:
            return [element(inner) for inner in walk(scope.inner())]

        return run

    _generatorexp = _listcomp

    def _setcomp(self, node: ast.SetComp) -> Run:
        element, walk = self.compile(node.elt), self._generators(node.generators)
        return lambda scope: _hashable(lambda: {element(inner) for inner in walk(scope.inner())})

    def _dictcomp(self, node: ast.DictComp) -> Run:
        key, value, walk = self.compile(node.key), self.compile(node.value), self._generators(node.generators)
        return lambda scope: _hashable(lambda: {key(inner): value(inner) for inner in walk(scope.inner())})

    def _generators(self, generators: list[ast.comprehension]) -> Callable[[Scope], Iterator[Scope]]:
        first, *rest = generators
        if first.is_async:
            raise self.unsupported(first.target, "async comprehension")
        bind = self.target(first.target)
        source = self.compile(first.iter)
        tests = [self.compile(test) for test in first.ifs]
        inner_walk = self._generators(rest) if rest else None

        def walk(scope: Scope) -> Iterator[Scope]:
            for item in iterated(source(scope)):
                scope.budget.spend()
                bind(scope, item)
                if all(test(scope) for test in tests):
                    if inner_walk is None:
                        yield scope
                    else:
                        yield from inner_walk(scope)

        return walk

    def target(self, node: ast.expr) -> Callable[[Scope, Any], None]:
        """How a value is bound to a name, or to a tuple of names."""
        match node:
            case ast.Name(id=name) if not name.startswith("__"):
                return lambda scope, value: scope.assigned.__setitem__(name, value)
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                binds = [self.target(element) for element in elements]
                return lambda scope, value: _unpack(binds, scope, value)
            case _:
                raise self.unsupported(node, "assignment to that")


def iterated(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, tuple, str, dict, set, range)):
        return iter(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    raise ExpressionError(f"{kind_of(value).capitalize()} is nothing to go through one by one.")


def entry_of(value: Any, name: str) -> Any:
    """A dict's entry by attribute. Raises ExpressionError for everything else."""
    if isinstance(value, Mapping):
        try:
            return value[name]  # pyright: ignore[reportUnknownVariableType]
        except KeyError:
            known = ", ".join(sorted(map(str, value))) or "none"  # pyright: ignore[reportUnknownArgumentType]
            raise ExpressionError(f"No entry '{name}'. Entries: {known[:300]}.") from None
    raise ExpressionError(f"No attribute '{name}' on {kind_of(value)}.")


def _subscripted(value: Any, key: Any) -> Any:
    if not isinstance(value, (Mapping, list, tuple, str)):
        raise ExpressionError(f"{kind_of(value).capitalize()} has no entries.")
    try:
        return value[key]  # pyright: ignore[reportUnknownVariableType, reportArgumentType]
    except (KeyError, IndexError):
        raise ExpressionError("No entry by that key or index.") from None
    except (TypeError, ValueError):
        raise ExpressionError(f"{kind_of(value).capitalize()} has no entry by {kind_of(key)}.") from None


def _unpack(binds: list[Callable[[Scope, Any], None]], scope: Scope, value: Any) -> None:
    items = list(iterated(value))
    if len(items) != len(binds):
        raise ExpressionError(f"{len(items)} values cannot be unpacked into {len(binds)} names.")
    for bind, item in zip(binds, items, strict=True):
        bind(scope, item)


def _mapping(value: Any) -> Mapping[Any, Any]:
    if isinstance(value, Mapping):
        return value  # pyright: ignore[reportUnknownVariableType]
    raise ExpressionError(f"Expected a map after '**', not {kind_of(value)}.")


def _hashable(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except TypeError:
        raise ExpressionError("A list or a map cannot be a key or a member of a set.") from None
