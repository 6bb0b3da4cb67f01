"""The rules of the house that a reader of imports and files can check: docs/decisions/0001-layers-and-one-road.md."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("bpmn", "engine", "webapp")

# Where (a folder or file) and what must not be imported there.
FORBIDDEN = [
    ("bpmn", ("engine", "webapp", "sqlalchemy", "alembic", "flask", "SpiffWorkflow", "sqlite3")),
    ("engine", ("webapp", "flask", "flask_login", "flask_wtf", "werkzeug", "waitress", "jinja2")),
    ("webapp", ("engine.store", "engine.interpreter", "sqlalchemy", "alembic", "sqlite3", "SpiffWorkflow")),
    ("samples", ("webapp", "engine.store", "engine.interpreter", "sqlalchemy", "SpiffWorkflow")),
    ("engine/interpreter", ("time", "random", "secrets", "uuid", "os", "socket", "threading", "engine.store")),
]

# What, and the only folders of the packages that may import it.
ONLY_IN = [
    ("SpiffWorkflow", ("engine/interpreter",)),
    ("sqlalchemy", ("engine/store",)),
    ("alembic", ("engine/store",)),
    ("psycopg", ("engine/store",)),
    ("pydantic_monty", ("engine",)),
    ("pytest", ("engine/testing",)),
    ("hatchling", ("webapp/assets",)),
]

TOP_LEVEL = {
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "bpmn",
    "docs",
    "engine",
    "pyproject.toml",
    "requirements-build.txt",
    "requirements-dev.txt",
    "requirements.txt",
    "samples",
    "tests",
    "webapp",
}

# Declared for what they bring at run time, not for an import of ours.
NOT_IMPORTED = {"tzdata", "psycopg", "openai", "anthropic"}

# Distributions that others are made of: what is declared is the whole.
PART_OF = {"pydantic-monty-client": "pydantic-monty"}


@dataclass(frozen=True, slots=True)
class Import:
    file: str
    line: int
    module: str

    def is_of(self, module: str) -> bool:
        return self.module == module or self.module.startswith(module + ".")

    def is_in(self, *folders: str) -> bool:
        return any(self.file == folder or self.file.startswith(folder + "/") for folder in folders)

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module}"


@pytest.mark.parametrize(("folder", "modules"), FORBIDDEN, ids=[folder for folder, _ in FORBIDDEN])
def test_a_layer_imports_nothing_from_above_or_beside_it(folder, modules):
    trespassers = [found for found in imports(folder) for module in modules if found.is_of(module)]

    assert not trespassers, listed(trespassers)


@pytest.mark.parametrize(("module", "folders"), ONLY_IN, ids=[module for module, _ in ONLY_IN])
def test_a_library_is_imported_only_in_its_room(module, folders):
    elsewhere = [found for found in imports(*PACKAGES) if found.is_of(module) and not found.is_in(*folders)]

    assert not elsewhere, listed(elsewhere)


def test_the_web_reaches_for_no_store():
    reaching = [
        f"{file}:{node.lineno} {ast.unparse(node)}"
        for file in python_files("webapp")
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Attribute) and (node.attr == "store" or node.attr.startswith("_road"))
    ]

    assert not reaching, listed(reaching)


def test_whoever_imports_a_library_declares_it():
    run = declared("dependencies", "optional-dependencies")
    undeclared = [
        found
        for found in imports(*PACKAGES, "samples")
        if (names := distributions(found.module))
        and not names & run
        and not (found.is_in("engine/testing") and found.is_of("pytest"))
        and not found.is_in("webapp/assets")
    ]

    assert not undeclared, listed(undeclared)


def test_tests_import_what_is_declared_for_them():
    every = declared("dependencies", "optional-dependencies", "dev", "build")
    undeclared = [found for found in imports("tests") if (names := distributions(found.module)) and not names & every]

    assert not undeclared, listed(undeclared)


def test_every_declared_library_is_used():
    used = set[str]().union(*(distributions(found.module) for found in imports(*PACKAGES)))

    assert declared("dependencies", "optional-dependencies") - used - NOT_IMPORTED == set()


def test_core_modules_load_no_agent_library_and_no_web_framework():
    code = "import sys, engine.engine, engine.cli; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert not {"pydantic_ai", "openai", "anthropic", "flask", "pytest"} & set(loaded.split())


def test_nothing_evaluates_text_in_our_own_interpreter():
    calls = [
        f"{file}:{node.lineno} calls {node.func.id}"
        for file in python_files(*PACKAGES, "samples")
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("eval", "exec")
    ]

    assert not calls, listed(calls)


def test_the_wall_clock_is_read_in_one_place_below_the_web():
    readers = [
        f"{file}:{node.lineno} calls {ast.unparse(node.func)}"
        for file in python_files("bpmn", "engine")
        if file != "engine/clock.py"
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Call)
        and re.fullmatch(r"(datetime\.)*(datetime|date)\.(now|utcnow|today)|time\.time", ast.unparse(node.func))
    ]

    assert not readers, listed(readers)


def test_no_module_is_too_long_to_be_read():
    long = [f"{file}: {count} lines" for file in python_files(*PACKAGES, "tests") if (count := lines(file)) > 500]

    assert not long, listed(long)


def test_the_top_level_holds_only_what_belongs_there():
    assert {file.split("/")[0] for file in tracked()} - TOP_LEVEL == set()


def test_test_folders_are_no_packages():
    assert [file for file in tracked() if file.startswith("tests/") and file.endswith("__init__.py")] == []


def test_no_tracked_file_names_a_package_registry():
    address = re.compile(
        r"(index-url|find-links|extra-index|\"resolved\"|registry *=|pypi\.org/simple|registry\.npmjs)"
    )
    pinning = [
        file
        for file in tracked()
        if re.search(r"(requirements.*|lock.*|\.npmrc|\.toml|\.cfg|\.json|Makefile|\.ci/.*)$", file)
    ]
    found = [f"{file}:{number}" for file in pinning for number, line in numbered(file) if address.search(line)]

    assert not found, listed(found)


def test_no_tracked_file_names_a_place_on_one_machine():
    place = re.compile(rf"(?<![\w./])({re.escape(str(ROOT))}\b|/(home|Users)/\w+/|/roo[t]/)")
    found = [
        f"{file}:{number} {line.strip()[:80]}"
        for file in tracked()
        for number, line in numbered(file)
        if place.search(line)
    ]

    assert not found, listed(found)


def test_every_pinned_python_package_has_hashes():
    for name in ("requirements.txt", "requirements-dev.txt", "requirements-build.txt"):
        pins = re.split(r"\n(?=[a-z0-9])", (ROOT / name).read_text().split("\n", 2)[2].strip())
        assert [pin.split()[0] for pin in pins if "==" not in pin or "--hash=sha256:" not in pin] == []


@pytest.mark.parametrize("folder", ["webapp/assets", "tests/clients"])
def test_every_pinned_npm_package_has_its_integrity(folder):
    packages = json.loads((ROOT / folder / "package-lock.json").read_text())["packages"]

    assert [name for name, entry in packages.items() if name and "integrity" not in entry] == []


def test_spiffworkflow_is_pinned_exactly():
    assert "spiffworkflow==3.2.0" in pyproject()["project"]["dependencies"]


@pytest.mark.parametrize("path", ["webapp/static/dist/page.js", "webapp/assets/node_modules/x.js", "var/fermata.db"])
def test_what_is_built_or_stored_stays_out_of_the_repository(path):
    assert subprocess.run(["git", "check-ignore", "-q", path], cwd=ROOT, check=False).returncode == 0


def listed(findings: Sequence[object]) -> str:
    return "\n".join(map(str, findings))


@cache
def tracked() -> tuple[str, ...]:
    """Paths of all files that are, or would be, in the repository."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(sorted(file for file in set(output.split("\0")) if file and (ROOT / file).is_file()))


