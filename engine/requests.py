"""Requests from outside that may be sent twice: what came of the first is written down in its own commit."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson

from engine.clock import Clock
from engine.errors import Conflict, InvalidInput, NotFound
from engine.road import WITNESS
from engine.store import tokens
from engine.store.codec import check_key
from engine.store.transaction import Store
from engine.store.types import Connection

KEPT = timedelta(days=1)
_SWEEP_EVERY = 600.0  # seconds


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was said of the first of equal requests: what its caller needs to answer again."""

    body: Mapping[str, Any]


class Repeated(Conflict):
    """Another one with the same key has just been done."""


class Requests:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._swept_at = 0.0

    def once(
        self,
        owner: str,
        key: str,
        content: bytes,
        act: Callable[[], None],
        receipt: Callable[[Any], Mapping[str, Any]],
    ) -> Receipt | None:
        """Calls *act*, which takes the road, unless a request of this *owner* with this *key* has been done: then the
        first one's receipt. *receipt*: makes it of what the transaction gave.

        Raises InvalidInput where the *content* was another one.
        """
        check_key(key, "key of a request")
        fingerprint = hashlib.sha256(content).hexdigest()
        self._sweep()
        if (found := self._found(owner, key, fingerprint)) is not None:
            return found

        def witness(connection: Connection, result: Any) -> None:
            body, now = orjson.dumps(receipt(result)).decode(), self._clock.now()
            if not tokens.keep_request(connection, owner, key, fingerprint, now, 0, body, kept_since=now - KEPT):
                raise Repeated(f"A request with the key '{key}' has just been done.")

        before = WITNESS.set(witness)
        try:
            act()
        except (NotFound, Conflict):  # of what is no longer possible, as the first one has just done it
            if (found := self._found(owner, key, fingerprint)) is None:
                raise
            return found
        finally:
            WITNESS.reset(before)
        return None

    def _found(self, owner: str, key: str, fingerprint: str) -> Receipt | None:
        with self._store.reading() as connection:
            row = tokens.find_request(connection, owner, key)
        if row is None or row.begun_at < self._clock.now() - KEPT:
            return None
        if row.fingerprint != fingerprint:
            raise InvalidInput(f"The key '{key}' was used for another request. Give each request a key of its own.")
        return Receipt(orjson.loads(row.body))

    def _sweep(self) -> None:
        if time.monotonic() - self._swept_at < _SWEEP_EVERY:
            return
        self._swept_at = time.monotonic()
        with self._store.writing() as connection:
            tokens.forget_requests(connection, self._clock.now() - KEPT)
