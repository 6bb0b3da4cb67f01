"""What can go wrong while a decision is made."""

from __future__ import annotations


class DecisionError(ValueError):
    """No such decision, a model that contradicts itself for these values, or logic that cannot run.

    *decision_id*: where; *rules*: the ids of the rules that contradict each other.
    """

    def __init__(self, message: str, decision_id: str | None = None, rules: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.decision_id = decision_id
        self.rules = rules
