"""Collects what there is to say about one file: each finding with its rule, element, line and remedy."""

from __future__ import annotations

from bpmn.document import Document, Element
from bpmn.model import Finding, Severity


class Report:
    """What is wrong inside a process that is not executable is only a warning: it is never deployed."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._findings: set[Finding] = set()
        self._executable: set[int] | None = None

    def limit_errors_to(self, executable: list[Element], document: Document) -> None:
        """Errors outside the *executable* process elements become warnings, if the file has processes at all."""
        if document.by_name.get("process"):
            self._executable = {id(element) for element in executable}

    def error(self, rule: str, element: Element, message: str) -> None:
        self._add(rule, element, message, Severity.ERROR if self._counts(element) else Severity.WARNING)

    def warning(self, rule: str, element: Element, message: str) -> None:
        self._add(rule, element, message, Severity.WARNING)

    def info(self, rule: str, element: Element, message: str) -> None:
        self._add(rule, element, message, Severity.INFO)

    def unreadable(self, rule: str, line: int, message: str) -> None:
        self._findings.add(Finding(self._file, line, rule, message))

    def sorted(self) -> list[Finding]:
        return sorted(self._findings, key=lambda f: (f.line, f.rule, f.message, f.element_id or ""))

    def _add(self, rule: str, element: Element, message: str, severity: Severity) -> None:
        named = element
        while not named.id and named.parent is not None and named.parent.name != "definitions":
            named = named.parent
        self._findings.add(Finding(self._file, element.line, rule, message, named.id or None, severity))

    def _counts(self, element: Element) -> bool:
        """Whether *element* can matter to an executable process."""
        if self._executable is None:
            return True
        if element.name == "process":
            return id(element) in self._executable
        for ancestor in element.ancestors():
            if ancestor.name == "process":
                return id(ancestor) in self._executable
        return bool(self._executable)
