"""The benchmarks compare like with like: both engines run the same diagram to the same result. And they add up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine import Engine, Job, Resource
from tests.benchmarks import diagrams, ours, stock
from tests.benchmarks.grown import copy_message, copy_waiting
from tests.benchmarks.latency import percentile
from tests.benchmarks.markdown import duration, size
from tests.benchmarks.noise import Noise
from tests.benchmarks.page import page
from tests.benchmarks.profile import COMMIT, shares_of
from tests.benchmarks.results import Section, at_least, at_most

MEASURED = {
    "line": diagrams.line(10),
    "loop": diagrams.script_loop(7),
    "items": diagrams.multi_instance(7),
}
FAR = "2100-01-01T00:00:00Z"


@pytest.mark.parametrize("diagram", MEASURED.values(), ids=MEASURED)
def test_both_engines_come_to_the_same_result(diagram):
    expected = stock.run(stock.parse(diagram))
    found = ours.run(ours.parse(diagram))

    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("engine", [ours, stock], ids=["ours", "stock"])
def test_a_saved_loop_can_be_turned_as_often_as_it_waits(engine):
    loop = engine.SavedLoop(engine.parse(diagrams.user_task_loop(5)))

    assert all(loop.turn() > 0 for _ in range(4))


def test_the_diagrams_with_jobs_come_to_their_end(tmp_path: Path):
    with Engine(f"sqlite:///{tmp_path}/bench.db") as engine:

        @engine.handler("work")
        def work(job: Job) -> dict[str, int]:
            return {"n": job.variables.get("item", 0) * 2}

        engine.deploy(Resource("services.bpmn", diagrams.services()))
        engine.deploy(Resource("parallel.bpmn", diagrams.parallel_services()))
        line = engine.start("services")
        items = engine.start("parallel", variables={"items": [1, 2, 3]})

        assert engine.work() == 13
        assert engine.read.instance(line.id).has_ended
        assert engine.read.variables(items.id)["results"] == [2, 4, 6]


def test_a_copied_instance_is_as_good_as_a_real_one(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/bench.db"
    with Engine(url) as engine:
        engine.deploy(Resource("waiting.bpmn", diagrams.waiting()))
        one = engine.start("waiting", variables={"number": "KEY", "due": FAR})
        published = engine.publish("paid", correlation_key="MESSAGE", ttl=timedelta(days=1))
        copy_waiting(engine.store, one.id, 20, early=5, due_at=datetime.now(UTC) - timedelta(hours=1))
        copy_message(engine.store, str(published.id), 3)

    with Engine(url) as engine:
        fired = engine.work()
        matched = engine.correlate("paid", correlation_key="KEY-17").matched
        received = engine.start("waiting", variables={"number": "MESSAGE-2", "due": FAR})
        running = engine.read.instances(state="running").total

        assert fired == 5
        assert [engine.read.instance(each).state for each in matched] == ["completed"]
        assert received.state == "completed"
        assert running == 21 - 5 - 1


def test_the_time_of_a_commit_is_charged_to_it(tmp_path: Path):
    with Engine(f"sqlite:///{tmp_path}/bench.db") as engine:
        engine.deploy(Resource("line.bpmn", diagrams.line(1)))
        shares = shares_of(lambda: [engine.start("benchmark") for _ in range(20)])

    assert sum(shares.values()) == pytest.approx(1)
    assert shares[COMMIT] > 0


@pytest.mark.parametrize(("percent", "expected"), [(50, 50), (99, 99), (100, 100), (1, 1)])
def test_a_percentile_is_the_smallest_that_so_many_do_not_exceed(percent, expected):
    assert percentile(list(range(100, 0, -1)), percent) == expected


def test_a_bar_says_what_was_wanted_and_found():
    assert at_least("jobs/s", 1723.4, 1500).found == "1,723"
    assert at_least("jobs/s", 1723.4, 1500).is_met
    assert not at_most("growth", 1.31, 1.2).is_met
    assert at_most("growth", 1.31, 1.2).wanted == "at most 1.2x"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0000124, "12 µs"), (0.0124, "12.4 ms"), (0.99951, "1.00 s"), (61.2, "61.20 s")]
)
def test_durations_are_told_in_their_unit(seconds, text):
    assert duration(seconds) == text


def test_sizes_are_told_in_decimal_units():
    assert [size(each) for each in (12, 1234, 89_500_000, 2.5e9)] == ["12 B", "1.23 kB", "89.5 MB", "2.5 GB"]


def test_the_page_shows_sections_bars_and_noise(tmp_path: Path):
    noise = Noise(tmp_path)
    with noise.during("speed"):
        noise.look()

    text = page([Section("Speed", "Fast.", [at_least("jobs/s", 10, 20)])], noise.groups, 61)

    assert "## Speed\n\nFast." in text
    assert "| jobs/s | at least 20 | 10 | **no** |" in text
    assert "| speed | " in text
