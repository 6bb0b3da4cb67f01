"""What the README and the pages in docs/ say is true: the example runs, links lead somewhere, commands exist."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.settings import SettingsError, read_settings

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    path.relative_to(ROOT) for path in [ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md")]
)


@pytest.fixture
def example(tmp_path, monkeypatch) -> Iterator[dict[str, Any]]:
    """The names that the README's example leaves behind, run beside the diagram that the README links to."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "docs/example/order.bpmn", tmp_path)
    code = re.search(r"^```python\n(.*?)^```", text_of("README.md"), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(code[1], "README.md", "exec"), names)
    yield names
    names["engine"].close()


def test_the_embedding_example_runs_to_its_end(example):
    instance = example["engine"].read.instance(example["order"].id)
    variables = example["engine"].read.variables(instance.id)

    assert (instance.state, instance.business_key) == ("completed", "A-17")
    assert variables["receipt"].startswith("paid 120")


def test_the_bpmn_error_of_the_example_takes_the_path_that_the_diagram_has_for_it(example):
    order = example["engine"].start("order", variables={"amount": 9000})
    example["engine"].work()

    visited = [activity.element_id for activity in example["engine"].read.history(order.id).activities]
    assert visited == ["Ordered", "ChargeCard", "LimitExceeded", "Refused"]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_of_a_page_leads_somewhere(page):
    text = text_of(page)
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    local = [target for target in targets if target and not re.match(r"[a-z]+:", target)]

    assert [target for target in local if not (ROOT / page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_make_target_that_a_page_names_exists(page):
    named = set(re.findall(r"(?:`|^    )make ([a-z]+)", text_of(page), re.MULTILINE))

    assert named - make_targets() == set()


def test_every_make_target_is_explained():
    explained = set(re.findall(r"`make ([a-z]+)`", text_of("docs/development.md")))

    assert make_targets() - explained - {"help", "assets", "browser"} == set()


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_command_that_a_page_names_exists(page, fermata_help):
    named = set(re.findall(r"(?:`|^    )fermata ([a-z]+)", text_of(page), re.MULTILINE))

    assert {name for name in named if not re.search(rf"\b{name}\b", fermata_help)} == set()


def test_every_page_in_docs_is_reached_from_the_index():
    index = text_of("docs/README.md")
    pages = [page for page in PAGES if page.parent == Path("docs") and page.name != "README.md"]

    assert [page.name for page in pages if f"({page.name})" not in index] == []


def test_every_marker_is_explained():
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    development = text_of("docs/development.md")

    assert [m for m in options["markers"] if f"| `{m.partition(':')[0]}` |" not in development] == []


@pytest.mark.parametrize("section", ["", "application", "database", "handlers", "http", "people.ann"])
def test_every_key_of_the_settings_is_explained(section, tmp_path):
    (tmp_path / "fermata.toml").write_text(f"[{section}]\nnonsense = 1" if section else "nonsense = 1")
    with pytest.raises(SettingsError) as refused:
        read_settings(tmp_path)

    allowed = re.search(r"Allowed: (.*)\.", str(refused.value))[1].split(", ")
    prefix = section.replace("people.ann", "people.NAME") + "." if section else ""
    assert [key for key in allowed if f"| `{prefix}{key}" not in text_of("docs/application.md")] == []


@pytest.mark.parametrize(
    ("section", "page", "prefix"), [("celery", "docs/celery.md", "celery."), ("hooks.shop", "docs/handlers.md", "")]
)
def test_every_key_of_the_settings_that_have_a_page_of_their_own_is_explained_there(section, page, prefix, tmp_path):
    (tmp_path / "fermata.toml").write_text(f"[{section}]\nnonsense = 1")
    with pytest.raises(SettingsError) as refused:
        read_settings(tmp_path)

    allowed = re.search(r"Allowed: (.*)\.", str(refused.value))[1].split(", ")
    assert [key for key in allowed if f"| `{prefix}{key}`" not in text_of(page)] == []


def test_every_environment_variable_is_explained():
    sources = [path.read_text() for package in ("engine", "webapp") for path in (ROOT / package).rglob("*.py")]
    read = set(re.findall(r"\bFERMATA_[A-Z_]+", "".join(sources)))

    assert {name for name in read if f"| `{name}` |" not in text_of("docs/application.md")} == set()


@pytest.fixture(scope="module")
def fermata_help() -> str:
    command = [sys.executable, "-c", "from engine.cli import main; main()", "--help"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def text_of(page: str | Path) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE))
