"""One adapter a dialect: each puts the dialect's own attributes and elements into the neutral model."""

from __future__ import annotations

from bpmn.dialects.base import Adapter
from bpmn.dialects.camunda import CamundaAdapter
from bpmn.dialects.spiffworkflow import SpiffAdapter
from bpmn.dialects.zeebe import ZeebeAdapter
from bpmn.document import CAMUNDA, PREFIXES, SPIFF, ZEEBE, Document
from bpmn.findings import Report

_PLATFORMS = {"camunda cloud": ZeebeAdapter, "camunda platform": CamundaAdapter}


def adapter_for(document: Document, report: Report) -> Adapter:
    """By what the editor says it drew for, or else by the extensions that occur. Only the SpiffWorkflow editor
    makes room for its extensions where none occurs."""
    platform = document.root.get("modeler:executionPlatform").lower()
    return _by_use(document, _PLATFORMS.get(platform))(document, report)


def _by_use(document: Document, said: type[Adapter] | None) -> type[Adapter]:
    if said is not None:
        return said
    for prefix, adapter in ((ZEEBE, ZeebeAdapter), (CAMUNDA, CamundaAdapter), (SPIFF, SpiffAdapter)):
        if prefix in document.used:
            return adapter
    return SpiffAdapter if SPIFF in map(PREFIXES.get, document.prefixes.values()) else Adapter
