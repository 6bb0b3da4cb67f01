"""Who may start a process is fixed when it is deployed: there are no variables yet that could say it."""

from __future__ import annotations

from typing import Final

from bpmn.rules.review import Review, name_of

RULE: Final = "candidate-starter"


def check(review: Review) -> None:
    elements = {element.id: element for element in review.document.all("process")}
    for process in review.definitions.processes:
        element = elements.get(process.key)
        for name in (*process.candidate_starter_users, *process.candidate_starter_groups):
            if element is not None and ("${" in name or "#{" in name):
                message = (
                    f"'{name}' may start '{name_of(element)}', but an expression has no value before the start. "
                    "Write the names of the users and groups."
                )
                review.error(RULE, element, message)
