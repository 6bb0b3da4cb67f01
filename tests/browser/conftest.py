from __future__ import annotations

import pytest

from tests.browser.house import serving
from webapp.static_files import has_built_assets

PATIENCE = 120_000  # milliseconds
WIDE = {"width": 1440, "height": 900}


@pytest.fixture(scope="session")
def house(tmp_path_factory):
    """The product with its samples. Each test starts instances of its own."""
    with serving(tmp_path_factory.mktemp("house")) as running:
        yield running


@pytest.fixture(scope="session")
def chromium(chromium_path):
    if not has_built_assets():
        pytest.fail("The web assets are not built. Run: python webapp/assets/build.py", pytrace=False)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"], timeout=PATIENCE)
        yield browser
        browser.close()


def _is_complaint(message):
    """Errors, but for the browser's own remark on a refused form."""
    return message.type == "error" and "status of 422" not in message.text


@pytest.fixture
def log_in(chromium, house):
    """log_in("ann") opens a browser window of her own; no page of it may complain on the console."""
    complaints: list[str] = []
    contexts = []

    def enter(name, **options):
        context = chromium.new_context(base_url=house.address, **{"viewport": WIDE, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: _is_complaint(message) and complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto("/log-in")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(house.passwords[name])
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("heading", name="Overview").wait_for()
        return page

    yield enter
    for context in contexts:
        context.close()
    assert complaints == []
