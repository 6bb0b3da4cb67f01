"""What a dialect's editor wrote and nothing here reads: said, not skipped."""

from __future__ import annotations

from typing import Final

from bpmn.document import CAMUNDA, SPIFF, ZEEBE, Element, is_bpmn
from bpmn.rules.review import Review, name_of

RULE: Final = "not-honoured"


# Written by editors for themselves, or about the diagram only.
HARMLESS: Final = frozenset(
    {
        "camunda:diagramRelationId",
        "camunda:modelerTemplate",
        "camunda:modelerTemplateVersion",
        "camunda:modelerTemplateIcon",
        "camunda:isStartableInTasklist",
        "zeebe:modelerTemplate",
        "zeebe:modelerTemplateVersion",
        "zeebe:modelerTemplateIcon",
        "zeebe:modelerConfigurationTemplate",
        "zeebe:modelerConfigurationTemplateName",
        "camunda:properties",
        "zeebe:properties",
        "spiffworkflow:unitTests",
        "spiffworkflow:category",
    }
)
# Leaving these out would run something else than what is drawn.
DECISIVE: Final = {
    "camunda:variableMappingClass": "Map the variables with camunda:in and camunda:out.",
    "camunda:variableMappingDelegateExpression": "Map the variables with camunda:in and camunda:out.",
    "camunda:caseRef": "Call a process instead of a case.",
    "camunda:executionListener": "Use a task of its own instead.",
    "camunda:taskListener": "Use a task of its own instead.",
    "zeebe:executionListeners": "Use a task of its own instead.",
    "zeebe:taskListeners": "Use a task of its own instead.",
    "zeebe:adHoc": "Join the activities by sequence flows.",
    "zeebe:agentDefinition": "Declare the agent in fermata.toml under its job type.",
    "zeebe:linkedResources": "Pass what the handler needs by an input mapping.",
    "camunda:resource": "Put the text of the script into the diagram.",
    "spiffworkflow:processVariableCorrelation": "Give the message a correlation key.",
}


def check(review: Review) -> None:
    document = review.document
    prefixes = tuple(prefix for prefix in (CAMUNDA, ZEEBE, SPIFF) if prefix in document.used)
    if not prefixes:
        return
    for element in document.root.walk():
        if element.name.startswith(prefixes):
            _check_element(review, element)
        elif not is_bpmn(element):
            continue
        for attribute in element.attributes:
            if attribute.startswith(prefixes) and not element.was_read(attribute) and attribute not in HARMLESS:
                _report(review, element, attribute, f"Attribute {attribute} of {element.name} '{name_of(element)}'")


def _check_element(review: Review, element: Element) -> None:
    holder = element.parent
    if not element.visited:
        # What stands inside is reported with the outermost of them.
        is_reported = holder is not None and holder.name.startswith((CAMUNDA, ZEEBE, SPIFF)) and not holder.visited
        if element.name not in HARMLESS and not is_reported:
            owner = next((a for a in element.ancestors() if is_bpmn(a) and a.name != "extensionElements"), element)
            _report(review, element, element.name, f"{element.name} of {owner.name} '{name_of(owner)}'")
        return
    for attribute in element.attributes:
        if not element.was_read(attribute) and not attribute.startswith("{") and attribute != "id":
            _report(review, element, attribute, f"Attribute {attribute} of {element.name}")


def _report(review: Review, element: Element, name: str, what: str) -> None:
    if name in DECISIVE:
        review.error(RULE, element, f"{what} is not honoured, and the process would run otherwise. {DECISIVE[name]}")
    else:
        review.warning(RULE, element, f"{what} is not honoured. Remove it, or do without what it says.")
