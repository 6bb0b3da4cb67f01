"""JUEL tokens into closures: a Pratt parser. Expression Language 2.2, 1.19."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bpmn.expressions import operators
from bpmn.expressions.budget import DEEPEST, Budget
from bpmn.expressions.errors import ExpressionError
from bpmn.expressions.juel.access import call_function, call_method, index, property_of
from bpmn.expressions.juel.coerce import as_boolean, as_number, is_empty, is_equal, order
from bpmn.expressions.juel.lexer import Kind, Token, tokenize
from bpmn.expressions.juel.scope import Run

TERNARY, OR, AND, EQUALITY, RELATION, SUM, PRODUCT, UNARY = range(1, 9)
_BINDING = {
    "?": TERNARY,
    "||": OR, "or": OR,
    "&&": AND, "and": AND,
    "==": EQUALITY, "eq": EQUALITY, "!=": EQUALITY, "ne": EQUALITY,
    "<": RELATION, "lt": RELATION, "<=": RELATION, "le": RELATION,
    ">": RELATION, "gt": RELATION, ">=": RELATION, "ge": RELATION,
    "+": SUM, "-": SUM,
    "*": PRODUCT, "/": PRODUCT, "div": PRODUCT, "%": PRODUCT, "mod": PRODUCT,
}  # fmt: skip
_WORDS = {"or": "||", "and": "&&", "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
          "div": "/", "mod": "%"}  # fmt: skip
_CONSTANTS: dict[str, Any] = {"true": True, "false": False, "null": None}
_ARITHMETIC: dict[str, Callable[[Any, Any, Budget], Any]] = {
    "+": operators.add,
    "-": operators.subtract,
    "*": operators.multiply,
    "/": operators.divide,
    "%": operators.modulo,
}


class Parser:
    def __init__(self, text: str, start: int, end: int) -> None:
        self._tokens = tokenize(text, start, end)
        self._at = 0
        self._depth = 0

    def whole(self) -> Run:
        run = self._expression(0)
        if self._peek().kind is not Kind.END:
            raise self._unexpected()
        return run

    def _expression(self, binding: int) -> Run:
        self._depth += 1
        if self._depth > DEEPEST:
            raise ExpressionError("The expression is nested too deeply.", position=self._peek().start)
        left = self._unary()
        while _BINDING.get(self._peek().text, 0) > binding and self._peek().kind in (Kind.OP, Kind.NAME):
            left = self._operation(left)
        self._depth -= 1
        return left

    def _operation(self, left: Run) -> Run:
        symbol = self._next().text
        symbol = _WORDS.get(symbol, symbol)
        if symbol == "?":
            return self._ternary(left)
        right = self._expression(_BINDING[symbol])
        match symbol:
            case "||":
                return lambda scope: as_boolean(left(scope)) or as_boolean(right(scope))
            case "&&":
                return lambda scope: as_boolean(left(scope)) and as_boolean(right(scope))
            case "==":
                return lambda scope: is_equal(left(scope), right(scope))
            case "!=":
                return lambda scope: not is_equal(left(scope), right(scope))
            case "<" | "<=" | ">" | ">=":
                return lambda scope: order(symbol, left(scope), right(scope))
            case _:
                calculate = _ARITHMETIC[symbol]
                return lambda scope: calculate(as_number(left(scope)), as_number(right(scope)), scope.budget)

    def _ternary(self, condition: Run) -> Run:
        then = self._expression(0)
        self._expect(":")
        otherwise = self._expression(TERNARY - 1)
        return lambda scope: then(scope) if as_boolean(condition(scope)) else otherwise(scope)

    def _unary(self) -> Run:
        token = self._peek()
        if token.kind is Kind.STRING or token.text not in ("-", "!", "not", "empty"):
            return self._postfix(self._primary())
        self._next()
        operand = self._expression(UNARY - 1)
        match token.text:
            case "-":
                return lambda scope: -as_number(operand(scope))
            case "empty":
                return lambda scope: is_empty(operand(scope))
            case _:
                return lambda scope: not as_boolean(operand(scope))

    def _postfix(self, target: Run) -> Run:
        while self._peek().kind is Kind.OP and self._peek().text in (".", "["):
            if self._next().text == ".":
                target = self._member(target)
            else:
                target = self._index(target)
        return target

    def _member(self, target: Run) -> Run:
        token = self._next()
        if token.kind is not Kind.NAME:
            raise self._unexpected(token)
        name = token.text
        if not self._take("("):
            return lambda scope: property_of(target(scope), name)
        arguments = self._arguments()
        return lambda scope: call_method(target(scope), name, [argument(scope) for argument in arguments], scope)

    def _index(self, target: Run) -> Run:
        key = self._expression(0)
        self._expect("]")
        return lambda scope: index(target(scope), key(scope))

    def _primary(self) -> Run:
        token = self._next()
        match token.kind:
            case Kind.NUMBER:
                number = int(token.text) if token.text.isdecimal() else float(token.text)
                return lambda scope: number
            case Kind.STRING:
                text = token.text
                return lambda scope: text
            case Kind.NAME:
                return self._name(token)
            case Kind.OP if token.text == "(":
                inner = self._expression(0)
                self._expect(")")
                return inner
            case _:
                raise self._unexpected(token)

    def _name(self, token: Token) -> Run:
        name = token.text
        if name in _CONSTANTS:
            constant = _CONSTANTS[name]
            return lambda scope: constant
        if name in _BINDING:
            raise self._unexpected(token)
        if self._take("("):
            arguments = self._arguments()
            return lambda scope: call_function(name, [argument(scope) for argument in arguments], scope)
        return lambda scope: scope.get(name)

    def _arguments(self) -> list[Run]:
        arguments: list[Run] = []
        while not self._take(")"):
            if arguments:
                self._expect(",")
            arguments.append(self._expression(0))
        return arguments

    def _peek(self) -> Token:
        return self._tokens[self._at]

    def _next(self) -> Token:
        token = self._tokens[self._at]
        if token.kind is not Kind.END:
            self._at += 1
        return token

    def _take(self, symbol: str) -> bool:
        token = self._peek()
        if token.kind is Kind.OP and token.text == symbol:
            self._at += 1
            return True
        return False

    def _expect(self, symbol: str) -> None:
        if not self._take(symbol):
            raise self._unexpected(hint=f" Expected '{symbol}'.")

    def _unexpected(self, token: Token | None = None, hint: str = "") -> ExpressionError:
        token = token or self._peek()
        what = "Unexpected end." if token.kind is Kind.END else f"Unexpected '{token.text}'."
        return ExpressionError(what + hint, position=token.start)
