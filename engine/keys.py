"""Correlation keys: what tells the messages of one conversation from those of another (BPMN 2.0.2, 8.4.2).

A key is one text. That of correlation properties names them, so that the same value of another property is another
key: {"order":"17"}.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from engine.interpreter.compiling import text_of
from engine.store.types import Connection

Key = str | Mapping[str, Any] | None
"""As it is given from outside: a text, or the values of correlation properties by their ids."""


def text_of_key(key: Key) -> str | None:
    if key is None or isinstance(key, str):
        return key
    return compound(key)


def compound(properties: Mapping[str, Any]) -> str:
    texts = {name: text_of(value) for name, value in properties.items()}
    return orjson.dumps(texts, option=orjson.OPT_SORT_KEYS).decode()


def keys_of(
    connection: Connection, name: str, given: str | None, payload: Mapping[str, Any], now: datetime
) -> tuple[str, ...]:
    """The keys that a message can be found by: the one it was given, else those that its payload holds."""
    return (given,) if given is not None else ()
