"""Correlation keys of messages from outside, and of those that were thrown: what they are given, else what their
payload holds by the rules of the diagrams that were deployed (BPMN 2.0.2, 8.4.2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson

from bpmn.model import Expression, Language, Process
from engine.evaluation import value_of
from engine.interpreter.compiling import text_of
from engine.interpreter.correlation import compound
from engine.interpreter.errors import ActivityFailed
from engine.starting import triggers_of
from engine.store.messages import rules_for
from engine.store.types import Connection

Key = str | Mapping[str, Any] | None
"""As it is given from outside: a text, or the values of correlation properties by their ids."""


def text_of_key(key: Key) -> str | None:
    if key is None or isinstance(key, str):
        return key
    return compound({id: text_of(value) for id, value in key.items()})


def keys_of(
    connection: Connection, name: str, given: str | None, payload: Mapping[str, Any], now: datetime
) -> tuple[str, ...]:
    """All that a message can be found by. One text is also the value of a property that is a key by itself."""
    rules = [_read(each) for each in rules_for(connection, name)]
    if given is not None:
        single = [next(iter(rule)) for rule in rules if len(rule) == 1]
        return tuple(dict.fromkeys((given, *(compound({id: given}) for id in single))))
    found = (_values(rule, payload, now) for rule in rules)
    return tuple(dict.fromkeys(compound(values) for values in found if values is not None))


def rule_rows(process: Process) -> list[dict[str, Any]]:
    """Rows of correlation_rule: how the messages of *process* hold the properties of their keys."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for node in process.elements.walk():
        for event in triggers_of(node):
            name = event.name.text if event.name and event.name.language is Language.LITERAL else event.ref
            for key in event.keys if name else ():
                properties = {each.id: [each.retrieval.language, each.retrieval.text] for each in key.properties}
                text = orjson.dumps(properties, option=orjson.OPT_SORT_KEYS).decode()
                digest = sha256(text.encode()).hexdigest()
                rows[str(name), digest] = {"name": name, "hash": digest, "properties": text}
    return list(rows.values())


def _read(text: str) -> dict[str, Expression]:
    return {id: Expression(Language(language), source) for id, (language, source) in orjson.loads(text).items()}


def _values(rule: Mapping[str, Expression], payload: Mapping[str, Any], now: datetime) -> dict[str, str] | None:
    """The values of a key's properties; None where the message does not have all of them."""
    values: dict[str, str] = {}
    for id, expression in rule.items():
        try:
            text = text_of(value_of(expression, payload, now))
        except ActivityFailed:
            return None
        if text is None:
            return None
        values[id] = text
    return values
