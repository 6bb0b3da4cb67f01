"""The rules a diagram must keep: one file each, found by being here.

A rule module has a `check(diagram)` that reports to `diagram.report`.
"""

from __future__ import annotations

from bpmn.document import Document
from bpmn.findings import Report
from bpmn.model import Definitions


def check(document: Document, definitions: Definitions, report: Report) -> None:
    """Run every rule."""
