"""What the onboarding process does in other systems, and the tools that its agents may use."""

import re
import tomllib
import unicodedata
from pathlib import Path
from typing import Any
from zlib import crc32

from engine import BpmnError, Job, handler

from .ledger import once

HERE = Path(__file__).parent
SYSTEMS = {
    "engineering": ["e-mail", "chat", "source code"],
    "sales": ["e-mail", "chat", "customer records"],
    "finance": ["e-mail", "chat", "ledgers"],
    "operations": ["e-mail", "chat", "shift plan"],
}


@handler("provision-access", retries=5)
def provision_access(job: Job) -> dict[str, Any]:
    """An account in the systems that the department works with."""
    user_name = _user_name(job.variables["fullName"])
    systems = SYSTEMS.get(job.variables.get("department", ""), ["e-mail", "chat"])
    once(job.idempotency_key, "account opened", user=user_name, systems=systems)
    return {"account": {"userName": user_name, "systems": systems}}


@handler("set-up-payroll", retries=4)
def set_up_payroll(job: Job) -> dict[str, Any]:
    """An entry in payroll. Raises BANK_ACCOUNT_REJECTED for an account that cannot exist."""
    employee = job.variables["employee"]
    account = re.sub(r"\s", "", employee.get("bankAccount") or "").upper()
    if problem := _problem_with(account):
        raise BpmnError("BANK_ACCOUNT_REJECTED", problem, {"payrollProblem": problem})
    number = f"P-{crc32(job.instance_id.encode()) % 100_000:05}"
    once(job.idempotency_key, "payroll entry made", number=number, name=employee["legalName"])
    return {"payrollNumber": number}


@handler("order-equipment")
def order_equipment(job: Job) -> dict[str, Any]:
    order = f"E-{crc32(job.instance_id.encode()) % 100_000:05}"
    skus = [item["sku"] for item in job.variables["equipment"]["items"]]
    once(job.idempotency_key, "equipment ordered", order=order, skus=skus)
    return {"equipmentOrder": order}


@handler("withdraw-access", retries=5)
def withdraw_access(job: Job) -> None:
    user_name = job.variables["account"]["userName"]
    once(job.idempotency_key, "account closed", user=user_name, order=job.variables.get("equipmentOrder"))


@handler("send-onboarding-mail")
def send_mail(job: Job) -> None:
    once(job.idempotency_key, "mail sent", to=job.variables["recipient"], text=job.variables["message"])


def find_equipment(category: str) -> list[dict[str, Any]]:
    """Everything that the catalogue offers in a category, the usual choice first, with prices in euros.

    Categories: developer laptop, light laptop, standard laptop, monitor, headset, phone, tablet.
    """
    return [
        {"sku": item["sku"], "name": item["name"], "price": item["price"]}
        for item in _table("catalogue.toml")["item"]
        if item["category"] == category.strip().lower()
    ]


def check_stock(sku: str) -> int:
    """How many pieces of an article are in stock now; 0 for one that is not in the catalogue."""
    return next((item["stock"] for item in _table("catalogue.toml")["item"] if item["sku"] == sku), 0)


def policies_for(department: str) -> list[dict[str, Any]]:
    """The onboarding policies that hold for a department, each with the evidence that it asks for."""
    return [
        {"id": policy["id"], "policy": policy["policy"], "evidence": policy["evidence"]}
        for policy in _table("policies.toml")["policy"]
        if department in policy.get("departments", [department])
    ]


def give_up(reason: str) -> None:
    """Call this when the paperwork cannot be read, and say why: a person will enter it by hand."""
    raise BpmnError("PAPERWORK_UNREADABLE", reason)


def _user_name(full_name: str) -> str:
    plain = unicodedata.normalize("NFKD", full_name).encode("ascii", "ignore").decode().lower()
    return ".".join(re.findall(r"[a-z]+", plain)) or "new.colleague"


def _problem_with(iban: str) -> str | None:
    """Why *iban* cannot be an account (ISO 13616: the number modulo 97 is 1); None where it can."""
    if not iban:
        return "No bank account is given."
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", iban):
        return f"{iban} is not written like an IBAN."
    digits = "".join(str(int(character, 36)) for character in iban[4:] + iban[:4])
    return None if int(digits) % 97 == 1 else f"{iban} has a wrong check number."


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads((HERE / name).read_text(encoding="utf-8"))
