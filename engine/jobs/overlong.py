"""Leases that last longer than any is given: whoever gave one has a clock that is wrong.

Its holder may live, and then renews it. One that nobody renews for as long as a lease lasts is given up, whatever it
says of itself, so that a worker that was wrong about the time and died keeps no job for hours. Workers elsewhere say
for how long they want a job and need not renew that: with theirs it begins where no such wish is granted.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from engine.external.tasks import LONGEST_LOCK
from engine.store import jobs
from engine.store.jobs import LEASE, OverlongLease
from engine.store.types import Connection

ALLOWANCE: Final = timedelta(seconds=5)
"""By which the clocks of two machines may differ before this is about them."""


class Overlong:
    """What one worker has seen of them, and since when."""

    def __init__(self) -> None:
        self._seen: dict[OverlongLease, datetime] = {}

    def given_up(self, connection: Connection, now: datetime) -> list[OverlongLease]:
        """Those that were seen for as long as a lease lasts, and have not been renewed since."""
        beyond, beyond_elsewhere = now + LEASE + ALLOWANCE, now + LONGEST_LOCK + ALLOWANCE
        found = jobs.overlong(connection, beyond, beyond_elsewhere)
        self._seen = {lease: min(self._seen.get(lease, now), now) for lease in found}
        return [lease for lease, since in self._seen.items() if now - since > LEASE]
