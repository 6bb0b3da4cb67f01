"""Makes the pictures of the running product for the README: docs/images/{instance,task,agent,home}.png.

python tests/browser/screenshots.py [OUTPUT-FOLDER]
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Page, sync_playwright  # noqa: E402

from tests.browser.house import NEW_HIRE, House, serving  # noqa: E402

SIZE: Any = {"width": 1440, "height": 900}
LARGEST = 200_000  # bytes


def main() -> int:
    output = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "docs" / "images").resolve()
    output.mkdir(parents=True, exist_ok=True)
    browser_path = os.environ.get("FERMATA_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as house, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        tell(house)
        page = browser.new_page(base_url=house.address, viewport=SIZE, color_scheme="light")
        log_in(page, "ann", house.passwords["ann"])
        pictures = addresses(house)
        for name, address in pictures.items():
            page.goto(address)
            if page.locator("[data-diagram]").count():
                page.locator("[data-diagram][data-state=drawn]").wait_for()
            page.screenshot(path=output / f"{name}.png")
            print(f"{name}.png {(output / f'{name}.png').stat().st_size:,} bytes")
        browser.close()
    return 1 if any((output / f"{name}.png").stat().st_size > LARGEST for name in pictures) else 0


def tell(house: House) -> None:
    """A morning at the office: three hires, an invoice and an order under way."""
    engine = house.engine
    people: list[dict[str, Any]] = [
        {},
        {"fullName": "Mikko Salo", "email": "mikko@example.com", "department": "sales"},
        {"fullName": "Inés Duarte", "email": "ines@example.com", "department": "finance"},
    ]
    for number, person in enumerate(people, 11):
        key = f"HIRE-2026-{number}"
        instance = engine.start("employee-onboarding", business_key=key, variables=NEW_HIRE | person, by="ben")
        [task] = house.wait_for_tasks(instance.id)
        if not person:
            engine.claim(task.id, "ann")


def tasks(house: House) -> tuple[Any, ...]:
    return house.engine.read.tasks(scope="all").items


def addresses(house: House) -> dict[str, str]:
    mine = next(one for one in tasks(house) if one.assignee == "ann")
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
