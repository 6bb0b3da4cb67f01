"""The arithmetic behind docs/scaling.md."""

import pytest

from tests.benchmarks.capacity import TableCost, UnitCosts, simulate

COSTS = UnitCosts(
    tables={"activity": TableCost(12, 1000, 500), "process_instance": TableCost(1, 300, 200)},
    commits=10,
    wal_bytes=4000,
    instances_per_second=100,
    removed_per_second=200,
    left_per_second=1000,
)


def test_a_database_grows_until_as_much_goes_as_comes():
    days = simulate(COSTS, per_day=1000, days=40, kept_days=30)
    assert [days[0].kept, days[29].kept, days[39].kept] == [1000, 30_000, 30_000]
    assert days[39].bytes == 30_000 * 2000
    assert days[39].rows == 30_000 * 13


def test_what_is_kept_for_ever_only_grows():
    days = simulate(COSTS, per_day=1000, days=400, kept_days=None)
    assert days[-1].kept == 400_000


def test_history_that_is_dropped_takes_no_time_and_no_log():
    deleted = simulate(COSTS, per_day=86_400, days=2, kept_days=1)[-1]
    dropped = simulate(COSTS, per_day=86_400, days=2, kept_days=1, drops=True)[-1]
    assert dropped.busy_share == pytest.approx(0.011)
    assert deleted.busy_share == pytest.approx(0.015)
    assert deleted.wal_bytes - dropped.wal_bytes == pytest.approx(86_400 * 1500)


def test_history_is_told_from_what_lives():
    assert (COSTS.bytes, COSTS.history_bytes) == (2000, 1500)
