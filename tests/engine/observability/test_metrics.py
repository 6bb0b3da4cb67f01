"""Metrics of Prometheus: what a process counts, and what it tells of its database."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import CollectorRegistry

from engine import Job, telemetry
from engine.clock import VirtualClock
from engine.engine import Engine
from engine.external.records import Topic
from engine.observability import state
from engine.observability.endpoint import TOKEN_VARIABLE, Endpoint
from engine.observability.exposition import Exposition
from engine.observability.labels import OTHER, Bounded
from engine.observability.metrics import Metrics
from engine.observability.state import EngineState

LONG = 120


@pytest.fixture
def metrics() -> Iterator[Metrics]:
    watcher = Metrics()
    leave = telemetry.watch(watcher)
    yield watcher
    leave()


@pytest.fixture
def order(engine: Engine, models: Path) -> Engine:
    engine.deploy(models / "order.bpmn")
    return engine


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"fermata_{name}", labels)


def state_of(engine: Engine) -> Callable[..., float | None]:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(EngineState(engine))
    return lambda name, **labels: registry.get_sample_value(f"fermata_{name}", labels)


def test_instances_activities_and_transitions_are_counted(order: Engine, metrics: Metrics) -> None:
    order.handler("charge")(lambda job: None)
    order.start("order")
    order.work()
    (task,) = order.read.tasks(scope="all").items
    order.complete(task.id)
    assert value(metrics, "instances_total", process="order", event="started") == 1
    assert value(metrics, "instances_total", process="order", event="completed") == 1
    assert value(metrics, "activities_total", event="entered") == 4
    assert value(metrics, "activities_total", event="completed") == 4
    assert value(metrics, "transitions_total", command="CompleteActivity") == 2
    assert value(metrics, "transition_seconds_count", command="Start") == 1
    assert value(metrics, "commit_seconds_count", part="commit") == 3


def test_jobs_and_handlers_are_counted_and_timed_by_type_and_outcome(
    order: Engine, metrics: Metrics, clock: VirtualClock
) -> None:
    @order.handler("charge", retries=2)
    def charge(job: Job) -> None:
        if job.attempt == 1:
            raise ConnectionError

    order.start("order")
    order.work()
    clock.advance(timedelta(hours=1))
    order.work()
    assert value(metrics, "jobs_total", type="charge", outcome="retry") == 1
    assert value(metrics, "jobs_total", type="charge", outcome="completed") == 1
    assert value(metrics, "handler_seconds_count", type="charge", outcome="retry") == 1
    assert value(metrics, "handler_seconds_count", type="charge", outcome="completed") == 1
    assert value(metrics, "job_wait_seconds_count", type="charge") == 2
    assert value(metrics, "job_seconds_count", type="charge") == 1


def test_steps_that_run_on_in_memory_are_counted_like_others(order: Engine, metrics: Metrics) -> None:
    order.handler("charge", save_point=False)(lambda job: None)
    order.start("order")
    assert value(metrics, "jobs_total", type="charge", outcome="completed") == 1
    assert value(metrics, "transitions_total", command="CompleteActivity") == 1
    assert value(metrics, "commit_transitions_sum") == 2


def test_a_timer_tells_how_late_it_was(engine: Engine, models: Path, metrics: Metrics, clock: VirtualClock) -> None:
    engine.deploy(models / "timers.bpmn")
    engine.start("reminder")
    clock.advance(timedelta(days=2, minutes=10))
    engine.work()
    assert value(metrics, "timer_lateness_seconds_sum") == 600


def test_a_start_timer_is_counted_and_tells_how_late_it_was_from_when_it_was_due_at_first(
    engine: Engine, models: Path, metrics: Metrics, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.deploy(models / "nightly.bpmn")
    clock.advance(timedelta(days=1, minutes=10))
    with monkeypatch.context() as broken:
        broken.delattr("engine.jobs.own.trigger_start")
        engine.work()
    clock.advance(timedelta(minutes=1))
    engine.work()
    assert value(metrics, "jobs_total", type="start_timer", outcome="retry") == 1
    assert value(metrics, "jobs_total", type="start_timer", outcome="completed") == 1
    assert value(metrics, "timer_lateness_seconds_sum") == 660
    assert value(metrics, "job_wait_seconds_count", type="start_timer") is None


def test_a_delivery_to_a_new_version_is_counted_as_what_it_is(engine: Engine, models: Path, metrics: Metrics) -> None:
    engine.publish("new order", ttl=timedelta(hours=1))
    engine.deploy(models / "messages.bpmn")
    engine.work()
    assert value(metrics, "jobs_total", type="delivery", outcome="completed") == 1
    assert value(metrics, "job_seconds_count", type="delivery") == 1


def test_a_lost_lease_is_counted(order: Engine, metrics: Metrics, clock: VirtualClock) -> None:
    order.start("order")
    with order.store.writing() as connection:
        assert order._worker._taker.take(connection, 1)
    clock.advance(timedelta(minutes=5))
    order.handler("charge")(lambda job: None)
    order.work()
    assert value(metrics, "lease_losses_total", reason="worker") == 1


def test_a_refused_transaction_is_counted_by_its_error(order: Engine, metrics: Metrics) -> None:
    instance = order.start("order")
    order.cancel(instance.id)
    with pytest.raises(Exception, match="ended"):
        order.cancel(instance.id)
    assert value(metrics, "commit_failures_total", error="Conflict") == 1


def test_labels_from_diagrams_are_bounded() -> None:
    bounded = Bounded(2)
    assert [bounded.of(name) for name in ("a", "b", "c", "a")] == ["a", "b", OTHER, "a"]
    assert len(bounded.of("x" * 1000)) <= 120


def test_the_queue_is_told_with_its_age(order: Engine, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "FRESH", 0.0)
    told = state_of(order)
    assert told("queue_due", queue="jobs") == 0
    assert told("queue_age_seconds", queue="jobs") == 0
    order.start("order")
    order.start("order")
    clock.advance(timedelta(seconds=90))
    assert told("queue_due", queue="jobs") == 2
    assert told("queue_age_seconds", queue="jobs") == 90
    assert told("database_up") == 1


def test_jobs_left_to_workers_elsewhere_are_told_by_topic(
    engine: Engine, models: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "FRESH", 0.0)
    engine.deploy(models / "jobs" / "exclusive.bpmn")
    for topic in ("alone", "free"):
        engine.external.fetch_and_lock("elsewhere", [Topic(topic)])  # from now on they are left to others
    told = state_of(engine)
    assert told("external_due", topic="free") is None

    engine.start("topics")
    engine.work()
    clock.advance(timedelta(seconds=90))

    assert (told("external_due", topic="alone"), told("external_due", topic="free")) == (1, 2)
    assert (told("queue_due", queue="external"), told("queue_age_seconds", queue="external")) == (3, 90)
    assert told("external_age_seconds", topic="free") == 90
    assert told("jobs_queued") == 1  # the other one of "alone"
    engine.external.fetch_and_lock("elsewhere", [Topic("free")], 10)
    assert (told("external_due", topic="free"), told("external_age_seconds", topic="free")) == (0, 0)


def test_timers_failed_jobs_and_incidents_are_told(engine: Engine, models: Path) -> None:
    engine.deploy(models / "order.bpmn")
    engine.deploy(models / "timers.bpmn")
    engine.start("order")
    engine.start("reminder")
    engine.work()
    told = state_of(engine)
    assert (told("jobs_failed"), told("incidents_open"), told("timers_waiting")) == (1, 1, 1)


def test_counting_stops_at_a_bound(order: Engine) -> None:
    from engine.store import gauges

    for _ in range(3):
        order.start("order")
    with order.store.reading() as connection:
        assert gauges.queue(connection, order.clock.now(), order.clock.now(), most=2).due["jobs"] == 2


def test_pool_memory_and_connections_are_told(order: Engine) -> None:
    order.start("order")
    told = state_of(order)
    assert told("pool_threads") == 0
    order.start_workers(3)
    try:
        assert told("pool_threads") == 3
    finally:
        order.stop_workers()
    assert told("hot_instances") == 1
    assert (told("database_connections_limit") or 0) > 0


def test_a_scrape_is_valid_and_has_counters_and_state(order: Engine) -> None:
    text, content_type = Exposition(order).render()
    names = {family.name for family in text_string_to_metric_families(text.decode())}
    assert {"fermata_queue_due", "fermata_lease_losses", "fermata_commit_seconds"} <= names
    assert content_type.startswith("text/plain")


def test_openmetrics_ends_once(order: Engine) -> None:
    text, content_type = Exposition(order).render("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert (text.count(b"# EOF"), text.endswith(b"# EOF\n")) == (1, True)


def test_processes_that_share_a_folder_are_counted_together(tmp_path: Path) -> None:
    """As behind gunicorn: each process writes its numbers, and any of them answers for all."""
    count = (
        "from engine.observability.metrics import metrics; metrics().lease_lost('worker', 2); "
        "from engine.engine import Engine; from engine.observability.exposition import Exposition; "
        "print(Exposition(Engine('sqlite://')).render()[0].decode())"
    )
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    said = [
        subprocess.run([sys.executable, "-c", count], env=environ, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert 'fermata_lease_losses_total{reason="worker"} 2.0' in said[0]
    assert 'fermata_lease_losses_total{reason="worker"} 4.0' in said[1]


@pytest.fixture
def endpoint(order: Engine) -> Iterator[Endpoint]:
    listening = Endpoint(order, "127.0.0.1", 0)
    yield listening
    listening.close()


def test_a_worker_serves_metrics_and_health_on_a_port_of_its_own(endpoint: Endpoint) -> None:
    assert b"fermata_queue_due" in urlopen(f"{endpoint.address}/metrics", timeout=LONG).read()
    assert urlopen(f"{endpoint.address}/health/live", timeout=LONG).status == 200
    assert b'"database":"ok"' in urlopen(f"{endpoint.address}/health/ready", timeout=LONG).read()


@pytest.mark.parametrize(("path", "status"), [("/health/live", 200), ("/metrics", 200), ("/nothing", 404)])
def test_the_head_of_an_answer_can_be_asked_for_alone(endpoint: Endpoint, path: str, status: int) -> None:
    connection = HTTPConnection("127.0.0.1", endpoint.port, timeout=LONG)
    connection.request("HEAD", path)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (status, b"")
    assert int(answer.headers["Content-Length"]) > 0
    connection.close()


def test_with_a_token_metrics_want_it_and_health_does_not(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "s3cret")
    with pytest.raises(HTTPError, match="401"):
        urlopen(f"{endpoint.address}/metrics", timeout=LONG)
    asked = Request(f"{endpoint.address}/metrics", headers={"Authorization": "Bearer s3cret"})
    assert urlopen(asked, timeout=LONG).status == 200
    assert urlopen(f"{endpoint.address}/health/live", timeout=LONG).status == 200
