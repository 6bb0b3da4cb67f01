"""SpiffWorkflow as it comes: its own parser, workflow, script engine and serializer."""

from __future__ import annotations

from typing import Any

from lxml import etree
from SpiffWorkflow.bpmn.parser.BpmnParser import BpmnParser
from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
from SpiffWorkflow.bpmn.specs.bpmn_process_spec import BpmnProcessSpec
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.util.task import TaskState


def parse(diagram: bytes) -> BpmnProcessSpec:
    parser = BpmnParser()
    parser.add_bpmn_xml(etree.fromstring(diagram))
    return parser.get_spec("benchmark")


def run(spec: BpmnProcessSpec) -> dict[str, Any]:
    """One instance from start to end in memory; its data."""
    workflow = BpmnWorkflow(spec)
    workflow.do_engine_steps()
    if not workflow.is_completed():
        raise RuntimeError("The stock workflow has not come to its end.")
    return workflow.data


class SavedLoop:
    """One instance of `user_task_loop` that is saved whole in every turn, as SpiffWorkflow's serializer does."""

    def __init__(self, spec: BpmnProcessSpec) -> None:
        self._serializer = BpmnWorkflowSerializer()
        self._workflow = BpmnWorkflow(spec)
        self._workflow.do_engine_steps()

    def turn(self) -> int:
        """Completes the waiting user task, runs to the next one and saves. Bytes saved."""
        self._workflow.get_next_task(state=TaskState.READY, manual=True).run()
        self._workflow.do_engine_steps()
        return len(self._serializer.serialize_json(self._workflow).encode())
