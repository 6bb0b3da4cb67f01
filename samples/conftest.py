"""The samples' scenarios under pytest: offline, and away from the var/ in which the samples themselves run."""

from __future__ import annotations

import os
from contextlib import ExitStack, chdir
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

_surroundings = ExitStack()


def pytest_runtest_setup(item: Any) -> None:
    _surroundings.enter_context(chdir(_surroundings.enter_context(TemporaryDirectory())))
    _surroundings.enter_context(patch.dict(os.environ, {"FERMATA_OFFLINE": "1"}))


def pytest_runtest_teardown(item: Any) -> None:
    _surroundings.close()
