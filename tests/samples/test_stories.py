"""What the samples promise in their READMEs, told as somebody lives through it."""

from __future__ import annotations

import json
from pathlib import Path

PAPERWORK = """Hi! Here is everything, sorry for the mess.
Name (as in passport): OKONKWO, Adaeze Grace
geb. 12.04.1990
Steuer-ID: 12 345 678 903
my account is DE89 3704 0044 0532 0130 00 (Commerzbank)
Enclosed: passport copy, health insurance card and the signed contract."""

NEW_HIRE = {
    "fullName": "Adaeze Okonkwo",
    "email": "adaeze@example.com",
    "department": "engineering",
    "startDate": "2026-03-02",
    "role": "Python developer, works from home",
    "paperworkText": PAPERWORK,
}
INVOICE = {
    "invoiceNumber": "RE-1002",
    "supplier": "Machines Ltd",
    "supplierStatus": "known",
    "iban": "GB29 NWBK 6016 1331 9268 19",
    "amount": "4200",
    "purpose": "spare parts",
    "hasOrder": "true",
}
ORDER = {"orderId": "O-17", "email": "kim@example.com", "items": "2 lamp, 1 chair", "cardToken": "tok-4242"}


def ledger(name: str) -> list[str]:
    """What the sample's handlers did, in order."""
    lines = (Path("var") / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["action"] for line in lines]


def test_agents_functions_and_a_manager_bring_a_new_colleague_in(office):
    office.install("employee-onboarding")

    hire = office.start("employee-onboarding", NEW_HIRE, by="ben")
    assert office.tasks_of("ben") == []
    [task] = office.tasks_of("ann")
    assert task.name == "Decide on start"

    office.do("ann", "DecideStart", {"decision": "approve", "comment": "Welcome!"})

    assert office.instance(hire).state == "completed"
    assert office.path(hire)[-1] == "Welcomed"
    assert sorted(ledger("employee-onboarding")) == [
        "account opened", "equipment ordered", "mail sent", "payroll entry made",
    ]  # fmt: skip


def test_the_history_tells_what_each_agent_was_asked_and_that_no_real_model_answered(office):
    office.install("employee-onboarding")

    hire = office.start("employee-onboarding", NEW_HIRE, by="ben")

    steps = office.read.agent_steps(instance_id=hire)
    tools = {step.name for step in steps if step.kind == "tool"}
    assert tools == {"find_equipment", "check_stock", "policies_for"}
    assert all(step.is_offline for step in steps if step.kind == "model")
    assert office.read.variables(hire)["employee"]["bankAccount"] == "DE89370400440532013000"


def test_the_decision_still_waits_after_a_restart_and_no_agent_is_asked_again(office):
    office.install("employee-onboarding")
    hire = office.start("employee-onboarding", NEW_HIRE, by="ben")
    asked = office.read.agent_steps(instance_id=hire)

    office.restart("employee-onboarding")
    office.do("ann", "DecideStart", {"decision": "withdraw"})

    assert office.path(hire)[-1] == "Withdrawn"
    assert office.read.agent_steps(instance_id=hire) == asked
    assert ledger("employee-onboarding").count("account opened") == 1
    assert ledger("employee-onboarding")[-1] == "account closed"


def test_an_invoice_that_the_manager_leaves_lying_is_decided_by_a_director(office):
    office.install("invoice-approval")
    invoice = office.start("invoice-approval", INVOICE, by="ben")
    office.do("ben", "ReviewInvoice", {"plausible": "true", "costCentre": "4711"})
    assert [task.element_id for task in office.tasks_of("ann")] == ["ApproveInvoice"]
    assert office.tasks_of("dora") == []

    office.wait(days=3)
    assert office.tasks_of("ann") == []
    office.do("dora", "DecideAsDirector", {"decision": "approve"})

    assert office.instance(invoice).state == "completed"
    assert ledger("invoice-approval") == ["invoice paid", "invoice archived"]


def test_the_history_names_who_approved_an_invoice(office):
    office.install("invoice-approval")
    invoice = office.start("invoice-approval", INVOICE, by="ben")
    office.do("ben", "ReviewInvoice", {"plausible": "true"})
    office.do("ann", "ApproveInvoice", {"decision": "approve"})

    actors = {each.element_id: each.actor for each in office.read.history(invoice).activities}
    assert (actors["ReviewInvoice"], actors["ApproveInvoice"]) == ("ben", "ann")


def test_the_history_names_the_rule_that_chose_the_approvers(office):
    office.install("invoice-approval")
    invoice = office.start("invoice-approval", INVOICE | {"amount": "25000"}, by="ben")

    [decision] = [entry for entry in office.read.history(invoice).log if entry.action == "decision.evaluated"]
    assert decision.detail["rules"] == ["Rule_TenThousand"]


def test_an_order_is_packed_line_by_line_and_waits_for_its_own_shipment(office):
    office.install("order-fulfilment")
    order = office.start("order-fulfilment", ORDER, by="ann")
    other = office.start("order-fulfilment", {**ORDER, "orderId": "O-18", "items": "1 shelf"}, by="ann")
    for weight in ("3", "6.5", "9"):
        office.do("ben", "PackItem", {"weight": weight})

    office.engine.correlate("shipment-confirmed", correlation_key="O-17", by="carrier")
    office.engine.work(until_idle=True)

    assert office.path(order)[-1] == "OrderFulfilled"
    assert office.instance(other).state == "running"
    assert sorted(parcel["sku"] for parcel in office.read.variables(order)["parcels"]) == ["chair", "lamp"]


def test_a_declined_card_cancels_the_order_and_charges_nothing(office):
    office.install("order-fulfilment")

    order = office.start("order-fulfilment", {**ORDER, "cardToken": "tok-0000"}, by="ann")

    assert office.path(order)[-1] == "OrderCancelled"
    assert "card charged" not in ledger("order-fulfilment")
    assert ledger("order-fulfilment")[-2:] == ["order undone", "mail sent"]


def test_the_three_samples_share_one_engine(office):
    for name in ("employee-onboarding", "invoice-approval", "order-fulfilment"):
        office.install(name)

    office.start("employee-onboarding", NEW_HIRE, by="ben")
    office.start("invoice-approval", INVOICE, by="ben")
    office.start("order-fulfilment", ORDER, by="ben")

    assert sorted(task.element_id for task in office.tasks_of("ben")) == ["PackItem", "PackItem", "ReviewInvoice"]
    assert [task.element_id for task in office.tasks_of("ann")] == ["DecideStart"]
