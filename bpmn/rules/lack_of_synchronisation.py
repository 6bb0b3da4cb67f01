"""Paths that run side by side are joined before what shall happen once (13.2.1, 13.4.1)."""

from __future__ import annotations

from typing import Final

from bpmn.rules.review import Review, name_of, names_of_flows

RULE: Final = "lack-of-synchronisation"


def check(review: Review) -> None:
    for judgement in review.judgements:
        for node_id, come in judgement.doubled.items():
            node = review.document.by_id.get(node_id)
            if node is None:
                continue
            message = (
                f"'{name_of(node)}' and what follows can happen {len(come)} times in one run: tokens come "
                f"{names_of_flows(judgement.scope, come)}, by paths that run side by side, and nothing waits for both. "
                "Join them with a parallel or inclusive gateway, or let one of them end by itself."
            )
            review.warning(RULE, node, message)
