"""Exit codes, messages and what is imported when."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.cli.conftest import MODELS, Fermata


def test_help_comes_without_importing_engine_or_web() -> None:
    code = (
        "import sys; from engine.cli import run; run(['--help'])\n"
        "heavy = {'SpiffWorkflow', 'sqlalchemy', 'flask', 'lxml', 'pydantic', 'engine.engine', 'webapp'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


def test_every_command_explains_itself(fermata: Fermata) -> None:
    for command in ("up", "deploy", "start", "list", "show", "tasks", "complete", "message", "signal", "retry", "work"):
        assert "Usage: fermata" in fermata(command, "--help").out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("fly",), "No such command 'fly'"),
        (("start",), "Missing argument"),
        (("start", "approval", "--var", "amount"), "Write it like amount=120"),
        (("start", "approval", "--vars", "missing.json"), "missing.json cannot be read"),
        (("list", "--state", "done"), "Allowed: running, suspended, completed"),
        (("deploy", "missing.bpmn"), "missing.bpmn does not exist"),
        (("validate", "."), "no .bpmn, .dmn or .form file"),
        (("test", "missing"), "missing does not exist"),
        (("test", "."), "no scenario was found"),
        (("test", ".", "-k", "("), "a name is missing"),
        (("test", ".", "-n", "many"), "no number of processes"),
        (("test", ".", "--coverage", "pdf"), "Write html, html:FOLDER or text"),
        (("work",), "Name the folders whose handlers shall run"),
        (("retry",), "name an incident or an instance, or give --all"),
    ],
)
def test_wrong_usage_is_exit_code_2(fermata: Fermata, arguments: tuple[str, ...], says: str) -> None:
    said = fermata(*arguments)

    assert said.code == 2
    assert says in " ".join(said.err.replace("│", " ").split())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("start", "nothing"), "nothing"),
        (("show", "A-17"), "There is no instance 'A-17'. 'fermata list' shows which there are."),
        (("complete", "Approve"), "There is no open task 'Approve'. 'fermata tasks' shows which there are."),
        (("message", "Paid"), "Paid"),
        (("retry", "x"), "'x' is no open incident and no instance"),
        (("list", "--database", "oracle://x"), "oracle"),
        (("list", "--database", "postgresql://me:secret@host:port/x"), "'postgresql://me:***@host:port/x' names no"),
        (("list", "--database", "sqlite:////proc/none/x.db"), "The folder /proc/none of the database cannot be made"),
        (("list", "--database", "sqlite:///."), "cannot be used: unable to open database file"),
        (("list", "--database", "sqlite:///text.db"), "cannot be used: file is not a database"),
        (("people", "remove", "nobody"), "There is nobody called 'nobody'"),
    ],
)
def test_a_refusal_is_one_sentence_and_exit_code_1(
    fermata: Fermata, folder: Path, arguments: tuple[str, ...], says: str
) -> None:
    (folder / "text.db").write_text("no database at all, only some lines of text\n" * 50)

    said = fermata(*arguments)

    assert said.code == 1
    assert said.err.startswith("fermata: ")
    assert says in said.err
    assert "Traceback" not in said.err
    assert "Unexpected problem" not in said.err
    assert "secret" not in said.err


def test_the_shell_can_complete_commands(fermata: Fermata, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_FERMATA_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "fermata s")
    monkeypatch.setenv("COMP_CWORD", "1")

    assert set(fermata().out.split()) >= {"start", "show", "signal", "suspend"}


def test_a_settings_file_that_is_wrong_is_exit_code_2(fermata: Fermata, folder: Path) -> None:
    (folder / "fermata.toml").write_text("[databse]\n")

    said = fermata("list")

    assert said.code == 2
    assert "fermata.toml:1: unknown key 'databse' in the file. Allowed: application, database" in said.err


def test_a_database_that_cannot_be_opened_is_a_sentence(fermata: Fermata, folder: Path) -> None:
    (folder / "x.db").mkdir()

    said = fermata("list", "--database", "sqlite:///x.db")

    assert said.code == 1
    assert "Traceback" not in said.err


def test_the_database_is_the_one_of_the_nearest_settings_file(
    fermata: Fermata, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "fermata.toml").write_text('[database]\nurl = "sqlite:///data/here.db"\n')
    inner = folder / "a" / "b"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    monkeypatch.setenv("FERMATA_DATABASE", "sqlite:///elsewhere.db")

    assert fermata("list").code == 0
    assert (folder / "data" / "here.db").is_file()


def test_without_any_setting_the_database_lies_in_var(fermata: Fermata, folder: Path) -> None:
    assert fermata("list").out == "No instance matches. Start one with 'fermata start PROCESS'.\n"
    assert (folder / "var" / "fermata.db").is_file()


def test_findings_of_a_refused_deployment_are_printed_like_a_compilers(fermata: Fermata) -> None:
    said = fermata("deploy", str(MODELS / "refused.bpmn"))

    assert said.code == 1
    assert "refused.bpmn:5: error: " in said.out
    assert "Nothing was deployed" in said.err


def test_validate_names_file_line_and_rule_and_fails_on_errors(fermata: Fermata) -> None:
    said = fermata("validate", str(MODELS / "refused.bpmn"), str(MODELS / "approval.bpmn"))

    assert said.code == 1
    assert "refused.bpmn:5: error: " in said.out
    assert said.out.splitlines()[0].endswith("]")
    assert said.out.splitlines()[-1].startswith("2 files: ")


def test_validate_searches_folders_and_passes_without_errors(fermata: Fermata, folder: Path) -> None:
    inner = folder / "models" / "inner"
    inner.mkdir(parents=True)
    (inner / "approval.bpmn").write_bytes((MODELS / "approval.bpmn").read_bytes())
    (inner / "empty.form").write_text("{}")

    said = fermata("validate", "models")

    assert said.code == 0
    assert "2 files: 0 errors" in said.out


def test_validate_joins_the_decision_models_that_import_one_another(fermata: Fermata, folder: Path) -> None:
    dmn = "https://www.omg.org/spec/DMN/20191111/MODEL/"
    head = '<definitions xmlns="{0}" id="{1}" name="{1}" namespace="urn:{1}">'
    imports = f'<import name="b" namespace="urn:b" importType="{dmn}"/></definitions>'
    (folder / "a.dmn").write_text(head.format(dmn, "a") + imports)

    assert "is in no file" in fermata("validate", "a.dmn").out

    (folder / "b.dmn").write_text(head.format(dmn, "b") + "</definitions>")
    assert fermata("validate", "a.dmn", "b.dmn").code == 0


def test_a_form_that_is_no_json_is_found_with_its_line(fermata: Fermata, folder: Path) -> None:
    (folder / "broken.form").write_text('{\n"a": \n}')

    said = fermata("validate", "--json", "broken.form")

    assert said.code == 1
    assert [(finding["rule"], finding["line"]) for finding in said.json] == [("form-json", 3)]


def test_the_dialect_report_lists_what_becomes_of_each_extension(fermata: Fermata, folder: Path) -> None:
    lacking = 'endEvent camunda:variableMappingClass="M" '
    (folder / "refused.bpmn").write_text((MODELS / "approval.bpmn").read_text().replace("endEvent ", lacking, 1))

    honoured = fermata("validate", "--dialect-report", "--json", str(MODELS / "approval.bpmn"))
    refused = fermata("validate", "--dialect-report", "refused.bpmn")

    assert honoured.code == 0
    assert {usage["standing"] for usage in honoured.json} == {"honoured"}
    assert refused.code == 1
    assert any("variableMappingClass" in line and "refused" in line for line in refused.out.splitlines())
