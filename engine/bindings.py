"""What a process binds to its own deployment: the processes, decisions and forms that were deployed with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bpmn.form import Form
from bpmn.model import CallBinding, DecisionBinding, Expression, FlowNode, Language, Process, UserTaskBinding

_DEPLOYMENT = "deployment"
_DEPLOYED_FORM = "camunda-forms:deployment:"


@dataclass(frozen=True, slots=True)
class Bound:
    """*kind*: process, decision or form; *key*: its name, where it is fixed in the diagram."""

    element: str
    line: int
    kind: str
    key: str


def binds_to_deployment(process: Process) -> bool:
    """Such a process gets a new version with each deployment that changes a neighbour."""
    return any(_binds(node) for node in process.elements.walk())


def bound_to_deployment(process: Process) -> Iterator[Bound]:
    """What must be in the same deployment."""
    for node in process.elements.walk():
        match node.binding:
            case CallBinding(version_binding="deployment", process=Expression(language=Language.LITERAL, text=key)):
                yield Bound(node.id, node.line, "process", key)
            case DecisionBinding(
                version_binding="deployment", decision=Expression(language=Language.LITERAL, text=key)
            ):
                yield Bound(node.id, node.line, "decision", key)
            case _:
                form = _form_of(node)
                if form is not None and form.form_id is not None and form.version_binding == _DEPLOYMENT:
                    yield Bound(node.id, node.line, "form", form.form_id)


def _binds(node: FlowNode) -> bool:
    if isinstance(node.binding, (CallBinding, DecisionBinding)):
        return node.binding.version_binding == _DEPLOYMENT
    form = _form_of(node)
    if form is None:
        return False
    is_file = form.json_schema is not None or (form.key or "").startswith(_DEPLOYED_FORM)
    return is_file or (form.form_id is not None and form.version_binding == _DEPLOYMENT)


def _form_of(node: FlowNode) -> Form | None:
    if node.form is not None:
        return node.form
    return node.binding.form if isinstance(node.binding, UserTaskBinding) else None
