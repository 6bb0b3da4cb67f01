"""Ids for what is new: they sort in the order in which this process gave them, also within a millisecond."""

from __future__ import annotations

from itertools import pairwise
from threading import Lock

from engine.clock import Clock, new_id

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_NEXT = dict(pairwise(_ALPHABET))


class Ids:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = ""
        self._lock = Lock()

    def next(self) -> str:
        with self._lock:
            fresh = new_id(self._clock.now())
            if fresh[:10] <= self._last[:10]:
                fresh = _successor(self._last)
            self._last = fresh
            return fresh


def _successor(text: str) -> str:
    head = text.rstrip(_ALPHABET[-1])
    return head[:-1] + _NEXT[head[-1]] + _ALPHABET[0] * (len(text) - len(head))
