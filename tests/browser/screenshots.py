"""Makes the pictures of the running product for the README: docs/images/{instance,task,agent,home}.png.

python tests/browser/screenshots.py [OUTPUT-FOLDER]
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Page, sync_playwright  # noqa: E402

from tests.browser.house import NEW_HIRE, House, serving  # noqa: E402

SIZE: Any = {"width": 1280, "height": 860}
LARGEST = 200_000  # bytes
INVOICE = {
    "invoiceNumber": "RE-1002",
    "supplier": "Machines Ltd",
    "supplierStatus": "known",
    "iban": "GB29 NWBK 6016 1331 9268 19",
    "amount": 4200,
    "purpose": "spare parts",
    "hasOrder": True,
}
ORDER = {"orderId": "ORD-5512", "email": "ina@example.com", "items": "2 lamp, 1 chair", "cardToken": "tok_4111"}


class Morning:
    """The system's clock, put back by hours that pass while the story is told."""

    def __init__(self, hours: float) -> None:
        self._back = timedelta(hours=hours)

    def now(self) -> datetime:
        return datetime.now(UTC) - self._back

    def let_pass(self, minutes: float) -> None:
        self._back = max(timedelta(0), self._back - timedelta(minutes=minutes))


def main() -> int:
    output = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "docs" / "images").resolve()
    output.mkdir(parents=True, exist_ok=True)
    browser_path = os.environ.get("FERMATA_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    clock = Morning(hours=3)
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder), clock) as house,
        sync_playwright() as playwright,
    ):
        tell(house, clock)
        # Without coloured edges of letters the files are a third smaller.
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-lcd-text"])
        page = browser.new_page(base_url=house.address, viewport=SIZE, color_scheme="light")
        log_in(page, "ann", house.passwords["ann"])
        sizes = [picture(page, address, output / f"{name}.png") for name, address in addresses(house).items()]
        browser.close()
    return 1 if max(sizes) > LARGEST else 0


def picture(page: Page, address: str, file: Path) -> int:
    """Saves what a window at *address* shows; the size in bytes."""
    page.goto(address)
    if page.locator("[data-diagram]").count():
        page.locator("[data-diagram][data-state=drawn]").wait_for()
    page.screenshot(path=file)
    size = file.stat().st_size
    print(f"{file.name} {size:,} bytes")
    return size


def tell(house: House, clock: Morning) -> None:
    """A morning at the office: hires, an invoice and an order under way."""
    engine = house.engine
    for number, name in enumerate(("Adaeze Okonkwo", "Mikko Salo", "Inés Duarte"), 11):
        variables = NEW_HIRE | {"fullName": name}
        hire = engine.start("employee-onboarding", business_key=f"HIRE-2026-{number}", variables=variables, by="ben")
        [decision] = house.wait_for_tasks(hire.id)
        if number == 11:
            engine.claim(decision.id, "ann")
        clock.let_pass(minutes=40)
    invoice = engine.start("invoice-approval", business_key="RE-1002", variables=INVOICE, by="ben")
    [review] = house.wait_for_tasks(invoice.id)
    engine.claim(review.id, "ben")
    clock.let_pass(minutes=25)
    engine.complete(review.id, {"plausible": True, "costCentre": "4711", "note": "delivered in full"}, by="ben")
    house.wait_for_tasks(invoice.id)
    order = engine.start("order-fulfilment", business_key="ORD-5512", variables=ORDER, by="ben")
    house.wait_for_tasks(order.id)
    clock.let_pass(minutes=600)


def addresses(house: House) -> dict[str, str]:
    mine = next(one for one in house.engine.read.tasks().items if one.assignee == "ann")
    history = house.engine.read.history(mine.instance_id)
    agent = next(one for one in history.activities if one.element_id == "ChooseEquipment")
    here = f"/instances/{mine.instance_id}"
    return {
        "instance": here,
        "task": f"/tasks/{mine.id}",
        "agent": f"{here}/activities/{agent.activity_id}",
        "home": "/",
    }


def log_in(page: Page, name: str, password: str) -> None:
    page.goto("/log-in")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Overview").wait_for()


if __name__ == "__main__":
    sys.exit(main())
