"""How much work one evaluation may do and how large a value it may make."""

from __future__ import annotations

from bpmn.expressions.errors import OverBudget

STEPS = 500_000
LARGEST = 1_000_000  # characters of a text, items of a list
LARGEST_BITS = 100_000  # of an integer
DEEPEST = 100  # nested brackets, operators and calls in a text


class Budget:
    """Counts down; one per evaluation, never shared."""

    __slots__ = ("left",)

    def __init__(self, steps: int = STEPS) -> None:
        self.left = steps

    def spend(self, steps: int = 1) -> None:
        """Raises OverBudget when nothing is left."""
        self.left -= steps
        if self.left < 0:
            raise OverBudget("The expression exceeded its budget of steps. Simplify it or work on less data.")

    def grow(self, size: int) -> None:
        """Account for a new value of *size* characters or items. Raises OverBudget."""
        if size > LARGEST:
            raise OverBudget(f"The expression exceeded its budget: a value of {size} items or characters.")
        self.spend(1 + size // 16)
