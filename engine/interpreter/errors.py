"""How an element says that it cannot go on."""

from __future__ import annotations


class ActivityFailed(Exception):
    """An expression, script or decision of an activity failed, or no flow could be taken: an incident.

    *kind*: expression, script, decision, timer, flow. *line*: in the diagram's file, 0 when unknown.
    *is_missing_variable*: for no other reason than that a variable does not exist.
    """

    def __init__(self, kind: str, message: str, line: int = 0, *, is_missing_variable: bool = False) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.line = line
        self.is_missing_variable = is_missing_variable
