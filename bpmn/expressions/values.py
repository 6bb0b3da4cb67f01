"""Values that Python has no type for."""

from __future__ import annotations

import functools
from dataclasses import dataclass


@functools.total_ordering
@dataclass(frozen=True, slots=True)
class YearMonthDuration:
    """A duration of whole months; its text is ISO 8601 (P1Y2M)."""

    months: int

    def __str__(self) -> str:
        sign = "-" if self.months < 0 else ""
        years, months = divmod(abs(self.months), 12)
        parts = (f"{years}Y" if years else "") + (f"{months}M" if months else "")
        return f"{sign}P{parts}" if parts else "P0M"

    def __neg__(self) -> YearMonthDuration:
        return YearMonthDuration(-self.months)

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, YearMonthDuration):
            return NotImplemented
        return self.months < other.months
