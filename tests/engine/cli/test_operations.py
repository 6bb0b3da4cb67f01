"""fermata modify, restart, migrate and batch: what an operator does to instances, in words."""

from __future__ import annotations

import re
from pathlib import Path

from engine import Engine
from tests.engine.cli.conftest import Fermata

XML = (
    '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t">'
    '<process id="line" isExecutable="true"><startEvent id="Start"/><userTask id="{0}"/>'
    '<userTask id="Ship"/><endEvent id="End"/>'
    '<sequenceFlow id="a" sourceRef="Start" targetRef="{0}"/><sequenceFlow id="b" sourceRef="{0}" targetRef="Ship"/>'
    '<sequenceFlow id="c" sourceRef="Ship" targetRef="End"/>'
    "</process></definitions>"
)


def deployed(fermata: Fermata, folder: Path, task: str = "Pick") -> Fermata:
    (folder / "line.bpmn").write_text(XML.format(task))
    assert fermata("deploy", "line.bpmn").code == 0
    return fermata


def worked(folder: Path) -> None:
    with Engine(f"sqlite:///{folder / 'var' / 'fermata.db'}") as engine:
        engine.work()


def test_an_instance_is_modified_and_restarted(fermata: Fermata, folder: Path) -> None:
    deployed(fermata, folder)
    fermata("start", "line", "--business-key", "A-1")

    said = fermata("modify", "A-1", "--cancel", "Pick", "--before", "Ship", "--var", "n=1", "--reason", "by hand")
    assert (said.code, said.out.endswith("it stands at Ship\n")) == (0, True)
    assert "No token" in fermata("modify", "A-1", "--move", "Pick=Ship").err
    assert "give --before" in fermata("modify", "A-1", "--cancel", "Ship", "--var", "n=1").err
    fermata("cancel", "A-1")
    assert "Restarted" in fermata("restart", "A-1", "--reason", "too early").out
    assert [each["state"] for each in fermata("list", "--json").json] == ["running", "cancelled"]


def test_instances_are_migrated_after_a_look_at_the_plan(fermata: Fermata, folder: Path) -> None:
    deployed(fermata, folder)
    fermata("start", "line", "--business-key", "A-1")
    fermata("start", "line", "--business-key", "A-2")
    deployed(fermata, folder, "Collect")

    assert fermata("migrate", "plan", "line", "--json").json["unmapped"] == ["Pick"]
    refused = fermata("migrate", "run", "line", "A-1", "--dry-run")
    assert "cannot: Pick: activity 2 stands there" in refused.out
    assert (refused.code, "1 of 1 instances cannot be migrated" in refused.err) == (1, True)
    moved = fermata("migrate", "run", "line", "A-1", "--map", "Pick=Collect", "--reason", "renamed")
    assert "Pick -> Collect" in moved.out
    assert "name instances, or give --all" in fermata("migrate", "run", "line").err
    assert fermata("migrate", "plan", "line", "--map", "Pick=Start").code == 1
    assert "0 migrated, 1 waiting" in fermata("migrate", "run", "line", "--all", "--map", "Pick=Collect").out
    worked(folder)
    assert {each["version"] for each in fermata("list", "--json").json} == {2}


def test_an_instance_that_cannot_be_migrated_keeps_no_other_from_it(fermata: Fermata, folder: Path) -> None:
    deployed(fermata, folder)
    for key in ("A-1", "A-2", "A-3"):
        fermata("start", "line", "--business-key", key)
    deployed(fermata, folder, "Collect")
    fermata("cancel", "A-2")

    said = fermata("migrate", "run", "line", "A-1", "A-2", "A-3", "--map", "Pick=Collect")
    assert (said.code, said.out.count("Pick -> Collect"), said.out.count("has ended")) == (1, 2, 1)
    assert "1 of 3 instances cannot be migrated" in said.err
    versions = {each["business_key"]: each["version"] for each in fermata("list", "--json").json}
    assert versions == {"A-1": 2, "A-2": 1, "A-3": 2}


def test_a_batch_is_started_and_watched(fermata: Fermata, folder: Path) -> None:
    deployed(fermata, folder)
    for _ in range(3):
        fermata("start", "line")

    batch = fermata("batch", "start", "cancel", "--process", "line", "--reason", "recall", "--json").json
    assert fermata("batch", "pause", batch["id"], "--reason", "too fast", "--user", "olga").code == 0
    assert "0 cancelled, 3 waiting" in fermata("batch", "list").out
    assert fermata("batch", "resume", batch["id"]).code == 0
    worked(folder)
    shown = fermata("batch", "show", batch["id"])
    assert "completed: 3 cancelled" in shown.out
    assert "Reason: recall" in shown.out
    assert re.search(r"paused .* olga +too fast", shown.out)
    changes = fermata("batch", "show", batch["id"], "--json").json["changes"]
    assert [(each["state"], each["reason"]) for each in changes] == [("paused", "too fast"), ("running", "")]
    assert [each["state"] for each in fermata("batch", "show", batch["id"], "--json").json["items"]] == ["done"] * 3
    assert "is completed" in fermata("batch", "cancel", batch["id"]).err


def test_what_is_no_batch_is_said(fermata: Fermata, folder: Path) -> None:
    deployed(fermata, folder)
    assert "is none of cancel" in fermata("batch", "start", "explode", "--process", "line").err
    assert "Nothing is there to cancel" in fermata("batch", "start", "cancel", "--process", "line").err
    assert "either the ids or conditions" in fermata("batch", "start", "cancel").err
    assert "There is no batch" in fermata("batch", "show", "nothing").err
    assert "No batch was made" in fermata("batch", "list").out
