"""A role is given by a resource or by an expression, not by both (10.3.1)."""

from __future__ import annotations

from typing import Final

from bpmn.rules.review import Review, name_of

RULE: Final = "resource-role"


def check(review: Review) -> None:
    for role in review.document.all("performer", "humanPerformer", "potentialOwner", "resourceRole"):
        has_resource = role.child("resourceRef") is not None
        if has_resource and role.child("resourceAssignmentExpression") is not None:
            message = f"'{name_of(role)}' names a resource and has an expression. Keep one of them."
            review.strict(RULE, role, message)
        if not has_resource and role.child("resourceParameterBinding") is not None:
            message = f"'{name_of(role)}' binds parameters of a resource but names none. Add a resourceRef."
            review.strict(RULE, role, message)
