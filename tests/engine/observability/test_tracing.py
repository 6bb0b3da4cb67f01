"""Traces of OpenTelemetry: one for each run of an instance, carried across saves and processes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from engine import BpmnError, Job, telemetry
from engine.clock import VirtualClock
from engine.engine import Engine
from engine.executors.http.client import Request
from engine.executors.http.connectors import _traced
from engine.external.records import Topic
from engine.observability import tracing

Spans = Callable[[], list[ReadableSpan]]


@pytest.fixture
def spans() -> Iterator[Spans]:
    """Those that ended, in the order in which they began."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    leave = tracing.enable(provider)
    yield lambda: list(exporter.get_finished_spans())
    leave()


@pytest.fixture
def order(engine: Engine, models: Path) -> Engine:
    engine.deploy(models / "order.bpmn")
    return engine


def tree(spans: list[ReadableSpan]) -> set[str]:
    """Each span as its path from the root of its trace."""
    by_id = {span.context.span_id: span for span in spans}

    def path(span: ReadableSpan) -> str:
        above = by_id.get(span.parent.span_id) if span.parent else None
        return span.name if above is None else f"{path(above)} / {span.name}"

    return {path(span) for span in spans}


def traces_of(spans: list[ReadableSpan]) -> set[int]:
    return {span.context.trace_id for span in spans}


def test_a_run_is_one_trace_of_instance_activity_job_and_handler(order: Engine, spans: Spans) -> None:
    order.handler("charge")(lambda job: {"receipt": 7})
    order.start("order", variables={"amount": 120})
    order.work()
    assert tree(spans()) == {
        "instance order",
        "instance order / activity Charge",
        "instance order / activity Charge / job charge",
        "instance order / activity Charge / job charge / handler charge",
    }
    assert len(traces_of(spans())) == 1


def test_a_job_goes_on_in_the_trace_of_another_process(
    open_engine: Callable[[], Engine], models: Path, spans: Spans
) -> None:
    here, there = open_engine(), open_engine()
    here.deploy(models / "order.bpmn")
    here.start("order")
    there.handler("charge")(lambda job: None)
    there.work()
    assert len(traces_of(spans())) == 1
    assert "instance order / activity Charge / job charge" in tree(spans())


def test_what_a_person_does_later_is_a_trace_of_its_own_linked_to_the_beginning(order: Engine, spans: Spans) -> None:
    order.handler("charge")(lambda job: None)
    instance = order.start("order")
    order.work()
    (task,) = order.read.tasks(scope="all").items
    order.complete(task.id, by="zoe")
    first = next(span for span in spans() if span.name == "instance order")
    last = next(span for span in spans() if span.name == "complete order")
    assert first.context.trace_id != last.context.trace_id
    assert [link.context.span_id for link in last.links] == [first.context.span_id]
    assert last.attributes
    assert last.attributes["fermata.instance.id"] == instance.id


def test_each_attempt_is_a_span_below_the_one_activity(order: Engine, spans: Spans, clock: VirtualClock) -> None:
    attempts: list[int] = []

    @order.handler("charge", retries=2)
    def charge(job: Job) -> None:
        attempts.append(job.attempt)
        if job.attempt == 1:
            raise ConnectionError("no answer from 4711")

    order.start("order")
    order.work()
    clock.advance(timedelta(hours=1))
    order.work()
    jobs = [span for span in spans() if span.name == "job charge"]
    (activity,) = [span for span in spans() if span.name == "activity Charge"]
    assert [span.attributes and span.attributes["fermata.job.attempt"] for span in jobs] == [1, 2]
    assert {span.parent.span_id for span in jobs if span.parent} == {activity.context.span_id}
    assert [span.status.is_ok for span in jobs] == [False, True]