def python_files(*folders: str) -> list[str]:
    return [
        file for file in tracked() if file.endswith(".py") and file.split("/")[0] in {f.split("/")[0] for f in folders}
    ]


@cache
def tree(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text(encoding="utf-8"), file)


def imports(*folders: str) -> Iterator[Import]:
    """Every import in the Python files of *folders*: those in functions, for types only, or by name as well."""
    for file in python_files(*folders):
        for node in ast.walk(tree(file)):
            match node:
                case ast.Import(names=names):
                    found = [Import(file, node.lineno, alias.name) for alias in names]
                case ast.ImportFrom(module=module, names=names, level=level):
                    base = ".".join(filter(None, [*file.split("/")[:-level], module])) if level else module or ""
                    # `from engine import store` imports engine.store as well as a name of engine.
                    found = [Import(file, node.lineno, f"{base}.{alias.name}") for alias in names]
                case ast.Call(func=function, args=[ast.Constant(value=str(module))]) if "import" in ast.unparse(
                    function
                ):
                    found = [Import(file, node.lineno, module)]
                case _:
                    continue
            yield from (one for one in found if one.is_in(*folders))


@cache
def pyproject() -> dict[str, dict]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def declared(*groups: str) -> set[str]:
    project = pyproject()["project"]
    extras = [name for names in project["optional-dependencies"].values() for name in names]
    lists = {
        "dependencies": project["dependencies"],
        "optional-dependencies": extras,
        **pyproject()["dependency-groups"],
    }
    return {normalised(re.split(r"[\[<>=~! ;]", line)[0]) for group in groups for line in lists[group]}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def distributions(module: str) -> set[str]:
    """The distributions that bring *module*; none for the standard library, our own packages and neighbours."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top in (*PACKAGES, "tests"):
        return set()
    found = {normalised(name) for name in installed().get(top, ())}
    return {PART_OF.get(name, name) for name in found}


@cache
def installed() -> dict[str, list[str]]:
    return dict(packages_distributions())


def numbered(file: str) -> Iterator[tuple[int, str]]:
    try:
        text = (ROOT / file).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    yield from enumerate(text.splitlines(), 1)


def lines(file: str) -> int:
    return sum(1 for _ in numbered(file))
