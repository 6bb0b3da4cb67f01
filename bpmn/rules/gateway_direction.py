"""A gateway joins or splits, as its gatewayDirection says (8.4.9, 10.6.1)."""

from __future__ import annotations

from typing import Final

from bpmn.rules.review import GATEWAYS, Review, name_of

RULE: Final = "gateway-direction"


def check(review: Review) -> None:
    for gateway in review.document.all(*GATEWAYS):
        incoming, outgoing = len(review.incoming(gateway)), len(review.outgoing(gateway))
        if not incoming and not outgoing:
            message = f"Gateway '{name_of(gateway)}' is joined to nothing. Join it or remove it."
            review.error(RULE, gateway, message)
        elif incoming < 2 and outgoing < 2:
            message = f"Gateway '{name_of(gateway)}' neither splits nor joins. Remove it, or draw the other paths."
            review.strict(RULE, gateway, message)
        elif _contradicts(gateway.get("gatewayDirection"), incoming, outgoing):
            message = (
                f"Gateway '{name_of(gateway)}' is said to be {gateway.get('gatewayDirection')}, "
                f"but has {incoming} incoming "
                f"and {outgoing} outgoing sequence flows. Correct the flows or the gatewayDirection."
            )
            review.error(RULE, gateway, message)


def _contradicts(direction: str, incoming: int, outgoing: int) -> bool:
    match direction:
        case "Converging":
            return outgoing > 1
        case "Diverging":
            return incoming > 1
        case "Mixed":
            return incoming < 2 or outgoing < 2
        case _:
            return False
