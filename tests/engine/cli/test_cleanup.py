"""Removing history from the command line."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.clock import VirtualClock
from engine.engine import Engine
from tests.engine.cli.conftest import MODELS, Fermata


@pytest.fixture
def ended(fermata: Fermata, folder: Path) -> Fermata:
    """Two ended instances of a diagram that says nothing of its history."""
    assert fermata("deploy", str(MODELS / "approval.bpmn")).code == 0
    for number in range(2):
        fermata("start", "approval", "--business-key", f"B-{number}")
        fermata("cancel", f"B-{number}")
    return fermata


def test_what_may_go_is_counted_removed_and_on_record(ended: Fermata, folder: Path) -> None:
    (folder / "fermata.toml").write_text("[database]\nhistory_time_to_live = 0\n")
    assert "2 ended instances would go" in ended("cleanup", "--dry-run").out
    assert ended("cleanup", "--limit", "1", "--json").json["has_more"]
    assert "Removed 1 ended instance, 0 that they called, 0 large values." in ended("cleanup", "--user", "ann").out
    assert "Nothing has been kept long enough" in ended("cleanup").out

    assert ended("list", "--json").json == []
    removed = {each["actor"]: each["instances"] for each in ended("cleanup", "--record", "--json").json}
    assert removed["ann"] == 1
    assert "approval:1" in ended("cleanup", "--record").out


def test_without_a_time_to_live_nothing_goes(ended: Fermata) -> None:
    assert "Nothing has been kept long enough" in ended("cleanup").out
    assert "Nothing was removed yet" in ended("cleanup", "--record").out


def test_what_an_application_says_of_its_database_holds_for_no_other(ended: Fermata, folder: Path) -> None:
    (folder / "fermata.toml").write_text("[database]\nurl = 'sqlite:///own.db'\nhistory_time_to_live = 0\n")
    assert ended("cleanup", "--dry-run", "--database", "sqlite:///var/fermata.db", "--json").json["instances"] == 0


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_it_says_how_many_partitions_of_history_went(fermata: Fermata, database_url: str) -> None:
    with Engine(database_url, clock=VirtualClock(datetime(2025, 1, 5, tzinfo=UTC))) as long_ago:
        long_ago.cleanup()  # makes three
    assert fermata("cleanup", "--database", database_url).out.strip() == "Dropped history in 3 partitions of time."
