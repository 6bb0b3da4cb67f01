"""What it costs to watch the engine: the same jobs with nobody watching, with metrics, JSON lines, traces, and all.

    python -m tests.benchmarks.watching [--quick]

Prints the tables of docs/observability.md: processor time per job (medians of turns, one of each kind after another),
and the ratio to nobody watching.
"""

from __future__ import annotations

import io
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from engine import Engine, Resource, telemetry
from engine.cli.logs import JsonLine
from engine.observability import tracing
from engine.observability.metrics import Metrics
from engine.observability.slow import SlowLog

TASKS = 10
INSTANCES = 60
TURNS = 7


class _Dropped(SpanExporter):
    """Where a collector would be: what sending costs depends on it."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS


@contextmanager
def _metrics() -> Generator[None]:
    metrics = Metrics()
    leave = [telemetry.watch(metrics), telemetry.watch(SlowLog(1.0, metrics.was_slow))]
    yield
    for each in leave:
        each()


@contextmanager
def _lines() -> Generator[None]:
    log, handler = logging.getLogger("engine"), logging.StreamHandler(io.StringIO())
    handler.setFormatter(JsonLine())
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield
    log.removeHandler(handler)
    log.setLevel(logging.WARNING)


@contextmanager
def _traces(share: float = 1.0) -> Generator[None]:
    provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(share)))
    provider.add_span_processor(BatchSpanProcessor(_Dropped()))
    leave = tracing.enable(provider)
    yield
    leave()
    provider.shutdown()


KINDS: dict[str, tuple[Callable[[], AbstractContextManager[None]], ...]] = {
    "nobody": (),
    "metrics and the log of slow commits": (_metrics,),
    "JSON lines": (_lines,),
    "traces, one in twenty": (lambda: _traces(0.05),),
    "traces, all of them": (_traces,),
    "all of it": (_metrics, _lines, _traces),
}


def main() -> None:
    turns = 3 if "--quick" in sys.argv[1:] else TURNS
    logging.getLogger("engine").setLevel(logging.WARNING)
    for saves in (True, False):
        print(f"\n{'A commit for each step' if saves else 'One commit for ten tasks'}:\n")
        print("| Watching | µs of processor time per job | to nobody |\n|---|---|---|")
        measured = _measured(saves, turns)
        alone = measured["nobody"]
        for kind, times in measured.items():
            ratio = statistics.median(one / other for one, other in zip(times, alone, strict=True))
            print(f"| {kind} | {statistics.median(times) * 1e6:,.0f} | {ratio:.2f} |")
    print(f"\nThe hooks themselves, nobody watching: {_of_hooks() * 1e9:,.0f} ns for a commit of one job.")


def _measured(saves: bool, turns: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory() as folder, Engine(f"sqlite:///{Path(folder) / 'bench.db'}") as engine:
        engine.handler("step", save_point=saves)(lambda job: {"n": job.activity_id})
        engine.deploy(Resource("line.bpmn", _line()))
        for turn in range(turns + 1):
            for kind, parts in KINDS.items():
                with ExitStack() as stack:
                    for part in parts:
                        stack.enter_context(part())
                    seconds = _turn(engine)
                if turn:  # the first warms up
                    found[kind].append(seconds)
    return found


def _turn(engine: Engine) -> float:
    """Seconds of processor time per job."""
    since = time.process_time()
    for _ in range(INSTANCES):
        engine.start("line")
    engine.work()
    return (time.process_time() - since) / (INSTANCES * TASKS)


def _of_hooks(times: int = 100_000) -> float:
    """Seconds that the road spends on empty calls for a commit with one job, which goes on to another one."""
    held, live, command, events = object(), object(), object(), ()
    since = time.process_time()
    for _ in range(times):
        watch = telemetry.commit()
        watch.begin()
        telemetry.woken(None)
        watch.step(live, command, events, None)  # type: ignore[arg-type]
        watch.job_ended(held, command, "completed")  # type: ignore[arg-type]
        watch.mark("advance")
        watch.mark("write")
        watch.committed()
        telemetry.job_begun(held, None)  # type: ignore[arg-type]
        telemetry.attempted(held, int)  # type: ignore[arg-type]
    return (time.process_time() - since) / times


def _line() -> bytes:
    tasks = "".join(f'<serviceTask id="T{n}" camunda:type="external" camunda:topic="step"/>' for n in range(TASKS))
    stops = ["S", *(f"T{n}" for n in range(TASKS)), "E"]
    flows = "".join(
        f'<sequenceFlow id="f{n}" sourceRef="{a}" targetRef="{b}"/>' for n, (a, b) in enumerate(pairwise(stops))
    )
    return (
        '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="d" targetNamespace="t" '
        'xmlns:camunda="http://camunda.org/schema/1.0/bpmn"><process id="line" isExecutable="true">'
        f'<startEvent id="S"/>{tasks}<endEvent id="E"/>{flows}</process></definitions>'
    ).encode()


if __name__ == "__main__":
    main()
