"""From the bytes of a .bpmn file to the neutral model, with everything that is wrong with it."""

from __future__ import annotations

from bpmn.dialects import adapter_for
from bpmn.document import Document, Unreadable, parse
from bpmn.findings import Report
from bpmn.model import Definitions, Finding
from bpmn.reader.processes import GLOBAL_TASKS, executable_processes, read_global_task, read_process
from bpmn.rules import check

__all__ = ["read_bpmn", "read_document"]


def read_bpmn(data: bytes, file: str) -> tuple[Definitions | None, list[Finding]]:
    """*file* is a display name. Never raises on bad input.

    Definitions is None when there is nothing to read; findings are sorted by line. A finding of severity
    ERROR refuses deployment.
    """
    try:
        _, definitions, findings = read_document(data, file)
    except Unreadable as error:
        report = Report(file)
        report.unreadable(error.rule, error.line, error.message)
        return None, report.sorted()
    return definitions, findings


def read_document(data: bytes, file: str) -> tuple[Document, Definitions, list[Finding]]:
    """Like `read_bpmn`, with the document, which has noted what was read of it. Raises Unreadable."""
    document = parse(data, file)
    report = Report(file)
    definitions = _read(document, report)
    check(document, definitions, report)
    return document, definitions, report.sorted()


def _read(document: Document, report: Report) -> Definitions:
    executable = executable_processes(document)
    report.limit_errors_to(executable, document)
    adapter = adapter_for(document, report)
    root = document.root
    return Definitions(
        file=document.file,
        processes=(
            *(read_process(process, process in executable, adapter) for process in document.all("process")),
            *(read_global_task(task, bool(executable), adapter) for task in document.all(*GLOBAL_TASKS)),
        ),
        dialect=adapter.dialect,
        exporter=f"{root.get('exporter')} {root.get('exporterVersion')}".strip(),
        execution_platform=" ".join(
            root.get(f"modeler:{part}") for part in ("executionPlatform", "executionPlatformVersion")
        ).strip(),
    )