def test_no_value_of_a_variable_gets_into_a_span(order: Engine, spans: Spans) -> None:
    @order.handler("charge")
    def charge(job: Job) -> None:
        raise ValueError(f"card {job.variables['card']} was refused")

    order.start("order", business_key="4711-0815", variables={"card": "4711-0815"})
    order.work()
    assert spans()
    assert "4711-0815" not in "".join(span.to_json() for span in spans())


def test_a_bpmn_error_is_an_outcome_and_no_failure(order: Engine, spans: Spans) -> None:
    @order.handler("charge")
    def charge(job: Job) -> None:
        raise BpmnError("CARD_DECLINED")

    order.start("order")
    order.work()
    (span,) = [span for span in spans() if span.name == "activity Charge"]
    assert span.attributes
    assert span.attributes["fermata.outcome"] == "bpmn_error"
    assert span.status.is_ok


def test_what_a_handler_traces_itself_lies_below_its_span(order: Engine, spans: Spans) -> None:
    seen: list[str | None] = []

    @order.handler("charge")
    def charge(job: Job) -> None:
        seen.append(job.traceparent)
        seen.append(f"{trace.get_current_span().get_span_context().trace_id:032x}")

    order.start("order")
    order.work()
    assert seen[0] is not None
    assert seen[0].split("-")[1] == seen[1]


def test_a_start_goes_on_in_the_trace_of_who_asks(order: Engine, spans: Spans) -> None:
    provider = TracerProvider()
    with provider.get_tracer("shop").start_as_current_span("checkout") as span:
        order.start("order")
    (root,) = spans()
    asked = span.get_span_context()
    assert root.parent is not None
    assert (root.context.trace_id, root.parent.span_id) == (asked.trace_id, asked.span_id)


def test_steps_that_run_on_in_memory_have_their_spans_too(engine: Engine, models: Path, spans: Spans) -> None:
    engine.deploy(models / "order.bpmn")
    engine.handler("charge", save_point=False)(lambda job: None)
    engine.start("order")
    assert "instance order / activity Charge / job charge / handler charge" in tree(spans())
    assert len(traces_of(spans())) == 1


def test_a_timer_begins_a_trace_that_is_linked_to_where_it_was_set(
    engine: Engine, models: Path, spans: Spans, clock: VirtualClock
) -> None:
    engine.deploy(models / "timers.bpmn")
    key = engine.read.definitions()[0].key
    engine.start(key)
    begun = len(spans())
    clock.advance(timedelta(days=40))
    engine.work()
    woken = next(span for span in spans()[begun:] if span.parent is None)
    assert woken.context.trace_id not in traces_of(spans()[:begun])
    assert {link.context.trace_id for link in woken.links} <= traces_of(spans()[:begun])
    assert woken.links


def test_what_is_not_sampled_is_carried_as_not_sampled(order: Engine) -> None:
    leave = tracing.enable(TracerProvider(sampler=ALWAYS_OFF))
    seen: list[str | None] = []
    order.handler("charge")(lambda job: seen.append(job.traceparent))
    order.start("order")
    order.work()
    leave()
    assert [parent and int(parent.rpartition("-")[2], 16) & 1 for parent in seen] == [0]


def test_nothing_is_stored_where_nobody_traces(order: Engine) -> None:
    seen: list[str | None] = []
    order.handler("charge")(lambda job: seen.append(job.traceparent))
    order.start("order")
    order.work()
    assert seen == [None]


def test_a_request_out_of_a_handler_goes_on_in_its_span(order: Engine, spans: Spans) -> None:
    sent: list[dict[str, str]] = []
    order.handler("charge")(lambda job: sent.append(telemetry.outgoing()))
    order.start("order")
    order.work()
    (handler,) = [span for span in spans() if span.name == "handler charge"]
    assert sent[0]["traceparent"].split("-")[2] == f"{handler.context.span_id:016x}"


