"""What the interpreter is handed: expressions, scripts and decisions, pure and bounded (engine.sandbox)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bpmn.expressions import ExpressionError, compile_expression
from bpmn.model import Expression, Language, Script
from engine.decisions import Decisions
from engine.interpreter.errors import ActivityFailed
from engine.interpreter.program import DecisionOutcome, Evaluator, ScriptRunner, Services


def services_for(deployment_id: str, decisions: Decisions) -> Services:
    """*deployment_id*: where a binding 'deployment' looks."""

    def decide(
        decision_id: str, binding: str, version: str | None, variables: Mapping[str, Any], now: datetime
    ) -> DecisionOutcome:
        return decisions.decide(decision_id, binding, version, variables, now, deployment_id)

    return Services(compile=_compile, compile_script=_compile_script, decide=decide)


def _compile(expression: Expression) -> Evaluator:
    if expression.language is Language.PYTHON:
        return _in_sandbox(expression)
    compiled = compile_expression(expression)

    def evaluate(variables: Mapping[str, Any], now: datetime) -> Any:
        try:
            return compiled(variables, now)
        except ExpressionError as problem:
            raise ActivityFailed("expression", str(problem), expression.line) from problem

    return evaluate


def _in_sandbox(expression: Expression) -> Evaluator:
    from engine.sandbox import evaluate

    def run(variables: Mapping[str, Any], now: datetime) -> Any:
        try:
            return evaluate(expression, variables, now)
        except ExpressionError as problem:
            raise ActivityFailed("expression", str(problem), expression.line) from problem

    return run


def _compile_script(script: Script) -> ScriptRunner:
    from engine.sandbox import ScriptError, run_script

    def run(variables: Mapping[str, Any], now: datetime) -> tuple[Any, Mapping[str, Any]]:
        try:
            result = run_script(script, variables)
        except ScriptError as problem:
            raise ActivityFailed("script", str(problem), script.line) from problem
        return result.value, result.assigned

    return run
