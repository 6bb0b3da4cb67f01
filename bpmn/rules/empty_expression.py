"""An expression that is drawn says something (8.4.6)."""

from __future__ import annotations

from typing import Final

from bpmn.rules.review import Review, name_of

RULE: Final = "empty-expression"


_NAMES: Final = (
    "conditionExpression",
    "condition",
    "loopCondition",
    "loopCardinality",
    "timeDate",
    "timeDuration",
    "timeCycle",
    "messagePath",
    "dataPath",
    "transformation",
    "activationCondition",
)


def check(review: Review) -> None:
    for element in review.document.all(*_NAMES):
        if not element.text.strip() and not element.children and not element.get("camunda:resource"):
            holder = name_of(next((a for a in element.ancestors() if a.id), element))
            review.error(RULE, element, f"The {element.name} of '{holder}' is empty. Write it or remove it.")
    for element in review.document.all("completionCondition"):
        if not element.text.strip() and not element.children:
            review.info(RULE, element, "The completionCondition is empty and is not looked at. Write it or remove it.")
