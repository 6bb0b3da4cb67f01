"""Hands the interpreter its evaluators: expressions, scripts and decisions, with their errors made incidents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from bpmn.expressions import ExpressionError, UnknownVariable, UnsupportedPython, compile_expression
from bpmn.model import Expression, Language, Script
from bpmn.secrets import names_in_feel, placeholder
from engine import sandbox
from engine.interpreter import ActivityFailed, DecisionOutcome, Services
from engine.scripting import ScriptResult, Standing

Decide = Callable[[str, str, str | None, Mapping[str, Any], datetime], DecisionOutcome]


def services(decide: Decide) -> Services:
    """Evaluators for a `Program`; *decide* finds and evaluates decisions (see `Services`)."""
    return Services(compile=_compile, compile_script=_compile_script, decide=decide)


def condition(expression: Expression) -> Callable[[Mapping[str, Any], datetime], bool]:
    """Outside of any instance: what cannot be evaluated over the variables given does not hold."""
    evaluate = _compile(expression)

    def holds(variables: Mapping[str, Any], now: datetime) -> bool:
        try:
            return evaluate(variables, now) is True
        except ActivityFailed:
            return False

    return holds


def value_of(expression: Expression, variables: Mapping[str, Any], now: datetime) -> Any:
    """Outside of any instance. Raises ActivityFailed."""
    return _compile_once(expression.language, expression.text)(variables, now)


@lru_cache(maxsize=1024)
def _compile_once(language: Language, text: str) -> Callable[[Mapping[str, Any], datetime], Any]:
    return _compile(Expression(language, text))


def _compile(expression: Expression) -> Callable[[Mapping[str, Any], datetime], Any]:
    """What does not compile is an incident where it is first needed; deployment has reported it before."""
    evaluate: Callable[[Mapping[str, Any], datetime], Any]
    try:
        if expression.language is Language.JAVASCRIPT:
            evaluate = partial(sandbox.evaluate, expression)
        else:
            evaluate = compile_expression(expression)
    except UnsupportedPython:
        evaluate = partial(sandbox.evaluate, expression)
    except ExpressionError as problem:
        return _fails("expression", str(problem))

    named = {"camunda": {"secrets": {name: placeholder(name) for name in names_in_feel(expression)}}}
    needs_names = bool(named["camunda"]["secrets"])

    def run(variables: Mapping[str, Any], now: datetime) -> Any:
        try:
            return evaluate({**variables, **named} if needs_names else variables, now)
        except ExpressionError as problem:
            missing = isinstance(problem, UnknownVariable)
            raise ActivityFailed("expression", str(problem), is_missing_variable=missing) from problem

    return run


def _compile_script(script: Script) -> Callable[[Mapping[str, Any], datetime, Standing], ScriptResult]:
    def run(variables: Mapping[str, Any], now: datetime, standing: Standing) -> ScriptResult:
        try:
            return sandbox.run_script(script, variables, now=now, standing=standing)
        except sandbox.ScriptError as problem:
            raise ActivityFailed("script", str(problem)) from problem

    return run


def _fails(kind: str, message: str) -> Callable[[Mapping[str, Any], datetime], Any]:
    def fail(variables: Mapping[str, Any], now: datetime) -> Any:
        raise ActivityFailed(kind, message)

    return fail
