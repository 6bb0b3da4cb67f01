"""A secret is handed to a handler and to nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bpmn.model import Expression, FlowElements, FlowNode, Process, SequenceFlow
from bpmn.rules.expression_syntax import inside, replaced
from bpmn.rules.review import Review, name_of
from bpmn.secrets import handed_over, names_in

RULE: Final = "secret"


def check(review: Review) -> None:
    for process in review.definitions.processes:
        for record in _records(process) if process.is_executable else ():
            handed = {id(source) for source in inside(handed_over(record))}
            for source in inside(record):
                if id(source) not in handed:
                    _check(review, record.id, Expression(source.language, source.text, source.line))


def _check(review: Review, element_id: str, source: Expression) -> None:
    element = review.document.by_id.get(element_id)
    if element is None:
        return
    for name in sorted(names_in(source)):
        message = (
            f"'{name_of(element)}' uses the secret '{name}' where its value would become part of the process. "
            "Hand it to a job: in an input mapping, parameter or header of its task."
        )
        review.error(RULE, replaced(element, source.line), message)


def _records(process: Process) -> Iterator[FlowNode | SequenceFlow]:
    scopes: list[FlowElements] = [process.elements, *(n.body for n in process.elements.walk() if n.body is not None)]
    for scope in scopes:
        yield from scope.nodes.values()
        yield from scope.flows.values()
