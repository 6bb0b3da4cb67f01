"""The rules a diagram must keep, one file each.

A rule module has `RULE`, the name its findings carry, and `check(review)`. It is found by being in this
folder; its line in docs/validation.md says what, why and remedy.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Final, Protocol, cast

from bpmn.document import Document
from bpmn.findings import Report
from bpmn.model import Definitions
from bpmn.rules.review import Review


class Rule(Protocol):
    RULE: str

    def check(self, review: Review) -> None: ...


def check(document: Document, definitions: Definitions, report: Report) -> None:
    """Run every rule."""
    review = Review(document, definitions, report)
    for rule in RULES:
        rule.check(review)


def _discover() -> tuple[Rule, ...]:
    modules = (import_module(f"{__name__}.{info.name}") for info in iter_modules(__path__))
    return tuple(cast(Rule, module) for module in modules if hasattr(module, "RULE"))


RULES: Final = _discover()
