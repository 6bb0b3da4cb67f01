"""What stands in a process is an element of BPMN 2.0 processes (10.2, 10.3): nothing is skipped unseen."""

from __future__ import annotations

from typing import Final

from bpmn.document import is_bpmn
from bpmn.rules.review import NODES, SCOPES, Review, name_of

RULE: Final = "known-elements"


CHOREOGRAPHY: Final = ("choreographyTask", "subChoreography", "callChoreography")
# Read by the reader, or without any effect on execution.
_IN_SCOPES: Final = frozenset(
    {
        *NODES,
        "sequenceFlow",
        "dataObject",
        "dataObjectReference",
        "dataStoreReference",
        "laneSet",
        "documentation",
        "extensionElements",
        "incoming",
        "outgoing",
        "textAnnotation",
        "association",
        "group",
        "ioSpecification",
        "ioBinding",
        "property",
        "dataInputAssociation",
        "dataOutputAssociation",
        "standardLoopCharacteristics",
        "multiInstanceLoopCharacteristics",
        "completionCondition",
        "resourceRole",
        "performer",
        "humanPerformer",
        "potentialOwner",
        "auditing",
        "monitoring",
        "supportedInterfaceRef",
        "supports",
        "correlationSubscription",
        "artifact",
    }
)
_AT_TOP: Final = frozenset(
    {
        "process",
        "collaboration",
        "choreography",
        "globalChoreographyTask",
        "globalConversation",
        "conversation",
        "category",
        "correlationProperty",
        "dataStore",
        "endPoint",
        "error",
        "escalation",
        "signal",
        "message",
        "interface",
        "itemDefinition",
        "resource",
        "partnerEntity",
        "partnerRole",
        "globalTask",
        "globalUserTask",
        "globalManualTask",
        "globalScriptTask",
        "globalBusinessRuleTask",
        "eventDefinition",
        "import",
        "extension",
        "relationship",
        "documentation",
        "extensionElements",
    }
)


def check(review: Review) -> None:
    for scope in review.document.all(*SCOPES):
        for child in scope.children:
            if child.name in CHOREOGRAPHY:
                message = (
                    f"'{name_of(child)}' is a {child.name}: it belongs to a choreography, not to a process. Use tasks."
                )
                review.error(RULE, child, message)
            elif is_bpmn(child) and child.name not in _IN_SCOPES:
                message = f"'{child.name}' is no element of a BPMN process and would not be executed. Remove it."
                review.error(RULE, child, message)
            elif child.name.startswith("{}"):
                message = (
                    f"'{child.name[2:]}' is in no namespace, so it is not BPMN. "
                    "Give it the prefix of BPMN or remove it."
                )
                review.error(RULE, child, message)
    for child in review.document.root.children:
        if is_bpmn(child) and child.name not in _AT_TOP and not child.name.endswith("EventDefinition"):
            review.error(
                RULE,
                child,
                f"'{child.name}' cannot stand at the top of a file (8.1). Move it into a process or remove it.",
            )
