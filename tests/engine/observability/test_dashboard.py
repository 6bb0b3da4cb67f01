"""The Grafana dashboard asks for metrics that exist, and the page of the docs names them all."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

from engine.engine import Engine
from engine.observability.metrics import Metrics
from engine.observability.state import EngineState

DOCS = Path(__file__).resolve().parents[3] / "docs"
_PARTS = ("_bucket", "_sum", "_count", "_total")


def metrics_that_exist() -> dict[str, set[str]]:
    """Their names without suffixes, with their labels where the process counts."""
    counted = {
        name: set(collector._labelnames)
        for collector, names in Metrics().registry._collector_to_names.items()
        for name in names
    }
    with Engine("sqlite://") as engine:
        for family in EngineState(engine).collect():
            labels = {label for sample in family.samples for label in sample.labels}
            counted[family.name] = labels | set(getattr(family, "_labelnames", ()))  # also where it has no samples yet
    return {_plain(name): labels for name, labels in counted.items()}


def _plain(name: str) -> str:
    return next((name.removesuffix(part) for part in _PARTS if name.endswith(part)), name).removesuffix("_created")


def queries() -> list[str]:
    board = json.loads((DOCS / "grafana" / "fermata.json").read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    return asked + [each["query"]["query"] for each in board["templating"]["list"] if each["type"] == "query"]


def test_each_metric_that_the_dashboard_asks_for_exists() -> None:
    asked = {_plain(name) for query in queries() for name in re.findall(r"fermata_\w+", query)}
    assert asked
    assert asked - metrics_that_exist().keys() == set()


def test_each_metric_is_on_the_dashboard_with_labels_that_it_has() -> None:
    known = metrics_that_exist()
    asked = {_plain(name) for query in queries() for name in re.findall(r"fermata_\w+", query)}
    assert known.keys() - asked == set()
    for query in queries():
        for by in re.findall(r"by \(([\w, ]+)\)", query):
            (name,) = {_plain(name) for name in re.findall(r"fermata_\w+", query)}
            assert set(by.split(", ")) - {"le"} <= known[name], query


def test_the_file_is_what_its_description_makes() -> None:
    source = DOCS / "grafana" / "dashboard.py"
    spec = importlib.util.spec_from_file_location("grafana_dashboard", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
        assert json.loads((DOCS / "grafana" / "fermata.json").read_text()) == module.dashboard()
    finally:
        del sys.modules[spec.name]


def test_the_page_lists_each_metric_and_no_other() -> None:
    listed = {_plain(name) for name in re.findall(r"`(fermata_\w+)`", (DOCS / "observability.md").read_text())}
    assert listed == metrics_that_exist().keys()
