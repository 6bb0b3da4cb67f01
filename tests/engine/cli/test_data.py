"""fermata data: what processes share, seen and set by an operator."""

from __future__ import annotations

from pathlib import Path

from tests.engine.cli.conftest import Fermata


def test_a_store_is_set_shown_and_its_history_told(fermata: Fermata, folder: Path) -> None:
    (folder / "flavors.json").write_text('[{"name": "Lemon"}]')

    assert "has no value" in fermata("data", "show", "flavors").err
    assert fermata("data", "set", "flavors", "plain text", "--user", "ann").code == 0
    assert fermata("data", "set", "flavors", "--file", "flavors.json", "--user", "bob").code == 0
    assert fermata("data", "show", "flavors").json == [{"name": "Lemon"}]
    assert [each["key"] for each in fermata("data", "list", "--json").json] == ["flavors"]
    told = fermata("data", "show", "flavors", "--history", "--json").json
    assert [(each["value"], each["actor"]) for each in told] == [("plain text", "ann"), ([{"name": "Lemon"}], "bob")]


def test_a_version_that_has_gone_on_is_not_written_over(fermata: Fermata) -> None:
    fermata("data", "set", "counter", "1")
    refused = fermata("data", "set", "counter", "2", "--if-version", "0")

    assert (refused.code, "has version 1, not 0" in refused.err) == (1, True)


def test_wrong_usage_says_what_is_wrong(fermata: Fermata, folder: Path) -> None:
    (folder / "bad.json").write_text("{")

    assert "neither a value nor a --file" in fermata("data", "set", "counter").err
    assert "bad.json is not JSON" in fermata("data", "set", "counter", "--file", "bad.json").err
