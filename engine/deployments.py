"""Deploying: files are read and checked first, then stored together or not at all."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from bpmn.model import EventKind, Finding, Process, Severity
from bpmn.reader import read_bpmn
from engine.bindings import binds_to_deployment, bound_to_deployment
from engine.clock import Clock
from engine.errors import DeploymentRefused, InvalidInput
from engine.ids import Ids
from engine.keys import rule_rows
from engine.model import Deployment, ProcessDefinition, Resource
from engine.programs import Programs
from engine.script_check import script_findings
from engine.starting import StartRows, delivery_row, start_rows
from engine.store import definitions, messages
from engine.store.jobs import add_job, replace_start_timers
from engine.store.subscriptions import replace_starts
from engine.store.transaction import Store
from engine.store.types import Connection, Row
from engine.timer_check import timer_findings

if TYPE_CHECKING:
    from bpmn.dmn import Decision, DecisionModel
    from bpmn.dmn.model import DecisionService

    _Decision = Decision | DecisionService

_LARGEST_FILE = 32 * 1024 * 1024
_DATA_SUFFIXES = (".json",)  # JSON schemas that forms refer to

log = logging.getLogger("engine.deployments")


@dataclass(slots=True)
class Reading:
    """What the files hold, for a deployment that will have *id*. *processes*, *decisions* and *forms* each with
    their file's name; *models*: the .dmn files that read; *programs*: what the processes compile to, by key."""

    id: str = ""
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    processes: list[tuple[Process, str]] = field(default_factory=list[tuple[Process, str]])
    decisions: list[tuple[_Decision, str]] = field(default_factory=list[tuple["_Decision", str]])
    models: list[DecisionModel] = field(default_factory=list["DecisionModel"])
    forms: list[tuple[str, str, str | None]] = field(default_factory=list[tuple[str, str, str | None]])
    findings: list[Finding] = field(default_factory=list[Finding])
    programs: dict[str, Any] = field(default_factory=dict[str, Any])

    def refuse(self, file: str, rule: str, message: str, line: int = 1) -> None:
        self.findings.append(Finding(file=file, line=line, rule=rule, message=message))


class Deployments:
    def __init__(self, store: Store, programs: Programs, ids: Ids, clock: Clock) -> None:
        self._store = store
        self._programs = programs
        self._ids = ids
        self._clock = clock

    def deploy(self, sources: Sequence[str | Path | Resource], *, by: str, name: str) -> Deployment:
        """Raises DeploymentRefused, InvalidInput (a file that cannot be opened); then nothing has changed."""
        reading = self.read(sources)
        if any(finding.severity is Severity.ERROR for finding in reading.findings) or not reading.files:
            raise DeploymentRefused(sorted(reading.findings))
        deployment = self._store.retrying(lambda: self._store_all(reading, by, name))
        self._keep_programs(reading, deployment)
        fields = {"deployment_id": deployment.id, "is_new": deployment.is_new, "by": by}
        log.info("deployed", extra=fields)
        return deployment

    def read(self, sources: Sequence[str | Path | Resource]) -> Reading:
        """Reads and checks without storing anything."""
        reading = Reading(self._ids.next())
        for resource in map(_resource, sources):
            if resource.name in reading.files:
                reading.refuse(resource.name, "file-name", "Two files of the deployment have this name. Rename one.")
            else:
                reading.files[resource.name] = resource.data
                self._read_file(reading, resource)
        _check_unique(reading)
        _link_decisions(reading)
        _check_bindings(reading)
        if not any(finding.severity is Severity.ERROR for finding in reading.findings):
            self._check_runnable(reading)
        return reading

    def _read_file(self, reading: Reading, resource: Resource) -> None:
        suffix = Path(resource.name).suffix.lower()
        if suffix in (".bpmn", ".xml"):
            found, findings = read_bpmn(resource.data, resource.name)
            reading.findings += findings
            reading.findings += script_findings(found) if found else ()
            reading.findings += timer_findings(found, findings, self._clock.now()) if found else ()
            executable = [process for process in found.processes if process.is_executable] if found else []
            reading.processes += [(process, resource.name) for process in executable]
            if found and not executable:
                message = "No process here is marked executable. Tick 'Executable' in the editor (isExecutable)."
                reading.refuse(resource.name, "executable", message)
        elif suffix == ".dmn":
            from bpmn.dmn import read_dmn

            model, findings = read_dmn(resource.data, resource.name)
            reading.findings += findings
            reading.models += [model] if model else []
            subjects = [*model.decisions.values(), *model.services.values()] if model else []
            reading.decisions += [(subject, resource.name) for subject in subjects]
        elif suffix == ".form":
            _read_form(reading, resource)
        elif suffix not in _DATA_SUFFIXES:
            message = f"Files of type '{suffix}' are not deployed. Deploy .bpmn, .dmn, .form and .json files."
            reading.refuse(resource.name, "file-type", message)

    def _check_runnable(self, reading: Reading) -> None:
        from engine.interpreter.errors import ActivityFailed

        for process, file in reading.processes:
            try:
                reading.programs[process.key] = self._programs.compile(process, reading.id)
            except DeploymentRefused as refusal:
                reading.findings += refusal.findings
            except (ActivityFailed, InvalidInput, ValueError) as problem:
                reading.refuse(file, "runnable", str(problem), getattr(problem, "line", 0) or process.line)

    def _keep_programs(self, reading: Reading, deployment: Deployment) -> None:
        """What was compiled to be checked need not be compiled again by the first start."""
        processes = {process.key: process for process, _ in reading.processes}
        for definition in deployment.definitions:
            if definition.deployment_id == reading.id:
                self._programs.keep(definition, processes[definition.key], reading.programs[definition.key])

    def _store_all(self, reading: Reading, by: str, name: str) -> Deployment:
        with self._store.writing() as connection:
            now = self._clock.now()
            hashes = {file: hashlib.sha256(data).hexdigest() for file, data in reading.files.items()}
            filing = _Filing(connection, reading, hashes, reading.id, now)
            if filing.is_known():
                return self._unchanged(connection, reading, filing)
            row = {"id": filing.id, "name": name, "deployed_at": now, "deployed_by": by}
            resources = [
                {"deployment_id": filing.id, "name": file, "sha256": hashes[file], "data": data}
                for file, data in reading.files.items()
            ]
            definitions.insert_deployment(connection, row, resources)
            rows = filing.add_definitions()
            found = tuple(definition_of(each) for each in rows)
            return Deployment(filing.id, now, by, found, is_new=True, warnings=_warnings(reading))

    def _unchanged(self, connection: Connection, reading: Reading, filing: _Filing) -> Deployment:
        rows = [filing.latest_process(process.key) for process, _ in reading.processes]
        newest = filing.newest_deployment()
        return Deployment(
            newest.id,
            newest.deployed_at,
            newest.deployed_by,
            tuple(definition_of(row) for row in rows if row is not None),
            is_new=False,
            warnings=_warnings(reading),
        )


