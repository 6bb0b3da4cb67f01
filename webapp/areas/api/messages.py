"""Messages and signals from outside."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from engine.model import Correlation, Publication
from engine.tokens import Scope
from webapp.areas.api.operation import Answer, Call, operation
from webapp.areas.api.repeating import once
from webapp.areas.api.values import variables_from_json
from webapp.areas.api.work_records import Correlated, CorrelateMessage, Published, PublishMessage, SendSignal, Signalled
from webapp.context import the_engine

_TAG = "Messages and signals"


@operation(
    "POST",
    "/messages/correlate",
    tag=_TAG,
    scope=Scope.MESSAGES,
    body=CorrelateMessage,
    answers={200: Correlated},
    is_repeatable=True,
)
def correlate_message(call: Call) -> Answer:
    """Hand a message to the one instance that waits for it, else to a message start event.

    404 where nobody waits, 409 where several do and `to_all` is not set.
    """
    call.rights.require(Scope.MESSAGES)
    body: CorrelateMessage = call.body
    variables, keys = variables_from_json(body.variables), variables_from_json(body.correlation_keys)

    def correlate() -> Correlation:
        return the_engine().correlate(
            body.name,
            correlation_key=body.correlation_key,
            business_key=body.business_key,
            correlation_keys=keys,
            variables=variables,
            by=call.by,
            instance_id=body.instance_id,
            all=body.to_all,
        )

    def answer(told: Mapping[str, Any]) -> Answer:
        return Answer(200, Correlated.model_validate(told))

    return once(call, correlate, _correlation, answer)


@operation(
    "POST",
    "/messages/publish",
    tag=_TAG,
    scope=Scope.MESSAGES,
    body=PublishMessage,
    answers={200: Published},
    is_repeatable=True,
)
def publish_message(call: Call) -> Answer:
    """Publish a message: received by one that waits or starts by it, or kept until its time to live has passed."""
    call.rights.require(Scope.MESSAGES)
    body: PublishMessage = call.body
    variables = variables_from_json(body.variables)

    def publish() -> Publication:
        return the_engine().publish(
            body.name,
            correlation_key=body.correlation_key,
            variables=variables,
            ttl=timedelta(seconds=body.ttl_seconds),
            message_id=body.message_id,
            by=call.by,
        )

    def answer(told: Mapping[str, Any]) -> Answer:
        return Answer(200, Published.model_validate(told))

    return once(call, publish, _publication, answer)


@operation(
    "POST",
    "/signals",
    tag=_TAG,
    scope=Scope.MESSAGES,
    body=SendSignal,
    answers={200: Signalled},
    is_repeatable=True,
)
def send_signal(call: Call) -> Answer:
    """Send a signal to everything that waits for it; `receivers` counts started instances, too."""
    call.rights.require(Scope.MESSAGES)
    body: SendSignal = call.body
    variables = variables_from_json(body.variables)

    def answer(told: Mapping[str, Any]) -> Answer:
        return Answer(200, Signalled(receivers=told["receivers"]))

    return once(
        call,
        lambda: the_engine().signal(body.name, variables=variables, by=call.by),
        _signalled,
        answer,
    )


def _correlation(result: Correlation) -> dict[str, Any]:
    return {"matched": list(result.matched), "started": list(result.started), "kept": list(result.kept)}


def _publication(result: Publication) -> dict[str, Any]:
    return {"outcome": result.outcome, "id": result.id, "correlation": _correlation(result.correlation)}


def _signalled(receivers: int) -> dict[str, Any]:
    return {"receivers": receivers}
