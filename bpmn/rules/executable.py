"""A file to deploy has a process marked isExecutable="true" (10.2.1)."""

from __future__ import annotations

from typing import Final

from bpmn.rules.review import Review, name_of

RULE: Final = "executable"


def check(review: Review) -> None:
    processes = review.definitions.processes
    root = review.document.root
    if not processes:
        message = "The file has no process, so there is nothing to execute. Draw one, or deploy another file."
        review.error(RULE, root, message)
    elif not any(process.is_executable for process in processes):
        message = 'No process of this file is executable, so nothing is deployed. Set isExecutable="true" on one.'
        drawn = review.document.all("process")  # none where the file has only global tasks
        review.warning(RULE, drawn[0] if drawn else root, message)
    for element in review.document.all("process"):
        if element.get("processType") == "Public" and element.flag("isExecutable"):
            message = f"Process '{name_of(element)}' is public and executable. Make its processType Private (10.2.1)."
            review.strict(RULE, element, message)
