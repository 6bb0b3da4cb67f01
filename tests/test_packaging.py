"""What is shipped: the wheel's contents, the entry points, and pins that fit what pyproject.toml asks for."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import EntryPoint
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
ENTRY_POINTS = [
    EntryPoint(name, value, group)
    for group, points in {"console_scripts": PROJECT["scripts"], **PROJECT["entry-points"]}.items()
    for name, value in points.items()
]
PINNED_FOR = [
    ("requirements.txt", [*PROJECT["dependencies"], *chain(*PROJECT["optional-dependencies"].values())]),
    ("requirements-dev.txt", PYPROJECT["dependency-groups"]["dev"]),
    ("requirements-build.txt", [*PYPROJECT["dependency-groups"]["build"], *PYPROJECT["build-system"]["requires"]]),
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> set[str]:
    """The names of the files in the wheel that this work tree makes."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("fermata-*.whl")
    return set(zipfile.ZipFile(path).namelist())


@pytest.mark.slow
def test_the_wheel_carries_the_built_web_assets(wheel):
    assert {"webapp/static/dist/manifest.json", "webapp/static/dist/diagram.js"} <= wheel


@pytest.mark.slow
def test_the_wheel_carries_what_the_packages_read_at_run_time(wheel):
    data = {".html", ".css", ".js", ".svg", ".mako", ".md", ".json", ".toml", ".typed"}
    read = {
        path.relative_to(ROOT).as_posix()
        for package in ("bpmn", "engine", "webapp")
        for path in (ROOT / package).rglob("*")
        if path.suffix in data and "assets" not in path.parts
    }

    assert read - wheel == set()


@pytest.mark.slow
def test_the_wheel_carries_no_sources_of_assets_no_tests_and_no_samples(wheel):
    assert [name for name in wheel if re.match(r"tests/|samples/|webapp/assets/|.*node_modules", name)] == []


@pytest.mark.parametrize("point", ENTRY_POINTS, ids=lambda point: point.name)
def test_every_entry_point_leads_to_something(point):
    assert point.load()


@pytest.mark.parametrize(("file", "wanted"), PINNED_FOR, ids=[file for file, _ in PINNED_FOR])
def test_pins_fit_what_is_asked_for(file, wanted):
    pins = re.findall(r"^([\w.-]+)==([^ ;]+)", (ROOT / file).read_text(), re.MULTILINE)
    pinned = {canonicalize_name(name): version for name, version in pins}
    requirements = [Requirement(line) for line in wanted]

    assert {canonicalize_name(asked.name) for asked in requirements} <= set(pinned), "run: make lock"
    unfit = [asked for asked in requirements if not asked.specifier.contains(pinned[canonicalize_name(asked.name)])]
    assert unfit == [], "run: make lock"
