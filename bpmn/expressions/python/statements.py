"""Short Python scripts: assignments, if, for and while, expressions. A change is an assignment."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from bpmn.expressions.errors import ExpressionError
from bpmn.expressions.python.scope import Run, Scope
from bpmn.expressions.python.subset import ExpressionCompiler, iterated

Step = Callable[[Scope], Any]
_BREAK, _CONTINUE = object(), object()


class StatementCompiler(ExpressionCompiler):
    def compile_script(self, body: list[ast.stmt]) -> Run:
        """Gives the value of the last statement when that is an expression, else None."""
        if not body:
            return _nothing
        *before, last = body
        steps = [self._statement(node, in_loop=False) for node in before]
        if isinstance(last, ast.Expr):
            value = self.compile(last.value)
        else:
            steps.append(self._statement(last, in_loop=False))
            value = _nothing

        def run(scope: Scope) -> Any:
            for step in steps:
                step(scope)
            return value(scope)

        return run

    def _block(self, body: list[ast.stmt], in_loop: bool) -> Step:
        steps = [self._statement(node, in_loop) for node in body]

        def run(scope: Scope) -> Any:
            scope.budget.spend(len(steps))
            for step in steps:
                signal = step(scope)
                if signal is not None:
                    return signal
            return None

        return run

    def _statement(self, node: ast.stmt, in_loop: bool) -> Step:
        match node:
            case ast.Assign():
                return self._assign(node)
            case ast.AnnAssign(value=value, target=target) if value is not None:
                bind, run = self.target(target), self.compile(value)
                return lambda scope: bind(scope, run(scope))
            case ast.AugAssign():
                return self._augmented(node)
            case ast.If():
                return self._conditional(node, in_loop)
            case ast.For(orelse=[]):
                return self._loop(node)
            case ast.While(orelse=[]):
                return self._while_loop(node)
            case ast.Expr(value=expression):
                run = self.compile(expression)
                return lambda scope: _discarded(run(scope))
            case ast.Pass():
                return _nothing
            case ast.Break() if in_loop:
                return lambda scope: _BREAK
            case ast.Continue() if in_loop:
                return lambda scope: _CONTINUE
            case _:
                raise self.unsupported(node, f"{type(node).__name__} statement")

    def _assign(self, node: ast.Assign) -> Step:
        value = self.compile(node.value)
        binds = [self._place(target) for target in node.targets]

        def run(scope: Scope) -> None:
            result = value(scope)
            for bind in binds:
                bind(scope, result)

        return run

    def _augmented(self, node: ast.AugAssign) -> Step:
        operation, value = self.operation(node.op), self.compile(node.value)
        if not isinstance(node.target, ast.Name):
            raise self.unsupported(node, "assignment to a part of a value")
        name = node.target.id
        bind = self.target(node.target)
        return lambda scope: bind(scope, operation(scope.get(name), value(scope), scope.budget))

    def _place(self, target: ast.expr) -> Callable[[Scope, Any], None]:
        """A name, or an entry 'name["key"]' or 'name.key' of a dict, which is replaced by a changed copy."""
        match target:
            case ast.Subscript(value=ast.Name(id=name), slice=key) if not isinstance(key, ast.Slice):
                return self._entry(name, self.compile(key))
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if not attribute.startswith("_"):
                return self._entry(name, lambda scope: attribute)
            case _:
                return self.target(target)

    def _entry(self, name: str, key: Run) -> Callable[[Scope, Any], None]:
        def bind(scope: Scope, value: Any) -> None:
            whole, at = scope.get(name), key(scope)
            if isinstance(whole, dict) and isinstance(at, (str, int, float, bool)):
                changed: Any = {**whole, at: value}
            elif isinstance(whole, list) and isinstance(at, int) and -len(whole) <= at < len(whole):  # pyright: ignore[reportUnknownArgumentType]
                changed = list(whole)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
                changed[at] = value
            else:
                raise ExpressionError(f"'{name}' has no entry to assign by that key.")
            scope.budget.grow(len(changed))
            scope.budget.spend(len(changed))
            scope.assigned[name] = changed

        return bind

    def _conditional(self, node: ast.If, in_loop: bool) -> Step:
        test = self.compile(node.test)
        body, otherwise = self._block(node.body, in_loop), self._block(node.orelse, in_loop)
        return lambda scope: body(scope) if test(scope) else otherwise(scope)

    def _loop(self, node: ast.For) -> Step:
        bind, source = self.target(node.target), self.compile(node.iter)
        body = self._block(node.body, in_loop=True)

        def run(scope: Scope) -> None:
            for item in iterated(source(scope)):
                scope.budget.spend()
                bind(scope, item)
                if body(scope) is _BREAK:
                    break

        return run

    def _while_loop(self, node: ast.While) -> Step:
        test, body = self.compile(node.test), self._block(node.body, in_loop=True)

        def run(scope: Scope) -> None:
            while test(scope):
                scope.budget.spend()
                if body(scope) is _BREAK:
                    break

        return run


def _nothing(scope: Scope) -> None:
    return None


def _discarded(_value: Any) -> None:
    return None
