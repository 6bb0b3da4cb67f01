"""Correlation of one message event: the key that it waits for, and what a conversation's first message says (8.4.2).

Where the process binds nothing to a key, the first message of the conversation, received or sent, sets it for the
instance; the later ones must agree.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from bpmn.correlation import CorrelationProperty
from bpmn.model import EventDefinition
from engine.interpreter.compiling import Compiler, Evaluate, EvaluateOver, text_of
from engine.interpreter.errors import ActivityFailed

if TYPE_CHECKING:
    from engine.interpreter.token import Token

_CONVERSATIONS = "conversations"


@dataclass(frozen=True, slots=True)
class _Property:
    id: str
    retrieve: EvaluateOver
    bound: Evaluate | None


class Correlation:
    def __init__(self, compiler: Compiler, event: EventDefinition) -> None:
        self._keys = tuple((key.id, tuple(_compiled(each, compiler) for each in key.properties)) for key in event.keys)

    def awaited(self, token: Token) -> str | None:
        """What a message must agree in: the first key that the process binds or its conversation has."""
        for key, properties in self._keys:
            known = _known(token, key)
            values = {each.id: _bound(each, token) or known.get(each.id) for each in properties}
            if all(value is not None for value in values.values()):
                return compound(values)
        return None

    def sent(self, token: Token, payload: Mapping[str, Any]) -> str | None:
        """The key of a message that goes out; what it does not carry is taken from the sender's variables."""
        for key, properties in self._keys:
            known = _known(token, key)
            found = _retrieved(token, properties, ChainMap(dict(payload), dict(token.variables)))
            values = {each.id: found.get(each.id) or _bound(each, token) or known.get(each.id) for each in properties}
            if all(value is not None for value in values.values()):
                self._keep(token, key, values)
                return compound(values)
        return None

    def learn(self, token: Token, payload: Mapping[str, Any]) -> None:
        """A message has come: it sets the keys that the instance does not have yet."""
        for key, properties in self._keys:
            self._keep(token, key, _retrieved(token, properties, payload))

    def _keep(self, token: Token, key: str, values: Mapping[str, str | None]) -> None:
        """What waits for any message of the conversation waits for one of this key from now on."""
        workflow = token.workflow
        known = workflow.root.memory.setdefault(_CONVERSATIONS, {}).setdefault(key, {})
        fresh = {id: value for id, value in values.items() if value is not None and id not in known}
        if not fresh:
            return
        known.update(fresh)
        workflow.touch(workflow.root)
        for each in [each for each in workflow.tasks.values() if each.memory.get("waits") == "message"]:
            each.spec.catch_of(each).renew(each)


def compound(properties: Mapping[str, str | None]) -> str:
    """A key as one text. It names the properties, so that the same value of another one is another key:
    {"order":"17"}."""
    return orjson.dumps(dict(properties), option=orjson.OPT_SORT_KEYS).decode()


def _compiled(property: CorrelationProperty, compiler: Compiler) -> _Property:
    return _Property(property.id, compiler.over(property.retrieval), compiler.optional(property.binding))


def _known(token: Token, key: str) -> Mapping[str, str]:
    return token.workflow.root.memory.get(_CONVERSATIONS, {}).get(key, {})


def _bound(property: _Property, token: Token) -> str | None:
    if property.bound is None:
        return None
    text = text_of(property.bound(token))
    if text is None:
        message = f"The correlation property '{property.id}' is null in the process: no message could be told by it."
        raise ActivityFailed("expression", message, token.spec.node.line)
    return text


def _retrieved(token: Token, properties: tuple[_Property, ...], payload: Mapping[str, Any]) -> dict[str, str | None]:
    """What a message has of the properties; a message need not have all of them."""
    found: dict[str, str | None] = {}
    for each in properties:
        try:
            found[each.id] = text_of(each.retrieve(payload, token.workflow.now))
        except ActivityFailed:
            found[each.id] = None
    return found
