"""What the invoice process does in other systems: paying, archiving, writing to suppliers."""

import re
from decimal import Decimal
from typing import Any
from zlib import crc32

from engine import BpmnError, Job, handler

from .ledger import once


@handler("payInvoice")
def pay_invoice(job: Job) -> dict[str, Any]:
    """Transfers the amount. Raises PAYMENT_REFUSED for an account that cannot exist."""
    account = re.sub(r"\s", "", job.variables.get("iban") or "").upper()
    if not _is_iban(account):
        raise BpmnError("PAYMENT_REFUSED", f"The bank knows no account {account or 'without a number'}.")
    amount = Decimal(str(job.variables["amount"]))
    payment = f"T-{crc32(job.instance_id.encode()) % 1_000_000:06}"
    once(job.idempotency_key, "invoice paid", payment=payment, to=account, amount=f"{amount:.2f}")
    return {"payment": payment}


@handler("archive-invoice", retries=5)
def archive_invoice(job: Job) -> dict[str, Any]:
    """Files the invoice with who decided it: the risk table alone, or a person."""
    number = f"A-{crc32(job.instance_id.encode()) % 1_000_000:06}"
    decided_by = "a person" if job.variables.get("decision") else "the risk table"
    once(job.idempotency_key, "invoice archived", number=number, invoice=job.variables["invoiceNumber"], by=decided_by)
    return {"archiveNumber": number}


@handler("informSupplier")
def inform_supplier(job: Job) -> None:
    reason = job.variables.get("comment") or job.variables.get("note") or "It does not match an order of ours."
    text = f"We cannot pay invoice {job.variables['invoiceNumber']}. {reason}"
    once(job.idempotency_key, "letter sent", to=job.variables["supplier"], text=text)


def _is_iban(account: str) -> bool:
    """Whether the check number fits (ISO 13616: modulo 97 it is 1)."""
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", account):
        return False
    return int("".join(str(int(character, 36)) for character in account[4:] + account[:4])) % 97 == 1
