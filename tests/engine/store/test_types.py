from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from engine.store.types import text_of


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 6, UTC), "2026-01-02T03:04:05.000006Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 120_000, UTC), "2026-01-02T03:04:05.120000Z"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05.000000Z"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=-2))), "2026-01-02T05:04:05.000000Z"),
        (datetime(987, 1, 2, tzinfo=UTC), "0987-01-02T00:00:00.000000Z"),
    ],
)
def test_moments_are_kept_as_texts_of_one_length_in_utc(moment: datetime, text: str) -> None:
    assert text_of(moment) == text
    assert datetime.fromisoformat(text) == moment
