"""No run waits for ever at a gateway for a token that cannot come any more (13.4.1, 13.4.3)."""

from __future__ import annotations

from typing import Final

from bpmn.rules.review import Review, name_of, names_of_flows

RULE: Final = "deadlock"


def check(review: Review) -> None:
    for judgement in review.judgements:
        for node_id, come in judgement.stuck.items():
            gateway = review.document.by_id.get(node_id)
            if gateway is None:
                continue
            missing = [flow for flow in judgement.scope.nodes[node_id].incoming if flow not in come]
            message = (
                f"A run can wait for ever at {gateway.name} '{name_of(gateway)}': a token has come "
                f"{names_of_flows(judgement.scope, come)}, and none can come "
                f"{names_of_flows(judgement.scope, missing)} any more. "
                "Join paths by the kind of gateway that split them."
            )
            review.warning(RULE, gateway, message)
