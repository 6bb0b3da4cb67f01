"""The samples' scenarios under pytest: offline, and away from the var/ in which the samples themselves run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import chdir
from tempfile import TemporaryDirectory
from typing import Any

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[Any]:
    with TemporaryDirectory() as folder, chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.setenv("FERMATA_OFFLINE", "1")
        return (yield)
