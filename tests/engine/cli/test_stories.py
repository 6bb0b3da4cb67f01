"""What people do on the command line, from a deployed file to the history of an ended instance."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

from engine import Engine
from tests.engine.cli.conftest import MODELS, Fermata

HANDLERS = """
from pathlib import Path

from engine import handler


@handler("org.example.ChargeCard", retries=1)
def charge(job):
    if Path("bank-is-down").exists():
        raise RuntimeError("bank is down")
    return {"receipt": "r-1"}
"""


def test_a_payment_is_approved_from_the_command_line(approval: Fermata, folder: Path) -> None:
    (folder / "handlers.py").write_text(HANDLERS)
    started = approval("start", "approval", "--var", "amount=900", "--business-key", "A-17", "--json").json
    assert started["state"] == "running"
    assert [task["element_id"] for task in approval("tasks", "--group", "managers", "--json").json] == ["Approve"]

    assert approval("claim", "Approve", "--user", "ann").code == 0
    assert approval("complete", "Approve", "--user", "ann", "--var", "approved=true").code == 0
    assert approval("work").out == "Ran 2 jobs.\n"

    shown = approval("show", "A-17", "--json").json
    assert shown["instance"]["state"] == "completed"
    assert shown["variables"] == {"amount": 900, "approved": True, "receipt": "r-1"}
    history = approval("history", "A-17", "--json").json
    assert [each["element_id"] for each in history["activities"]][-1] == "Paid"
    assert "ann" in approval("history", "A-17").out


def test_variables_come_from_a_file_and_single_ones_win(approval: Fermata, folder: Path) -> None:
    (folder / "vars.json").write_text(json.dumps({"amount": 1, "note": "from file"}))

    instance = approval(
        "start", "approval", "--vars", "vars.json", "--var", "amount=2", "--var", "text=two words", "--json"
    )

    shown = approval("show", instance.json["id"], "--json").json
    assert shown["variables"] == {"amount": 2, "note": "from file", "text": "two words"}


def test_an_incident_is_shown_and_retried(approval: Fermata, folder: Path) -> None:
    (folder / "handlers.py").write_text(HANDLERS)
    (folder / "bank-is-down").touch()
    approval("start", "approval", "--business-key", "B-1")
    approval("complete", "B-1/Approve", "--var", "approved=true")
    approval("work")
    assert "bank is down" in approval("incidents").out
    assert "fermata retry" in approval("show", "B-1").out

    (folder / "bank-is-down").unlink()
    assert approval("retry", "B-1").out.startswith("Retrying Charge")
    approval("work")

    assert approval("show", "B-1", "--json").json["instance"]["state"] == "completed"
    assert approval("incidents").out == "No incident is open.\n"


def test_a_form_field_is_converted_by_the_form(approval: Fermata) -> None:
    approval("start", "approval", "--business-key", "C-1")

    assert approval("complete", "Approve", "--field", "approved=no").code == 1


def test_a_suspended_instance_takes_no_command_until_it_is_activated(approval: Fermata) -> None:
    approval("start", "approval", "--business-key", "D-1")

    assert approval("suspend", "D-1").code == 0
    assert approval("complete", "Approve").code == 1
    assert approval("activate", "D-1").code == 0
    assert approval("cancel", "D-1", "--reason", "a mistake").code == 0
    assert "a mistake" in approval("show", "D-1").out


def test_instances_are_listed_by_state_and_process(approval: Fermata) -> None:
    approval("start", "approval", "--business-key", "E-1")
    approval("start", "approval", "--business-key", "E-2")
    approval("cancel", "E-2")

    running = approval("list", "--state", "running", "--json").json
    listed = approval("list", "--process", "approval").out

    assert [instance["business_key"] for instance in running] == ["E-1"]
    assert "E-2" in listed
    assert "cancelled" in listed


def test_a_message_with_time_to_live_waits_and_is_listed(fermata: Fermata) -> None:
    fermata("deploy", str(MODELS.parent / "engine" / "post.bpmn"))

    stored = fermata("message", "paid", "--key", "7", "--ttl", "PT1H", "--id", "a")
    again = fermata("message", "paid", "--key", "7", "--ttl", "PT1H", "--id", "a", "--json").json
    (waiting,) = fermata("messages", "paid", "--json").json
    fermata("start", "buyer", "--var", "order=7")

    assert "waits until" in stored.out
    assert (again["outcome"], again["id"]) == ("duplicate", waiting["id"])
    assert (waiting["state"], waiting["correlation_key"]) == ("waiting", "7")
    assert "delivered" in fermata("messages").out
    assert fermata("message", "paid", "--ttl", "soon").code == 2


def test_a_message_finds_its_instance_by_properties_and_by_variables(fermata: Fermata) -> None:
    engine = MODELS.parent / "engine"
    fermata("deploy", str(engine / "conversation.bpmn"), str(engine / "messages.bpmn"))
    fermata("start", "buyer", "--var", "me=ann", "--var", 'order={"number": 1}')
    fermata("start", "receiver", "--var", "order=A")
    fermata("start", "receiver", "--var", "order=B")

    by_properties = fermata("message", "offer", "--property", "customer=ann", "--property", "number=1", "--json")
    by_variables = fermata("message", "payment", "--where", "order=B", "--json")

    assert [len(each.json["matched"]) for each in (by_properties, by_variables)] == [1, 1]


def test_a_message_starts_an_instance_and_another_one_finds_it(fermata: Fermata) -> None:
    fermata("deploy", str(MODELS / "events.bpmn"))

    started = fermata("message", "Ordered", "--var", "orderId=o-1", "--json").json["started"]
    matched = fermata("message", "Paid", "--key", "o-1", "--json").json["matched"]

    assert started == matched


def test_a_signal_says_how_many_received_it(fermata: Fermata) -> None:
    fermata("deploy", str(MODELS / "events.bpmn"))
    assert fermata("signal", "Closing").out == "Nothing waits for this signal; it has no effect.\n"
    fermata("start", "ordering", "--var", "orderId=1")

    assert fermata("signal", "Closing", "--json").json == {"received": 1}


def test_deploying_the_same_bytes_again_makes_no_new_version(approval: Fermata) -> None:
    assert "unchanged" in approval("deploy", str(MODELS / "approval.bpmn")).out
    assert [each["version"] for each in approval("definitions", "--all", "--json").json] == [1]


def test_people_are_added_with_a_password_from_the_input(fermata: Fermata, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("a long secret\n"))
    assert fermata("people", "add", "ann", "--group", "managers", "--admin").out == "Added ann.\n"

    people = fermata("people", "list", "--json").json
    assert [(each["name"], each["groups"], each["is_admin"]) for each in people] == [("ann", ["managers"], True)]


def test_a_password_is_changed_and_a_person_removed(fermata: Fermata, folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("a long secret\na better secret\n"))
    fermata("people", "add", "ann")
    with Engine(f"sqlite:///{folder / 'var' / 'fermata.db'}") as engine:
        assert fermata("people", "password", "ann").out == "Changed the password of ann.\n"
        assert engine.people.authenticate("ann", "a long secret") is None
        assert engine.people.authenticate("ann", "a better secret") is not None

        assert fermata("people", "remove", "ann").out == "Removed ann.\n"
        assert engine.people.list() == []


def test_the_workers_are_listed(approval: Fermata, folder: Path) -> None:
    assert "No worker runs" in approval("workers").out

    with Engine(f"sqlite:///{folder / 'var' / 'fermata.db'}") as engine:
        engine._worker.presence.beat(4)
        (told,) = approval("workers", "--json").json
        assert (told["name"], told["threads"], told["is_alive"]) == (engine._worker.name, 4, True)
        assert " running " in approval("workers").out
