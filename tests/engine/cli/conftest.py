"""A folder to work in, and the command line as a function."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.cli import run

MODELS = Path(__file__).resolve().parents[2] / "scenarios"


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Fermata = Callable[..., Said]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: empty, and without a database set for it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FERMATA_DATABASE", raising=False)
    return tmp_path


@pytest.fixture
def fermata(folder: Path, capsys: pytest.CaptureFixture[str]) -> Fermata:
    """Runs a command line in *folder*."""

    def call(*arguments: str) -> Said:
        capsys.readouterr()
        code = run(arguments)
        printed = capsys.readouterr()
        return Said(code, printed.out, printed.err)

    return call


@pytest.fixture
def approval(fermata: Fermata) -> Fermata:
    """The command line on a database with the process 'approval'."""
    assert fermata("deploy", str(MODELS / "approval.bpmn")).code == 0
    return fermata
