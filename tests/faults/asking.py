"""Asks the company's web over HTTP. A request that changes something is on record before it is sent, and what came of
it as soon as that is known:

- `done`: the web said so;
- `refused`: the web said that it cannot be done (any more);
- `not done`: nobody listened, or the web said that nothing has changed since its database is away;
- `unknown`: it was sent, and no answer came in time.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from load import note

PATIENCE = 10.0
"""Seconds for an answer; longer than any fault lasts."""
HASTE = 0.005
"""Seconds for an answer where a client gives up early: then the web is still at it when it is asked again."""
AWAY = (429, 503)


class NoAnswer(Exception):
    """Of a request that changes nothing: it may be asked again."""


@dataclass(frozen=True, slots=True)
class Said:
    """*is_repetition*: the web answers what it has done before."""

    result: str
    body: Any = None
    is_repetition: bool = False

    @property
    def is_known(self) -> bool:
        return self.result in ("done", "refused")


class Web:
    """As one client sees it, with a *token* of its own. Each thread has a connection of its own, which it keeps."""

    def __init__(
        self, port: int, token: str, dice: random.Random, haste: float, *, refusals: tuple[int, ...] = (404, 409)
    ) -> None:
        """*haste*: how often, of one, it gives up early."""
        self._port = port
        self._haste = haste
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._dice = dice
        self._refusals = refusals
        self._own = threading.local()

    def look(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """What changes nothing, or nothing that is missed. Raises NoAnswer."""
        try:
            status, _, said = self._exchange("GET" if body is None else "POST", path, body, {}, PATIENCE)
        except (OSError, http.client.HTTPException) as problem:
            raise NoAnswer(path) from problem
        if status >= 300:
            if status not in AWAY:
                note(bug=f"{path} was answered with {status}: {said}")
            raise NoAnswer(path)
        return said

    def ask(
        self, what: str, of: str, path: str, body: Mapping[str, Any], *, key: str | None = None, **more: Any
    ) -> Said:
        """*what* is done *of* whom; *key*: its Idempotency-Key; *more*: for the record."""
        note(request=what, of=of, result="sent", **more)
        said = self._asked(path, body, {"Idempotency-Key": key} if key else {})
        told = said.body.get("id") if isinstance(said.body, dict) else None
        note(request=what, of=of, result=said.result, again=said.is_repetition, told=told, **more)
        return said

    def _asked(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Said:
        patience = HASTE if self._dice.random() < self._haste else PATIENCE
        try:
            status, answered, said = self._exchange("POST", path, body, headers, patience)
        except ConnectionRefusedError:
            return Said("not done")
        except (OSError, http.client.HTTPException):
            return Said("unknown")
        if status in AWAY:
            return Said("not done", said)
        if status in self._refusals:
            return Said("refused", said)
        if status >= 300:
            note(bug=f"{path} was answered with {status}: {said}")
            return Said("unknown", said)
        is_duplicate = isinstance(said, dict) and said.get("outcome") == "duplicate"
        return Said("done", said, is_duplicate or answered.get("Idempotency-Replayed") == "true")

    def _exchange(
        self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str], patience: float
    ) -> tuple[int, Any, Any]:
        connection = self._connection()
        try:
            assert connection.sock is not None
            connection.sock.settimeout(patience)
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, {**self._headers, **headers})
            answer = connection.getresponse()
            said = answer.read()
            return answer.status, answer.headers, json.loads(said or b"null")
        except BaseException:
            connection.close()
            raise

    def _connection(self) -> http.client.HTTPConnection:
        """Raises ConnectionRefusedError where nobody listens: nothing was sent then."""
        if not hasattr(self._own, "connection"):
            self._own.connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        if self._own.connection.sock is None:
            self._own.connection.connect()
        return self._own.connection


def until_known(ask: Callable[[], Said], tries: int = 2**31) -> Said:
    """Asks the same again while nobody can say what came of it."""
    said = ask()
    while not said.is_known and tries > 1:
        time.sleep(0.05)
        said, tries = ask(), tries - 1
    return said
