"""What there is to say about a file that was read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"  # deployment is refused
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing to know about a file, as a compiler would say it: file:line: severity: message [rule]."""

    file: str
    line: int
    rule: str
    message: str
    element_id: str | None = None
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        at = f" (element '{self.element_id}')" if self.element_id else ""
        return f"{self.file}:{self.line}: {self.severity}: {self.message}{at} [{self.rule}]"