class _Filing:
    """Gives the definitions of one deployment their versions."""

    def __init__(
        self, connection: Connection, reading: Reading, hashes: Mapping[str, str], id: str, now: datetime
    ) -> None:
        self.id = id
        self._connection = connection
        self._reading = reading
        self._hashes = hashes
        self._now = now

    def is_known(self) -> bool:
        """Every file is there byte for byte, and is the newest of what it defines."""
        if not self._reading.processes and not self._reading.decisions and not self._reading.forms:
            return all(self._newest_hash(file) == digest for file, digest in self._hashes.items())
        same = [self._is_same(definitions.PROCESSES, process.key, file) for process, file in self._reading.processes]
        same += [self._is_same(definitions.DECISIONS, decision.id, file) for decision, file in self._reading.decisions]
        same += [self._is_same(definitions.FORMS, key, file) for key, file, _ in self._reading.forms]
        bare = {model.file for model in self._reading.models if not model.decisions}
        others = [file for file in self._hashes if Path(file).suffix in _DATA_SUFFIXES or file in bare]
        return all(same) and all(self._newest_hash(file) == self._hashes[file] for file in others)

    def add_definitions(self) -> list[Row[Any]]:
        """New versions of what has changed; the process definitions, new or not."""
        for key, file, version_tag in self._reading.forms:
            self._add(definitions.FORMS, key, file, version_tag=version_tag)
        for decision, file in self._reading.decisions:
            # What imports others must move along when they change.
            always = any(model.file == file and model.imports for model in self._reading.models)
            name, tag = decision.name or decision.id, decision.version_tag
            columns = {"name": name, "deployed_at": self._now, "version_tag": tag}
            self._add(definitions.DECISIONS, decision.id, file, always=always, **columns)
        return [self._add_process(process, file) for process, file in self._reading.processes]

    def newest_deployment(self) -> Row[Any]:
        """The newest one that has one of these files."""
        found = definitions.deployment_with(self._connection, list(self._hashes.values()))
        assert found is not None
        return found

    def latest_process(self, key: str) -> Row[Any] | None:
        return definitions.find(self._connection, definitions.PROCESSES, key)

    def _add_process(self, process: Process, file: str) -> Row[Any]:
        # What binds to its own deployment must move along when a neighbour changed.
        is_new = self._add(
            definitions.PROCESSES,
            process.key,
            file,
            always=binds_to_deployment(process),
            name=process.name or process.key,
            version_tag=process.version_tag,
            deployed_at=self._now,
            documentation=process.documentation,
            has_start_form=any(node.form is not None for node in process.start_events),
            is_startable=process.is_startable_in_tasklist and _has_plain_start(process),
            starter_users=orjson.dumps(process.candidate_starter_users).decode(),
            starter_groups=orjson.dumps(process.candidate_starter_groups).decode(),
            history_time_to_live=process.history_time_to_live,
        )
        row = self.latest_process(process.key)
        assert row is not None
        if is_new:
            starts = start_rows(process, row.id, self._now, file)
            replace_starts(self._connection, process.key, starts.subscriptions)
            replace_start_timers(self._connection, process.key, starts.timers)
            messages.add_rules(self._connection, rule_rows(process))
            self._deliver_what_waited(process.key, row.id, starts)
        return row

    def _deliver_what_waited(self, process_key: str, definition_id: str, starts: StartRows) -> None:
        """Messages may have waited for a start event like these: a job delivers them."""
        names = sorted({each["name"] for each in starts.subscriptions if each["kind"] == EventKind.MESSAGE})
        messages.lock_for_waiting(self._connection, [(name, None) for name in names])
        if any(messages.has_any(self._connection, name) for name in names):
            add_job(self._connection, delivery_row(process_key, definition_id, self._now))

    def _add(self, table: Any, key: str, file: str, *, always: bool = False, **columns: Any) -> bool:
        """Whether there is a new version now."""
        if not always and self._is_same(table, key, file):
            return False
        latest = definitions.find(self._connection, table, key)
        version = latest.version + 1 if latest is not None else 1
        row = columns | {
            "key": key,
            "version": version,
            "deployment_id": self.id,
            "resource_name": file,
            "sha256": self._hashes[file],
        }
        if "id" in table.c:
            row["id"] = f"{key}:{version}"
        definitions.insert_definition(self._connection, table, row)
        return True

    def _is_same(self, table: Any, key: str, file: str) -> bool:
        latest = definitions.find(self._connection, table, key)
        return latest is not None and latest.sha256 == self._hashes[file]

    def _newest_hash(self, file: str) -> str | None:
        newest = definitions.newest_resource(self._connection, file)
        return newest.sha256 if newest else None


