"""Expressions of diagrams and decisions: FEEL, JUEL, a subset of Python, literals and JSON.

Texts are data: they are compiled to closures, never handed to eval or exec, and every evaluation is
bounded in steps and in the size of what it makes.
"""

from bpmn.expressions.compiler import Compiled, compile_expression, compile_unary_tests
from bpmn.expressions.errors import ExpressionError, OverBudget, UnknownVariable, UnsupportedPython
from bpmn.expressions.python import compile_script
from bpmn.expressions.values import YearMonthDuration

__all__ = [
    "Compiled",
    "ExpressionError",
    "OverBudget",
    "UnknownVariable",
    "UnsupportedPython",
    "YearMonthDuration",
    "compile_expression",
    "compile_script",
    "compile_unary_tests",
]
