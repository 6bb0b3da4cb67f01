"""The elements of a process that say something of what comes of their jobs."""

from __future__ import annotations

from collections.abc import Mapping

from bpmn.model import JobBinding, Process


def answers_of(process: Process) -> Mapping[str, JobBinding]:
    return {
        node.id: node.binding
        for node in process.elements.walk()
        if isinstance(node.binding, JobBinding) and (node.binding.answer or node.binding.errors)
    }
