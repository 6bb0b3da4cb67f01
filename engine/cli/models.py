"""Models on the command line: deploy, validate, definitions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli import output
from engine.cli.options import AsJson, Database, User, actor, opened

if TYPE_CHECKING:
    from bpmn.dialect_report import Usage
    from bpmn.model import Finding
    from engine.model import Deployment

Paths = Annotated[
    list[Path], typer.Argument(metavar="PATH...", help="Files, or folders whose models are deployed together.")
]


def deploy(paths: Paths, database: Database = None, user: User = None, json: AsJson = False) -> None:
    """Deploy .bpmn, .dmn and .form files.

    Files named are deployed together, each folder is a deployment of its own: all or nothing.
    Unchanged files make no new version; running instances stay on theirs.
    """
    groups = list(_groups(paths))
    deployments: list[Deployment] = []
    with opened(database) as engine, output.progress("Deploying", len(groups), is_shown=not json) as advance:
        for name, files in groups:
            deployments.append(engine.deploy(*files, by=actor(user), name=name))
            advance()
    if json:
        return output.as_json(deployments)
    output.findings(finding for deployment in deployments for finding in deployment.warnings)
    rows = [
        (definition.key, definition.version, definition.name, definition.resource_name, _news(deployment))
        for deployment in deployments
        for definition in deployment.definitions
    ]
    return output.table(("process", "version", "name", "file", ""), rows, empty="Deployed; no process is executable.")


def _news(deployment: Deployment) -> str:
    return "deployed" if deployment.is_new else "unchanged"


def _groups(paths: Sequence[Path]) -> Iterator[tuple[str, Sequence[Path]]]:
    """(name, files) of each deployment to make."""
    from engine.application import load_application

    for path in paths:
        if not path.exists():
            raise typer.BadParameter(f"{path} does not exist.", param_hint="PATH")
    files = [path for path in paths if path.is_file()]
    if files:
        yield files[0].stem, files
    for folder in (path for path in paths if path.is_dir()):
        application = load_application(folder)
        if not application.models:
            raise typer.BadParameter(f"{folder} holds no .bpmn, .dmn or .form file.", param_hint="PATH")
        yield application.name, application.models


def validate(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Models, or folders to search for them.")],
    dialect_report: Annotated[
        bool, typer.Option("--dialect-report", help="List each extension attribute and what becomes of it instead.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Check models without deploying them; prints findings like a compiler.

    Exit code 1 when there are errors; warnings alone leave it 0.
    """
    files = _model_files(paths)
    if dialect_report:
        return _report_dialects(files, json)
    findings: list[Finding] = []
    with output.progress("Reading", len(files), is_shown=not json) as advance:
        for file in files:
            findings += _findings_in(file)
            advance()
        findings += _import_findings(files)
    if json:
        output.as_json(findings)
    else:
        output.findings(findings)
        _sum_up(findings, len(files))
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(1)
    return None


def _report_dialects(files: Sequence[Path], json: bool) -> None:
    """Exit code 1 when something is refused."""
    from bpmn.dialect_report import report_dialect

    usages: list[Usage] = []
    for file in (each for each in files if each.suffix == ".bpmn"):
        usages += report_dialect(_bytes_of(file), str(file))
    if json:
        output.as_json(usages)
    else:
        rows = [(f"{each.file}:{each.line}", each.name, each.at, each.count, each.standing) for each in usages]
        output.table(("first at", "extension", "of", "times", ""), rows, empty="There are no extensions of a dialect.")
    if any(usage.standing == "refused" for usage in usages):
        raise typer.Exit(1)


def _model_files(paths: Sequence[Path]) -> list[Path]:
    from engine.application import MODEL_SUFFIXES

    found: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise typer.BadParameter(f"{path} does not exist.", param_hint="FILE")
        inside = sorted(file for file in path.rglob("*") if file.suffix in MODEL_SUFFIXES) if path.is_dir() else [path]
        found.update(dict.fromkeys(inside))
    if not found:
        raise typer.BadParameter("there is no .bpmn, .dmn or .form file in what was named.", param_hint="FILE")
    return list(found)


def _findings_in(file: Path) -> Sequence[Finding]:
    from bpmn.model import Finding

    data = _bytes_of(file)
    if file.suffix == ".dmn":
        from bpmn.dmn import read_dmn

        return read_dmn(data, str(file))[1]
    if file.suffix == ".form":
        return _form_findings(file, data)
    if file.suffix == ".bpmn":
        from bpmn.reader import read_bpmn
        from engine.clock import SystemClock
        from engine.script_check import script_findings
        from engine.timer_check import timer_findings

        found, findings = read_bpmn(data, str(file))
        if found is None:
            return findings
        return [*findings, *script_findings(found), *timer_findings(found, findings, SystemClock().now())]
    return [Finding(str(file), 1, "file-kind", "neither .bpmn, .dmn nor .form: the name says what a model is")]


def _import_findings(files: Sequence[Path]) -> Sequence[Finding]:
    """Of the decision models that import others."""
    from bpmn.dmn import link, read_dmn

    read = (read_dmn(_bytes_of(file), str(file))[0] for file in files if file.suffix == ".dmn")
    models = [model for model in read if model is not None]
    return link(models)[1] if any(model.imports for model in models) else []


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as problem:
        raise typer.BadParameter(f"{file} cannot be read: {problem.strerror}.", param_hint="FILE") from problem


def _form_findings(file: Path, data: bytes) -> Sequence[Finding]:
    import json

    from bpmn.model import Finding

    try:
        json.loads(data)
    except UnicodeDecodeError:
        return [Finding(str(file), 1, "form-json", "the form is not UTF-8 text")]
    except json.JSONDecodeError as problem:
        return [Finding(str(file), problem.lineno, "form-json", f"the form is not JSON: {problem.msg}")]
    return []


def _sum_up(findings: Sequence[Finding], files: int) -> None:
    errors = sum(finding.severity == "error" for finding in findings)
    warnings = sum(finding.severity == "warning" for finding in findings)
    colour = "red" if errors else "yellow" if warnings else "green"
    output.say(
        f"[{colour}]{_count(files, 'file')}: {_count(errors, 'error')}, {_count(warnings, 'warning')}.[/{colour}]"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def definitions(
    database: Database = None,
    all_versions: Annotated[bool, typer.Option("--all", help="Every version, not the newest only.")] = False,
    json: AsJson = False,
) -> None:
    """List the process definitions that can be started."""
    with opened(database) as engine:
        found = engine.read.definitions(latest_only=not all_versions)
    if json:
        return output.as_json(found)
    rows = [
        (each.key, each.version, each.version_tag, each.name, each.resource_name, each.deployed_at) for each in found
    ]
    columns = ("process", "version", "tag", "name", "file", "deployed")
    return output.table(columns, rows, empty="Nothing is deployed. Deploy with 'fermata deploy PATH'.")
