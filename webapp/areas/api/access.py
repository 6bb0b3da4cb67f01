"""Who asks, by a bearer token, and how often. What they may do then is said where Camunda's paths say it, too."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from flask import current_app, request

from engine.errors import NotAllowed
from engine.tokens import Scope
from webapp.areas.api.problems import Refusal
from webapp.context import the_engine
from webapp.rights import Rights

PER_SECOND, BURST = 200.0, 400.0
"""Requests of one token, in one process."""
UNKNOWN_PER_SECOND, UNKNOWN_BURST = 1.0, 30.0
"""Requests of one address whose token is none."""
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="Fermata"'}


def admit(scope: Scope) -> tuple[Rights, str]:
    """The rights of who asks, and the token's id. Raises Refusal 401 or 429, NotAllowed."""
    throttles: Throttles = current_app.extensions["api_throttles"]
    given = request.authorization
    if given is None or given.type != "bearer" or not given.token:
        raise Refusal(401, "Send a token: 'Authorization: Bearer ...'.", headers=_CHALLENGE)
    _brake(throttles.unknown, str(request.remote_addr), cost=0)
    token = the_engine().tokens.authenticate(given.token[:200])
    person = the_engine().people.get(token.person) if token is not None and token.person is not None else None
    if token is None or (token.person is not None and person is None):
        throttles.unknown.wait(str(request.remote_addr))
        raise Refusal(401, "The token is not known, has expired, or was revoked.", headers=_CHALLENGE)
    _brake(throttles.known, token.id)
    if scope not in token.scopes:
        raise NotAllowed(f"Token '{token.name}' may not do this: it needs the scope '{scope}'.")
    return Rights(person.name if person else token.name, person, frozenset(token.scopes)), token.id


class Throttle:
    """A bucket for each key, that fills by *per_second* up to *burst*. In memory: the oldest of *capacity* give way."""

    def __init__(
        self,
        per_second: float,
        burst: float,
        capacity: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._capacity = capacity
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, key: str, cost: float = 1.0) -> float:
        """Takes *cost* out of the bucket; else the seconds until it has so much. With 0: whether it is empty."""
        with self._lock:
            now = self._clock()
            content, since = self._buckets.get(key, (self._burst, now))
            content = min(self._burst, content + (now - since) * self._per_second)
            wanted = max(cost, 1.0)
            missing = max(0.0, wanted - content) / self._per_second
            self._buckets[key] = (content if missing else content - cost, now)
            self._buckets.move_to_end(key)
            while len(self._buckets) > self._capacity:
                self._buckets.popitem(last=False)
            return missing


class Throttles:
    def __init__(self) -> None:
        self.known = Throttle(PER_SECOND, BURST)
        self.unknown = Throttle(UNKNOWN_PER_SECOND, UNKNOWN_BURST)


def _brake(throttle: Throttle, key: str, cost: float = 1.0) -> None:
    if wait := throttle.wait(key, cost):
        seconds = max(1, math.ceil(wait))
        raise Refusal(429, f"Try again in {seconds} seconds.", headers={"Retry-After": str(seconds)})
