"""The syntax tree of FEEL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Literal:
    value: Any


@dataclass(frozen=True, slots=True)
class Name:
    name: str


@dataclass(frozen=True, slots=True)
class Negation:
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """*operator*: + - * / ** = != < <= > >= and or."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Between:
    value: Node
    low: Node
    high: Node


@dataclass(frozen=True, slots=True)
class In:
    value: Node
    tests: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A unary test '< 5': the input stands on the left."""

    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class ValueTest:
    """A unary test that is an expression. *uses_input*: it speaks of '?'."""

    expression: Node
    uses_input: bool


@dataclass(frozen=True, slots=True)
class UnaryTests:
    """*tests* is empty for '-', which matches anything."""

    tests: tuple[Node, ...]
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class RangeLiteral:
    start: Node | None
    end: Node | None
    start_included: bool
    end_included: bool


@dataclass(frozen=True, slots=True)
class ListLiteral:
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class ContextLiteral:
    entries: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True)
class Path:
    target: Node
    name: str


@dataclass(frozen=True, slots=True)
class Filter:
    target: Node
    condition: Node


@dataclass(frozen=True, slots=True)
class Call:
    """*names*: parameter names of a call with named parameters, else empty."""

    function: Node
    arguments: tuple[Node, ...]
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FunctionLiteral:
    parameters: tuple[str, ...]
    types: tuple[TypeName | None, ...]
    body: Node


@dataclass(frozen=True, slots=True)
class If:
    condition: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True, slots=True)
class For:
    iterators: tuple[tuple[str, Node], ...]
    body: Node


@dataclass(frozen=True, slots=True)
class Iteration:
    """start..end of a for expression, walked in either direction."""

    start: Node
    end: Node


@dataclass(frozen=True, slots=True)
class Quantified:
    is_every: bool
    iterators: tuple[tuple[str, Node], ...]
    body: Node


@dataclass(frozen=True, slots=True)
class InstanceOf:
    value: Node
    type: TypeName


@dataclass(frozen=True, slots=True)
class TypeName:
    """'number', 'list' with one argument, 'context' with named ones, 'function' with the result last."""

    name: str
    arguments: tuple[TypeName, ...] = ()
    names: tuple[str, ...] = ()


Node = (
    Literal
    | Name
    | Negation
    | Binary
    | Between
    | In
    | Comparison
    | ValueTest
    | UnaryTests
    | RangeLiteral
    | ListLiteral
    | ContextLiteral
    | Path
    | Filter
    | Call
    | FunctionLiteral
    | If
    | For
    | Iteration
    | Quantified
    | InstanceOf
)
