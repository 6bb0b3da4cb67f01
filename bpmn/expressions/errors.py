"""What can go wrong with an expression, with where and among which variables."""

from __future__ import annotations

from collections.abc import Iterable

from bpmn.model import Expression


class ExpressionError(ValueError):
    """An expression that cannot be read or evaluated.

    *position*: 0-based offset in the text, None when it is not one place.
    *variables*: the names in scope when it was evaluated, empty for a syntax error.
    """

    def __init__(
        self,
        message: str,
        expression: Expression | None = None,
        position: int | None = None,
        variables: Iterable[str] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.expression = expression
        self.position = position
        self.variables = tuple(variables)

    def __str__(self) -> str:
        if self.expression is None:
            return self.message
        at = f" at character {self.position + 1}" if self.position is not None else ""
        return f"{self.message} In {self.expression.language} expression '{_shortened(self.expression.text)}'{at}."


class UnknownVariable(ExpressionError):
    """Names a variable that there is not."""


class UnsupportedPython(ExpressionError):
    """Valid Python, but more than the subset that runs without a sandbox."""


class OverBudget(ExpressionError):
    """Took more steps, or made a larger value, than an expression may."""


def _shortened(text: str) -> str:
    return text if len(text) <= 200 else text[:197] + "..."
