"""Turns a model's expressions, scripts and mappings into functions of a token, once per definition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bpmn.model import Assignment, Expression, ListOf, MapOf, Script, Source
from engine.interpreter.errors import ActivityFailed
from engine.interpreter.standing import standing, take_in
from engine.interpreter.values import merged

HIGHEST_PRIORITY = 2**31 - 1
"""Of a job or task, and the lowest below zero: databases keep 32 bits."""

if TYPE_CHECKING:
    from engine.interpreter.program import Services
    from engine.interpreter.token import Token

Evaluate = Callable[["Token"], Any]
EvaluateOver = Callable[[Mapping[str, Any], datetime], Any]
Assignments = tuple[tuple[str, Evaluate], ...]


class Compiler:
    """For one element: *line* is where it stands in the file, for messages."""

    def __init__(self, services: Services, line: int) -> None:
        self._services = services
        self._line = line

    def optional(self, expression: Expression | None) -> Evaluate | None:
        return self.expression(expression) if expression is not None else None

    def expression(self, expression: Expression) -> Evaluate:
        """A failure is an incident at the token (`ActivityFailed`)."""
        compiled = self._services.compile(expression)
        line = expression.line or self._line

        def evaluate(token: Token) -> Any:
            try:
                return compiled(token.variables, token.workflow.now)
            except ActivityFailed as failure:
                missing = failure.is_missing_variable
                raise ActivityFailed(failure.kind, failure.message, line, is_missing_variable=missing) from failure

        return evaluate

    def over(self, expression: Expression) -> EvaluateOver:
        """The expression over something else than the variables of a token."""
        return self._services.compile(expression)

    def condition(self, expression: Expression | None) -> Callable[[Token], bool] | None:
        """Null counts as no (FEEL); anything else that is no boolean is an error."""
        if expression is None:
            return None
        evaluate = self.expression(expression)

        def holds(token: Token) -> bool:
            value = evaluate(token)
            if value is None or isinstance(value, bool):
                return bool(value)
            raise ActivityFailed(
                "expression",
                f"The condition '{expression.text}' gave a {type(value).__name__} and not true or false. "
                "Compare it with something.",
                expression.line or self._line,
            )

        return holds

    def script(self, script: Script) -> Evaluate:
        """The script as a function of the token: sets the variables it assigns, gives its value.

        That raises BpmnError where the script ends in one."""
        run = self._services.compile_script(script)
        line = script.line or self._line

        def evaluate(token: Token) -> Any:
            try:
                result = run(token.variables, token.workflow.now, standing(token))
            except ActivityFailed as failure:
                raise ActivityFailed(failure.kind, failure.message, line) from failure
            take_in(token, result)
            return result.value

        return evaluate

    def source(self, source: Source) -> Evaluate:
        match source:
            case ListOf(items):
                parts = [self.source(item) for item in items]
                return lambda token: [part(token) for part in parts]
            case MapOf(entries):
                named = [(key, self.source(value)) for key, value in entries]
                return lambda token: {key: value(token) for key, value in named}
            case Script():
                return self.script(source)
            case Expression():
                return self.expression(source)

    def assignments(self, assignments: tuple[Assignment, ...]) -> Assignments:
        return tuple((each.target, self.source(each.source)) for each in assignments)


def assign_local(token: Token, assignments: Assignments) -> None:
    """Input mappings: all are evaluated in order, each sees the ones before it."""
    for target, evaluate in assignments:
        name, _, path = target.partition(".")
        token.workflow.set_local(token, name, merged(token.data.get(name), path, evaluate(token)), token.id)


def assign_outward(token: Token, assignments: Assignments) -> None:
    """Output mappings: what was local to *token* goes to the scopes around it; in one of several instances, to its
    own variable where it has one of that name."""
    for target, evaluate in assignments:
        name, _, path = target.partition(".")
        value = evaluate(token)
        scope = token if name in token.data and token.container.spec.holds_instances else token.container
        if path:
            value = merged(scope.variables.get(name), path, value)
        token.workflow.set_variable_from(scope, name, value, token.id)


def priority_of(evaluate: Evaluate | None, token: Token, line: int) -> int:
    """0 where nothing says more."""
    if evaluate is None:
        return 0
    text = text_of(evaluate(token))
    try:
        priority = int(text or "")
    except ValueError:
        raise ActivityFailed("expression", f"'{text}' is no whole number for priority.", line) from None
    check_priority(priority, line)
    return priority


def check_priority(priority: int, line: int) -> None:
    """Raises ActivityFailed for one that no database keeps."""
    if abs(priority) > HIGHEST_PRIORITY:
        raise ActivityFailed("expression", f"A priority lies within ±{HIGHEST_PRIORITY:,}. This one does not.", line)


def text_of(value: Any) -> str | None:
    """A value as the text of a name or key: null stays null, 5 and 5.0 are "5", true is "true"."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
