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
        "zeebe:retryCounter",
        "spiffworkflow:unitTests",
        "spiffworkflow:category",
        "spiffworkflow:guestConfirmation",
        "spiffworkflow:isOutputSynced",
        "spiffworkflow:isMatchingCorrelation",
        "spiffworkflow:jsonSchemaId",
    }
)
# With one of these texts an element says no more than it would by not being there.
_SAYING_NOTHING: Final = {"spiffworkflow:allowGuest": ("", "false", "0")}
_TENANT: Final = "There are no tenants here: remove it."
# Leaving these out would run something else than what is drawn.
DECISIVE: Final = {
    "camunda:variableMappingClass": "Map the variables with camunda:in and camunda:out.",
    "camunda:variableMappingDelegateExpression": "Map the variables with camunda:in and camunda:out.",
    "camunda:caseRef": "Call a process instead of a case.",
    "camunda:caseBinding": "Call a process instead of a case.",
    "camunda:caseVersion": "Call a process instead of a case.",
    "camunda:caseTenantId": "Call a process instead of a case.",
    "camunda:calledElementTenantId": _TENANT,
    "camunda:decisionRefTenantId": _TENANT,
    "camunda:formHandlerClass": "Describe the form by its fields, or deploy a form of form-js.",
    "businessKey": "Only a call activity hands a business key on: send it as a variable.",
    "camunda:executionListener": "Use a task of its own instead.",
    "camunda:taskListener": "Use a task of its own instead.",
    "zeebe:executionListeners": "Use a task of its own instead.",
    "zeebe:taskListeners": "Use a task of its own instead.",
    "zeebe:agentDefinition": "Declare the agent in fermata.toml under its job type.",
    "zeebe:linkedResources": "Pass what the handler needs by an input mapping.",
    "camunda:resource": "Put the text of the script into the diagram.",
    "spiffworkflow:processVariableCorrelation": "Give the message a correlation key.",
    "spiffworkflow:allowGuest": "Everybody logs in here: remove it, and name who may do the task.",
    "spiffworkflow:signalButtonLabel": "Pages have no button for it: remove the label, send the signal otherwise.",
    "spiffworkflow:taskMetadataValues": "Tasks carry no metadata here: remove it, or use variables.",
    "spiffworkflow:processModelToStartOnTaskAvailable": "Draw a call activity or send a message instead.",
}
# What is read, and honoured but for these values.
REFUSED_VALUES: Final = {
    ("zeebe:property", "name", "inbound.type"): (
        "No connector is listening here. Remove its template, and let whoever has the event send the message."
    ),
}


def is_harmless(element: Element) -> bool:
    return element.name in HARMLESS or element.text.strip() in _SAYING_NOTHING.get(element.name, ())


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
        if not is_harmless(element) and not is_reported:
            owner = next((a for a in element.ancestors() if is_bpmn(a) and a.name != "extensionElements"), element)
            _report(review, element, element.name, f"{element.name} of {owner.name} '{name_of(owner)}'")
        return
    for attribute, value in element.attributes.items():
        if (remedy := REFUSED_VALUES.get((element.name, attribute, value))) is not None:
            review.error(RULE, element, f"{element.name} {attribute}='{value}' is not honoured. {remedy}")
        elif not element.was_read(attribute) and not attribute.startswith("{") and attribute != "id":
            _report(review, element, attribute, f"Attribute {attribute} of {element.name}")


def _report(review: Review, element: Element, name: str, what: str) -> None:
    if name in DECISIVE:
        review.error(RULE, element, f"{what} is not honoured, and the process would run otherwise. {DECISIVE[name]}")
    else:
        review.warning(RULE, element, f"{what} is not honoured. Remove it, or do without what it says.")
