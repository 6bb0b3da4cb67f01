"""The simulation behind docs/scaling.md says what its inputs say, and something else where they are others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.benchmarks.capacity import (
    LIMITS,
    Costs,
    Load,
    Plan,
    Removing,
    Running,
    Server,
    Stored,
    TableCost,
    best_steps,
    databases_for,
    limits_in_order,
    most_a_day,
    simulate,
)

COSTS = Costs(
    ended=Stored({"activity": TableCost(12, 1000, 500), "process_instance": TableCost(1, 300, 200)}),
    waiting=Stored({"process_instance": TableCost(1, 300, 200)}),
    running=Running(
        server_seconds=0.001,
        worker_seconds=0.004,
        flushes=2,
        flush_seconds=0.0001,
        log_bytes=4000,
        written_bytes=9000,
    ),
    row_by_row=Removing(per_second=2000, server_seconds=0.0005, log_bytes=2000, written_bytes=3000),
    in_partitions=Removing(per_second=20_000, server_seconds=0.0001, log_bytes=500, written_bytes=800),
    read_seconds=0.001,
)
EVEN = Load(86_400, hours=(1,) * 24, weekend=1, month_end=1, open_days=0, reads=0)
"""One a second."""
AMPLE = Server(1000, 1.0, 1e12, 1e12, 1e18, 1e9, 1)
BRIEF = Plan(kept_days=3)


def shares(*, costs: Costs = COSTS, load: Load = EVEN, server: Server = AMPLE, plan: Plan = BRIEF) -> dict[str, float]:
    return dict(simulate(costs, load, server, plan).shares)


def test_a_database_grows_until_as_much_goes_as_comes():
    sizes = [simulate(COSTS, EVEN, AMPLE, BRIEF, days).kept / 86_400 for days in (1, 3, 4, 30)]
    assert sizes == pytest.approx([1, 3, 3, 3], rel=0.02)


def test_rows_and_bytes_are_those_of_what_is_kept():
    verdict = simulate(COSTS, replace(EVEN, open_days=2), AMPLE, BRIEF, 10)
    assert verdict.rows == pytest.approx(3 * 86_400 * 13, rel=0.02)
    assert verdict.bytes == pytest.approx(3 * 86_400 * 2000 + 2 * 86_400 * 500, rel=0.02)


def test_history_waits_for_the_rest_of_its_partition():
    wide = simulate(COSTS, EVEN, AMPLE, replace(BRIEF, partition_days=10), 29)
    assert wide.kept == pytest.approx(3 * 86_400, rel=0.02)
    assert wide.bytes == pytest.approx(86_400 * (3 * 500 + 9 * 1500), rel=0.02)


def test_all_days_of_a_period_come_to_the_average():
    load = Load(1000)
    days = [sum(load.of_hours(day)) for day in range(28)]
    assert sum(days) == pytest.approx(28_000)
    assert max(days) == days[25] > days[0] > days[5]


def test_peaks_count_and_not_the_average():
    peaked = replace(EVEN, hours=(1,) * 23 + (25,))
    assert shares(load=peaked)["processor"] == pytest.approx(12.5 * shares()["processor"])


@pytest.mark.parametrize(
    ("limit", "server"),
    [
        ("processor", replace(AMPLE, cores=0.001)),
        ("log in time", replace(AMPLE, usable=0.0001)),
        ("log in bytes", replace(AMPLE, log_bytes_per_second=3000)),
        ("written", replace(AMPLE, written_bytes_per_second=8000)),
        ("disk", replace(AMPLE, disk_bytes=2 * 86_400 * 2000)),
        ("connections", replace(AMPLE, connections=0.003)),
    ],
)
def test_each_limit_alone_turns_the_verdict(limit, server):
    assert simulate(COSTS, EVEN, AMPLE, BRIEF).holds
    found = simulate(COSTS, EVEN, server, BRIEF)
    assert not found.holds
    assert limit in found.passed


@pytest.mark.parametrize(
    ("limit", "wrong"),
    [
        ("processor", replace(COSTS, running=replace(COSTS.running, server_seconds=20))),
        ("log in time", replace(COSTS, running=replace(COSTS.running, flush_seconds=0.5))),
        ("log in bytes", replace(COSTS, running=replace(COSTS.running, log_bytes=1e8))),
        ("written", replace(COSTS, running=replace(COSTS.running, written_bytes=1e9))),
        ("disk", replace(COSTS, ended=Stored({"activity": TableCost(1, 1e9, 0)}))),
        ("cleanup", replace(COSTS, row_by_row=replace(COSTS.row_by_row, per_second=3))),
        ("connections", replace(COSTS, running=replace(COSTS.running, worker_seconds=500))),
    ],
)
def test_a_cost_that_is_measured_wrong_turns_the_verdict(limit, wrong):
    assert simulate(COSTS, EVEN, Server(), BRIEF).holds
    assert simulate(wrong, EVEN, Server(), BRIEF).passed == [limit]


def test_a_cleanup_that_falls_behind_lets_the_database_grow():
    slow = replace(COSTS, row_by_row=replace(COSTS.row_by_row, per_second=4))  # of which it has a fifth
    early, late = (simulate(slow, EVEN, AMPLE, BRIEF, days).kept for days in (20, 40))
    assert late - early == pytest.approx(20 * 86_400 * 0.2, rel=0.02)


def test_what_cannot_be_done_in_its_hour_waits_and_is_done_later():
    peaked = replace(EVEN, hours=(1,) * 12 + (13,) + (1,) * 11)
    narrow = replace(AMPLE, log_bytes_per_second=4000 * 4)
    found = simulate(COSTS, peaked, narrow, replace(BRIEF, kept_days=100), 2)
    assert found.passed == ["log in bytes"]
    assert 0.5 < found.wait_hours < 2
    assert found.kept == pytest.approx(2 * 86_400)


def test_an_hour_without_any_room_lets_all_wait():
    assert simulate(COSTS, EVEN, replace(AMPLE, cores=1e-9), BRIEF).kept < 1


def test_reading_on_a_replica_spares_the_processor_alone():
    looked = replace(EVEN, reads=10)
    plain, spared = shares(load=looked), shares(load=looked, plan=replace(BRIEF, has_replica=True))
    assert plain["processor"] - spared["processor"] == pytest.approx(10 * 0.001 / 1000)
    assert {name: plain[name] for name in LIMITS if name != "processor"} == {
        name: spared[name] for name in LIMITS if name != "processor"
    }


def test_databases_share_a_load_unevenly():
    one, four = shares(), shares(plan=replace(BRIEF, databases=4))
    assert four["log in bytes"] / one["log in bytes"] == pytest.approx(1.1 / 4)
    assert databases_for(COSTS, Server(log_bytes_per_second=2e4), BRIEF, replace(EVEN, per_day=10 * 86_400)) == 4
    assert databases_for(COSTS, replace(AMPLE, cores=1e-12), BRIEF, EVEN, most=8) is None


def test_as_many_a_day_hold_as_the_limit_allows():
    found = most_a_day(COSTS, replace(AMPLE, disk_bytes=1e9), BRIEF, EVEN)
    assert found == pytest.approx(1e9 / 2000 / 3, rel=0.05)
    assert simulate(COSTS, replace(EVEN, per_day=found), replace(AMPLE, disk_bytes=1e9), BRIEF).holds
    assert not simulate(COSTS, replace(EVEN, per_day=found * 1.02), replace(AMPLE, disk_bytes=1e9), BRIEF).holds
    assert most_a_day(COSTS, replace(AMPLE, cores=1e-12), BRIEF, EVEN) == 0


def test_the_order_of_the_limits_follows_the_costs():
    slow = replace(COSTS, running=replace(COSTS.running, server_seconds=50))
    order = limits_in_order(slow, Server(), BRIEF, EVEN)
    assert list(order.values()) == sorted(order.values())
    assert next(iter(order)) == "processor"
    assert simulate(COSTS, replace(EVEN, per_day=1e9), Server(), BRIEF).first != "processor"


def test_measures_are_taken_by_what_they_bring_and_not_as_they_are_named():
    measures = {
        "a replica": lambda costs, plan: (costs, replace(plan, has_replica=True)),
        "a day kept": lambda costs, plan: (costs, replace(plan, kept_days=1)),
    }
    full = best_steps(COSTS, replace(AMPLE, disk_bytes=1e9), BRIEF, EVEN, measures)
    looked = best_steps(COSTS, replace(AMPLE, cores=0.01), BRIEF, replace(EVEN, reads=10), measures)
    assert [(step.name, step.is_taken) for step in full] == [("a day kept", True), ("a replica", False)]
    assert [(step.name, step.is_taken) for step in looked] == [("a replica", True), ("a day kept", False)]
