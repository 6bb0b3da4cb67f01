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
    """One instance of `user_task_loop` that is loaded whole and saved whole in every turn."""

    def __init__(self, spec: BpmnProcessSpec) -> None:
        self._serializer = BpmnWorkflowSerializer()
        workflow = BpmnWorkflow(spec)
        workflow.do_engine_steps()
        self._saved = self._serializer.serialize_json(workflow)

    def turn(self) -> int:
        """Loads, completes the waiting user task, runs to the next one and saves. Bytes saved."""
        workflow = self._serializer.deserialize_json(self._saved)
        workflow.get_next_task(state=TaskState.READY, manual=True).run()
        workflow.do_engine_steps()
        self._saved = self._serializer.serialize_json(workflow)
        return len(self._saved.encode())