def test_a_connector_sends_the_trace_but_not_over_the_one_that_the_diagram_sets(order: Engine, spans: Spans) -> None:
    sent: list[Request] = []
    order.handler("charge")(
        lambda job: sent.extend(
            [_traced(Request("GET", "http://shop")), _traced(Request("GET", "http://shop", {"Traceparent": "its own"}))]
        )
    )
    order.start("order")
    order.work()
    (handler,) = [span for span in spans() if span.name == "handler charge"]
    assert f"{handler.context.span_id:016x}" in sent[0].headers["traceparent"]
    assert sent[1].headers == {"Traceparent": "its own"}


def test_a_job_settled_from_outside_ends_the_span_of_its_activity(order: Engine, spans: Spans) -> None:
    order.register_external("charge")
    order.start("order")
    (job,) = order.read.jobs()
    order.complete_job(job.id)
    assert "instance order / activity Charge" in tree(spans())


def test_a_worker_elsewhere_is_told_the_trace_and_its_result_goes_on_in_it(order: Engine, spans: Spans) -> None:
    order.start("order")
    (task,) = order.external.fetch_and_lock("elsewhere", [Topic("charge")])
    order.external.complete(task.id, "elsewhere")
    (activity,) = [span for span in spans() if span.name == "activity Charge"]
    assert task.traceparent == f"00-{activity.context.trace_id:032x}-{activity.context.span_id:016x}-03"
    assert len(traces_of(spans())) == 1


@pytest.fixture
def interruptible(engine: Engine) -> Engine:
    engine.deploy(Path(__file__).parent.parent / "jobs" / "interruptible.bpmn")
    return engine


def attributes_of(spans: list[ReadableSpan], name: str) -> dict[str, object]:
    (span,) = [each for each in spans if each.name == name]
    return dict(span.attributes or {})


def test_an_activity_that_an_event_interrupts_has_a_span_that_says_so(interruptible: Engine, spans: Spans) -> None:
    interruptible.start("interruptible")
    interruptible.correlate("stop it")

    assert "instance interruptible / activity Work" in tree(spans())
    said = attributes_of(spans(), "activity Work")
    assert (said["fermata.outcome"], said["fermata.cause"]) == ("cancelled", "Stop")
    (span,) = [each for each in spans() if each.name == "activity Work"]
    assert span.status.is_unset


def test_an_activity_that_is_cancelled_with_its_instance_has_a_span(interruptible: Engine, spans: Spans) -> None:
    @interruptible.handler("work", retries=1)
    def work(job: Job) -> None:
        raise ValueError("no")

    instance = interruptible.start("interruptible")
    interruptible.work()
    interruptible.cancel(instance.id, "not needed", by="olga")

    said = attributes_of(spans(), "activity Work")
    assert (said["fermata.outcome"], said["fermata.cause"]) == ("cancelled", "operator")
    (span,) = [each for each in spans() if each.name == "activity Work"]
    assert not span.status.is_ok
    assert "instance interruptible / activity Work / job work / handler work" in tree(spans())


def test_a_bpmn_error_ends_its_activity_once(interruptible: Engine, spans: Spans) -> None:
    @interruptible.handler("work")
    def work(job: Job) -> None:
        raise BpmnError("NO")

    interruptible.start("interruptible")
    interruptible.work()
    assert attributes_of(spans(), "activity Work")["fermata.outcome"] == "bpmn_error"


def test_the_handler_of_an_interrupted_activity_has_an_ended_span_with_the_reason(
    interruptible: Engine, spans: Spans
) -> None:
    begun = threading.Event()

    @interruptible.handler("work")
    async def work(job: Job) -> None:
        begun.set()
        await asyncio.Event().wait()

    interruptible.start("interruptible")
    interruptible.start_workers(1)
    assert begun.wait(120)
    interruptible.correlate("stop it")
    interruptible.stop_workers()

    for name in ("job work", "handler work"):
        said = attributes_of(spans(), name)
        assert (said["fermata.outcome"], said["fermata.cancelled"]) == ("discarded", "interrupted")
    assert "instance interruptible / activity Work / job work / handler work" in tree(spans())
