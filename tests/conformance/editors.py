"""Files of real editors and real projects: each is read or says where it is broken; what is complete deploys."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path

from bpmn.document import parse
from bpmn.model import Definitions, Finding, Severity
from bpmn.reader import read_bpmn
from engine.clock import VirtualClock
from engine.errors import DeploymentRefused
from engine.model import Resource
from engine.testing.fresh import fresh_database, open_engine
from tests.conformance.material import FOLDER, Outcome, outcome
from tests.conformance.refusals import told

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
_THE_ENGINES_LIMITS = ("expression-syntax", "language-not-supported", "not-honoured", "script-elsewhere", "supported")


def reading(folder: str) -> Iterator[Outcome]:
    """Every file: it is read or refused, and every finding says where and why."""
    for path in _files(folder):
        yield outcome(_name(folder, path), partial(_why_not_read, path))


def deploying(folder: str) -> Iterator[Outcome]:
    """Every file with an executable process: it deploys on an engine of its own; or else its first finding."""
    for path in _files(folder):
        try:
            definitions, _ = _read(path)
        except Exception:  # told by `reading`
            continue
        if definitions is not None and any(process.is_executable for process in definitions.processes):
            yield outcome(_name(folder, path), partial(_why_not_deployed, path))


def errors_in(path: Path) -> list[Finding]:
    return [finding for finding in _read(path)[1] if finding.severity is Severity.ERROR]


@cache
def _files(folder: str) -> tuple[Path, ...]:
    return tuple(sorted((FOLDER / folder).rglob("*.bpmn")))


def _name(folder: str, path: Path) -> str:
    return str(path.relative_to(FOLDER / folder).with_suffix(""))


@cache
def _read(path: Path) -> tuple[Definitions | None, list[Finding]]:
    return read_bpmn(path.read_bytes(), path.name)


def _why_not_read(path: Path) -> str:
    definitions, findings = _read(path)
    if definitions is None and not findings:
        return "not read, and no finding says why"
    lost = next((finding for finding in findings if finding.line < 1 or not finding.message), None)
    return f"a finding without its place: {lost}" if lost else ""


def _why_not_deployed(path: Path) -> str:
    if errors := errors_in(path):
        return _told(path, errors)
    database = fresh_database()
    try:
        with open_engine(database, VirtualClock(NOW)) as engine:
            engine.deploy(Resource(path.name, path.read_bytes()))
    except DeploymentRefused as refusal:
        return _told(path, [finding for finding in refusal.findings if finding.severity is Severity.ERROR])
    finally:
        shutil.rmtree(database.parent, ignore_errors=True)
    return ""


def _told(path: Path, errors: list[Finding]) -> str:
    is_marked = any(process.flag("isExecutable") for process in parse(path.read_bytes(), path.name).all("process"))
    return told(errors, _THE_ENGINES_LIMITS, is_marked=is_marked)
