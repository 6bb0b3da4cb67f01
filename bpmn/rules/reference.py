"""A reference names an element of this file of the right kind (8.4, 10.5)."""

from __future__ import annotations

from typing import Final

from bpmn.document import Element
from bpmn.rules.review import ACTIVITIES, NODES, Review, name_of

RULE: Final = "reference"


_MESSAGES: Final = ("message",)
_DATA: Final = ("dataInput", "dataOutput", "dataObject", "dataObjectReference", "dataStoreReference", "property")
# (element, attribute) -> what it may name
_ATTRIBUTES: Final = {
    ("messageEventDefinition", "messageRef"): _MESSAGES,
    ("sendTask", "messageRef"): _MESSAGES,
    ("receiveTask", "messageRef"): _MESSAGES,
    ("messageFlow", "messageRef"): _MESSAGES,
    ("correlationPropertyRetrievalExpression", "messageRef"): _MESSAGES,
    ("signalEventDefinition", "signalRef"): ("signal",),
    ("errorEventDefinition", "errorRef"): ("error",),
    ("escalationEventDefinition", "escalationRef"): ("escalation",),
    ("sendTask", "operationRef"): ("operation",),
    ("receiveTask", "operationRef"): ("operation",),
    ("serviceTask", "operationRef"): ("operation",),
    ("message", "itemRef"): ("itemDefinition",),
    ("dataObjectReference", "dataObjectRef"): ("dataObject",),
    ("compensateEventDefinition", "activityRef"): ACTIVITIES,
    ("process", "definitionalCollaborationRef"): ("collaboration",),
}
# child element -> (its parents, what it may name)
_CHILDREN: Final = {
    "interfaceRef": (("participant",), ("interface",)),
    "participantRef": (("partnerEntity", "partnerRole"), ("participant",)),
    "inMessageRef": (("operation",), _MESSAGES),
    "outMessageRef": (("operation",), _MESSAGES),
    "errorRef": (("operation",), ("error",)),
    "operationRef": (("messageEventDefinition",), ("operation",)),
    "dataInputRefs": (("inputSet",), ("dataInput",)),
    "dataOutputRefs": (("outputSet",), ("dataOutput",)),
    "sourceRef": (("dataInputAssociation", "dataOutputAssociation"), _DATA),
    "targetRef": (("dataInputAssociation", "dataOutputAssociation"), _DATA),
    "source": (("linkEventDefinition",), ("linkEventDefinition",)),
    "target": (("linkEventDefinition",), ("linkEventDefinition",)),
    "correlationPropertyRef": (("correlationKey",), ("correlationProperty",)),
    "flowNodeRef": (("lane",), NODES),
}
# Without these the engine could not do what is drawn; a dangling one of the others does no harm.
_NEEDED: Final = ("messageRef", "signalRef", "errorRef", "escalationRef")


def check(review: Review) -> None:
    for (name, attribute), kinds in _ATTRIBUTES.items():
        for element in review.document.all(name):
            reference = element.get(attribute)
            if reference:
                _check(review, element, attribute, reference, kinds)
    for name, (parents, kinds) in _CHILDREN.items():
        for element in review.document.all(name):
            if element.parent is not None and element.parent.name in parents and element.text.strip():
                _check(review, element, name, element.text.strip(), kinds)


def _check(review: Review, element: Element, attribute: str, reference: str, kinds: tuple[str, ...]) -> None:
    target = review.document.resolve(reference)
    holder = name_of(element.parent if element.name == attribute and element.parent is not None else element)
    if target is not None and target.name not in kinds:
        message = f"{attribute} of '{holder}' names a {target.name}, not a {kinds[0]}. Choose it again in the editor."
        review.error(RULE, element, message)
    elif target is None and attribute in _NEEDED:
        message = (
            f"{attribute} of '{holder}' names '{reference}', which this file does not define. "
            "Define it or choose another."
        )
        review.error(RULE, element, message)
    elif target is None:
        message = f"{attribute} of '{holder}' names '{reference}', which this file does not define."
        review.warning(RULE, element, message)
