"""What each editor writes of its own into a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

_CAMUNDA = "http://camunda.org/schema/1.0/bpmn"
_ZEEBE = "http://camunda.org/schema/zeebe/1.0"
_MODELER = "http://camunda.org/schema/modeler/1.0"
_SPIFF = "http://spiffworkflow.org/bpmn/schema/1.0/core"


@dataclass(frozen=True)
class Dialect:
    """*name*: the stem of its files. *head*: attributes of `definitions`."""

    name: str
    title: str
    namespaces: Mapping[str, str]
    head: Mapping[str, str]
    process: Mapping[str, str] = field(default_factory=dict)

    def text(self, expression: Text) -> str:
        """*expression* as this editor's user writes it."""
        if isinstance(expression, str):
            expression = X(expression)
        match self.name:
            case "camunda7":
                return "${" + (expression.juel or expression.python) + "}"
            case "camunda8":
                return "=" + (expression.feel or expression.python)
            case _:
                return expression.python

    def formal(self, tag: str, expression: Text) -> str:
        return f'<bpmn:{tag} xsi:type="bpmn:tFormalExpression">{escape(self.text(expression))}</bpmn:{tag}>'

    def attribute(self, expression: Text) -> str:
        return quoteattr(self.text(expression))


@dataclass(frozen=True)
class X:
    """An expression that is not the same text in every language."""

    python: str
    feel: str = ""
    juel: str = ""


Text = str | X

PLAIN = Dialect("bpmn", "BPMN", {}, {"exporter": "bpmn-js (https://demo.bpmn.io)", "exporterVersion": "18.6.1"})
CAMUNDA7 = Dialect(
    "camunda7",
    "Camunda 7",
    {"camunda": _CAMUNDA, "modeler": _MODELER},
    {
        "exporter": "Camunda Modeler",
        "exporterVersion": "5.36.1",
        "modeler:executionPlatform": "Camunda Platform",
        "modeler:executionPlatformVersion": "7.23.0",
    },
    {"camunda:historyTimeToLive": "180"},
)
CAMUNDA8 = Dialect(
    "camunda8",
    "Camunda 8",
    {"zeebe": _ZEEBE, "modeler": _MODELER},
    {
        "exporter": "Camunda Modeler",
        "exporterVersion": "5.36.1",
        "modeler:executionPlatform": "Camunda Cloud",
        "modeler:executionPlatformVersion": "8.7.0",
    },
)
SPIFF = Dialect(
    "spiffworkflow",
    "SpiffWorkflow",
    {"spiffworkflow": _SPIFF},
    {"exporter": "Camunda Modeler", "exporterVersion": "3.0.0-dev"},
)
DIALECTS = {dialect.name: dialect for dialect in (PLAIN, CAMUNDA7, CAMUNDA8, SPIFF)}
