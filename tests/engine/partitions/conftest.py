"""An engine whose instances are kept for different times, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine import partitions as keeper
from engine.engine import Engine
from engine.model import Resource
from tests.engine.partitions.rows import CALLER, DIAGRAM, KEPT


@pytest.fixture
def engine(open_engine: Callable[[], Engine]) -> Engine:
    """With *brief*, kept for 30 days, *long*, kept for years, and *caller*, which calls a brief one."""
    engine = open_engine()
    processes = KEPT.format(key="brief", ttl="30") + KEPT.format(key="long", ttl="P9Y") + CALLER
    engine.deploy(Resource("kept.bpmn", DIAGRAM.format(processes=processes).encode()))
    engine.cleanup()
    return engine


@pytest.fixture
def all_is_large(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a database of many gigabytes, from now on."""
    monkeypatch.setattr(keeper, "LARGE", 0)
    monkeypatch.setattr(keeper, "SMALL", 0)
