"""What the order process does in the shop's other systems: payment, stock, carrier, mail."""

from typing import Any
from zlib import crc32

from engine import BpmnError, Job, handler

from .ledger import once

PRICES = {"lamp": 49, "chair": 120, "table": 380, "rug": 210, "shelf": 95}
STOCK = {"lamp": 40, "chair": 24, "table": 3, "rug": 0, "shelf": 12}
BINS = {"lamp": "A-03", "chair": "C-11", "table": "C-14", "rug": "D-01", "shelf": "B-07"}


@handler("charge-customer")
def charge_customer(job: Job) -> dict[str, Any]:
    """Charges the card. Raises PAYMENT_DECLINED for a token that ends in 0000."""
    total = sum(PRICES.get(line["sku"], 0) * line["quantity"] for line in job.variables["orderLines"])
    if str(job.variables["cardToken"]).endswith("0000"):
        raise BpmnError("PAYMENT_DECLINED", variables={"reason": "the bank declined the payment"})
    receipt = _number("R", job)
    once(job.idempotency_key, "card charged", receipt=receipt, total=int(total))
    return {"receipt": receipt, "total": total}


@handler("reserve-stock")
def reserve_stock(job: Job) -> dict[str, Any]:
    """Sets all lines aside. Raises OUT_OF_STOCK when one of them is not there in full."""
    lines = job.variables["orderLines"]
    for line in lines:
        if line["quantity"] > STOCK.get(line["sku"], 0):
            raise BpmnError("OUT_OF_STOCK", variables={"reason": f"we do not have {line['quantity']} {line['sku']}"})
    reservation = _number("S", job)
    once(job.idempotency_key, "stock reserved", reservation=reservation, lines=[_plain(line) for line in lines])
    return {"reservation": reservation}


@handler("undo-reservations", retries=5)
def undo_reservations(job: Job) -> None:
    """Pays back and puts back whatever had been done when the order failed."""
    once(
        job.idempotency_key,
        "order undone",
        refunded=job.variables.get("receipt"),
        released=job.variables.get("reservation"),
    )


@handler("pick-item")
def pick_item(job: Job) -> dict[str, Any]:
    line = job.variables["line"]
    place = BINS.get(line["sku"], "counter")
    once(job.idempotency_key, "item picked", bin=place, **_plain(line))
    return {"bin": place}


@handler("book-carrier")
def book_carrier(job: Job) -> dict[str, Any]:
    tracking_number = _number("TR", job)
    weight = sum(float(parcel["weight"] or 0) for parcel in job.variables["parcels"])
    once(job.idempotency_key, "carrier booked", tracking=tracking_number, weight=round(weight, 1))
    return {"trackingNumber": tracking_number}


@handler("refund-customer", retries=5)
def refund_customer(job: Job) -> None:
    once(job.idempotency_key, "customer refunded", receipt=job.variables.get("receipt"))


@handler("send-order-mail")
def send_mail(job: Job) -> None:
    once(job.idempotency_key, "mail sent", to=job.variables["recipient"], text=job.variables["message"])


def _number(letter: str, job: Job) -> str:
    """The same for every repeat of the job, as all that a handler draws must be."""
    return f"{letter}-{crc32(job.idempotency_key.encode()) % 1_000_000:06}"


def _plain(line: dict[str, Any]) -> dict[str, Any]:
    return {"sku": line["sku"], "quantity": int(line["quantity"])}