def definition_of(row: Row[Any]) -> ProcessDefinition:
    return ProcessDefinition(
        id=row.id,
        key=row.key,
        version=row.version,
        name=row.name,
        deployment_id=row.deployment_id,
        resource_name=row.resource_name,
        deployed_at=row.deployed_at,
        version_tag=row.version_tag,
        documentation=row.documentation,
        has_start_form=row.has_start_form,
        is_startable=row.is_startable,
        starter_users=tuple(orjson.loads(row.starter_users)),
        starter_groups=tuple(orjson.loads(row.starter_groups)),
        history_time_to_live=row.history_time_to_live,
    )


def _resource(source: str | Path | Resource) -> Resource:
    if isinstance(source, Resource):
        return source
    path = Path(source)
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise InvalidInput(f"{path} is larger than {_LARGEST_FILE // 2**20} MiB.")
        return Resource(path.name, path.read_bytes())
    except OSError as problem:
        raise InvalidInput(f"{path} cannot be read: {problem.strerror or problem}.") from problem


def _read_form(reading: Reading, resource: Resource) -> None:
    try:
        form = json.loads(resource.data)
        key = form["id"]
        if not isinstance(key, str) or not isinstance(form["components"], list):
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError):
        message = 'This is no form: a JSON object with an "id" and "components", as the form editor saves it.'
        reading.refuse(resource.name, "form", message)
    else:
        tag = form.get("versionTag")
        reading.forms.append((key, resource.name, tag if isinstance(tag, str) else None))


def _link_decisions(reading: Reading) -> None:
    """Joins the decision models that import one another."""
    if any(model.imports for model in reading.models):
        from bpmn.dmn import link

        reading.findings += link(reading.models)[1]


def _check_unique(reading: Reading) -> None:
    seen: dict[tuple[str, str], str] = {}
    found = [("process", process.key, file) for process, file in reading.processes]
    found += [("decision", decision.id, file) for decision, file in reading.decisions]
    found += [("form", key, file) for key, file, _ in reading.forms]
    for kind, key, file in found:
        other = seen.setdefault((kind, key), file)
        if other != file:
            message = f"The {kind} '{key}' is also in {other}. One deployment has room for one of them."
            reading.refuse(file, "unique-key", message)


def _check_bindings(reading: Reading) -> None:
    """What is bound to its own deployment should be in it, as far as its name is fixed."""
    here = {
        "process": {process.key for process, _ in reading.processes},
        "decision": {decision.id for decision, _ in reading.decisions},
        "form": {key for key, _, _ in reading.forms},
    }
    for process, file in reading.processes:
        for bound in bound_to_deployment(process):
            if bound.key not in here[bound.kind]:
                message = (
                    f"'{bound.element}' is bound to the {bound.kind} '{bound.key}' of its own deployment, which has "
                    "none: it will stop there. Deploy the file that has it together with this one, or bind it to the "
                    "latest version."
                )
                found = Finding(file, bound.line, "binding", message, bound.element, Severity.WARNING)
                reading.findings.append(found)


def _has_plain_start(process: Process) -> bool:
    if not process.start_events:
        return not process.starters
    return any(node.event is None or node.event.kind == "none" for node in process.start_events)


def _warnings(reading: Reading) -> tuple[Finding, ...]:
    return tuple(sorted(reading.findings))
