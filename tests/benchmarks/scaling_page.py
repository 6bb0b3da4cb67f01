"""docs/scaling.md out of what `tests.benchmarks.scaling` measured: all figures, and what follows from them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from engine.jobs.cleaner import PAUSE
from tests.benchmarks.capacity import (
    Costs,
    Load,
    Measure,
    Plan,
    Running,
    Server,
    Step,
    Stored,
    TableCost,
    best_steps,
    databases_for,
    limits_in_order,
    most_a_day,
    simulate,
)
from tests.benchmarks.markdown import duration, rate, table
from tests.benchmarks.scaling_text import LIMITS, TEXT
from tests.benchmarks.server_use import Use

JOBS = 10
"""Of one line."""
BACK = 50e6
"""Bytes a second at which a backup is taken to be copied back."""


@dataclass(frozen=True, slots=True)
class Wave:
    """*count* instances, started and then worked off: seconds on the clock, seconds of the processor of our own
    processes, and what the server used."""

    count: int
    start_seconds: float
    start_processor: float
    start_use: Use
    work_seconds: float
    work_processor: float
    work_use: Use

    def __add__(self, other: Wave) -> Wave:
        return Wave(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Dropped:
    """A cleanup whose history was left and dropped: of how many *rows* of history, seconds for all the rest, for the
    drop of all tables, and for that of one at the most: so long others wait."""

    instances: int
    rows: int
    left_seconds: float
    seconds: float
    longest: float


@dataclass(frozen=True, slots=True)
class Found:
    """*instances*: that really ran for the sizes. *waves*: by the number of worker processes. *unswept*: how many times
    as large the database was before the last VACUUM. *flush_here*: seconds of a small write to disk, nothing beside it.
    *costs_straight*: without save points between."""

    version: str
    cores: int
    instances: int
    waves: Mapping[int, Wave]
    straight: Wave
    flush_here: float
    unswept: float
    dropped: Dropped
    costs: Costs
    costs_straight: Running


def page(found: Found, load: Load | None = None, server: Server | None = None) -> str:
    """*load* without a number of instances of its own."""
    load, server = load or Load(0), server or Server()
    costs, dropped = found.costs, found.dropped
    ended = costs.ended
    plan = Plan(rest=PAUSE)
    history_of_tasks = sum(
        ended.tables[name].bytes for name in ("activity", "job_attempt", "variable_change", "flow_taken")
    )
    busiest = found.waves[max(found.waves)]
    used = (busiest.work_processor + busiest.work_use.processor) / busiest.work_seconds
    steps, last = _steps(found, server, load)
    text = TEXT.format(
        version=found.version,
        cores=found.cores,
        instances=found.instances,
        unswept=found.unswept - 1,
        per_table=_per_table(ended, costs.waiting),
        per_task=history_of_tasks / (JOBS + 2),
        base=ended.bytes - history_of_tasks * JOBS / (JOBS + 2),
        running=_running(found),
        flush_here=duration(found.flush_here),
        processes=max(found.waves),
        used_cores=used,
        used_share=used / found.cores,
        bound=found.cores / (used * busiest.work_seconds / busiest.count / JOBS),
        jobs=busiest.count * JOBS / busiest.work_seconds,
        sizes=_sizes(ended, costs.waiting),
        rows=ended.rows * 1e8 / 1e9,
        all=ended.bytes * 1e8 / 1e12,
        share=ended.history_bytes / ended.bytes,
        restore=ended.bytes * 1e8 / BACK / 3600,
        back=BACK / 1e6,
        load=_load(load),
        server=_server(server),
        simulation=simulated(costs, server, plan, load),
        limits=limits_met(costs, server, plan, load),
        steps=steps,
        databases=_databases(found, server, load, last),
        dropped_instances=dropped.instances,
        dropped_rows=dropped.rows,
        removed=_removed(costs.row_by_row.per_second, costs.row_by_row.server_seconds),
        left=_removed(costs.in_partitions.per_second, costs.in_partitions.server_seconds),
        drop=duration(dropped.seconds),
        longest=duration(dropped.longest),
        cleanup_share=1 / (1 + PAUSE),
        kept_up=_rounded(costs.row_by_row.per_second / (1 + PAUSE) * 86_400),
        kept_up_drops=_rounded(costs.in_partitions.per_second / (1 + PAUSE) * 86_400),
    )
    return wrapped(text)


def wrapped(text: str) -> str:
    """Paragraphs and points in lines of at most 120 characters, tables and headings as they are."""
    return "\n\n".join(map(_wrapped, text.strip().split("\n\n"))) + "\n"


def _wrapped(block: str) -> str:
    if block.startswith(("|", "#")):
        return block
    indent = "  " if block.startswith("- ") else "   " if block[0].isdigit() else ""
    joined = " ".join(line.strip() for line in block.splitlines())
    return textwrap.fill(joined, 120, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _per_table(ended: Stored, waiting: Stored) -> str:
    each = (ended.tables, waiting.tables)
    names = sorted({*each[0], *each[1]}, key=lambda name: -sum(costs[name].bytes for costs in each if name in costs))
    rows = [[f"`{name}`", *(cell for costs in each for cell in _cells(costs.get(name)))] for name in names]
    rows.append(["**all**", *(cell for costs in each for cell in _cells(_sum(costs)))])
    return table(["Table", "line: rows", "bytes", "of indexes", "waiting: rows", "bytes", "of indexes"], rows)


def _cells(cost: TableCost | None) -> list[str]:
    return ["", "", ""] if cost is None else [f"{cost.rows:.0f}", f"{cost.bytes:,.0f}", f"{cost.index_bytes:,.0f}"]


def _sum(costs: Mapping[str, TableCost]) -> TableCost:
    each = costs.values()
    return TableCost(sum(c.rows for c in each), sum(c.heap_bytes for c in each), sum(c.index_bytes for c in each))


def _running(found: Found) -> str:
    """What is one instance's, and which share of the clock's time it took."""
    rows: list[Sequence[str]] = []
    first = found.waves[min(found.waves)]
    rows.append(
        _of_wave("starting, four threads", first.count, first.start_seconds, first.start_processor, first.start_use)
    )
    for count, wave in sorted(found.waves.items()):
        name = f"its ten jobs, {count} worker process{'es' if count > 1 else ''}"
        rows.append(_of_wave(name, wave.count, wave.work_seconds, wave.work_processor, wave.work_use))
    wave = found.straight
    rows.append(
        _of_wave(
            "all of it straight through, four threads",
            wave.count,
            wave.start_seconds,
            wave.start_processor,
            wave.start_use,
        )
    )
    head = ["", "instances a second", "server's processor", "own processor", "flushes of the log", "of a flush"]
    return table([*head, "log", "written", "share of the time: server", "own processes", "flushing"], rows)


def _of_wave(name: str, count: int, seconds: float, processor: float, used: Use) -> list[str]:
    return [
        name,
        rate(count / seconds),
        duration(used.processor / count),
        duration(processor / count),
        f"{used.flushes / count:.2f}",
        duration(used.flush_seconds / used.flushes) if used.flushes else "",
        size(used.log_bytes / count),
        size(used.written_bytes / count),
        f"{used.processor / seconds:.0%}",
        f"{processor / seconds:.0%}",
        f"{used.flush_seconds / seconds:.0%}",
    ]


def _sizes(ended: Stored, waiting: Stored) -> str:
    rows: list[Sequence[str]] = []
    for count in (10**5, 10**6, 10**7, 10**8):
        cells = [f"{count:,}"]
        for costs in (ended, waiting):
            cells += [f"{costs.rows * count:,.0f}", size(costs.bytes * count)]
        rows.append(cells)
    return table(["Instances", "lines: rows", "size", "waiting: rows", "size"], rows)


def _load(load: Load) -> str:
    a_day = replace(load, per_day=1.0)
    days = [a_day.of_hours(day) for day in range(28)]
    usual, most = max(days[0]) * 24, max(map(max, days)) * 24
    return (
        f"the busiest hour of a working day has {usual:.1f} times the average hour's starts, that of the "
        f"busiest day of a month {most:.1f} times, a Saturday {load.weekend:.0%} of a Monday; an instance is open for "
        f"{load.open_days:.0f} days, and somebody looks at it {load.reads:.0f} times"
    )


def _server(server: Server) -> str:
    return (
        f"{server.cores:.0f} cores and one log, each used to {server.usable:.0%} at the most, a log of "
        f"{size(server.log_bytes_per_second)} and pages and log of {size(server.written_bytes_per_second)} a second, "
        f"{size(server.disk_bytes)} of tables, {server.connections:.0f} connections, {server.per_process:.0f} of them "
        "for a worker process"
    )


def simulated(costs: Costs, server: Server, plan: Plan, load: Load) -> str:
    """A line for each of some loads, and whether it can be carried."""
    rows: list[Sequence[str]] = []
    for per_day in (10**4, 10**5, 10**6, 3 * 10**6, 10**7, 3 * 10**7):
        verdict = simulate(costs, replace(load, per_day=per_day), server, plan)
        shares = verdict.shares
        rows.append(
            [
                f"{per_day:,}",
                rate(verdict.peak_per_second),
                f"{verdict.rows:,.0f}",
                size(verdict.bytes),
                size(verdict.log_bytes),
                f"{verdict.processes:.1f}",
                *(f"{shares[name]:.0%}" if shares[name] < 10 else "over 999%" for name in LIMITS),
                "yes" if verdict.holds else f"**no**: {', '.join(verdict.passed)}{_wait(verdict.wait_hours)}",
            ]
        )
    head = [
        "Instances a day",
        "a second, at the peak",
        "rows kept",
        "size",
        "log of the fullest day",
        "worker processes",
    ]
    return table([*head, *LIMITS, "holds"], rows)


def _wait(hours: float) -> str:
    if not hours:
        return ""
    if hours < 1:
        return f"; work waits up to {hours * 60:.0f} minutes"
    return "; work waits up to " + (f"{hours:.0f} h" if hours < 48 else "days, and more each day")


def limits_met(costs: Costs, server: Server, plan: Plan, load: Load) -> str:
    """In the order in which they are met."""
    order = limits_in_order(costs, server, plan, load)
    return "\n\n".join(f"- **{_rounded(most):,.0f} a day: {name}.** {LIMITS[name]}" for name, most in order.items())


def measures(straight: Running) -> dict[str, Measure]:
    """What may be done, in one database. *straight*: what running takes without save points between."""
    return {
        "30 days kept": lambda costs, plan: (costs, replace(plan, kept_days=30)),
        "history in partitions of a month": lambda costs, plan: (costs, replace(plan, partition_days=30)),
        "history in partitions of a day": lambda costs, plan: (costs, replace(plan, partition_days=1)),
        "history read on a replica": lambda costs, plan: (costs, replace(plan, has_replica=True)),
        "no save points between the tasks": lambda costs, plan: (replace(costs, running=straight), plan),
    }


def _steps(found: Found, server: Server, load: Load) -> tuple[str, Step | None]:
    plan = Plan(rest=PAUSE)
    steps = best_steps(found.costs, server, plan, load, measures(found.costs_straight))
    most = most_a_day(found.costs, server, plan, load)
    rows: list[Sequence[str]] = [["90 days kept, row by row", *_holds(found.costs, server, plan, load, most), ""]]
    for step in steps:
        if step.is_taken:
            held = _holds(step.costs, server, step.plan, load, step.most)
            rows.append([f"and {step.name}", *held, f"{step.most / step.before:.2f}x"])
        else:
            rows.append([f"*not taken:* {step.name}", f"{_rounded(step.most):,.0f}", "", "", _factor(step)])
    head = ["With", "holds up to, a day", "a second, at the peak", "then ends", "beside the line above"]
    taken = [step for step in steps if step.is_taken]
    return table(head, rows), taken[-1] if taken else None


def _holds(costs: Costs, server: Server, plan: Plan, load: Load, most: float) -> list[str]:
    beyond = simulate(costs, replace(load, per_day=most * 1.02), server, plan)
    return [f"{_rounded(most):,.0f}", rate(beyond.peak_per_second / 1.02), beyond.first]


def _factor(step: Step) -> str:
    return f"{step.most / step.before:.2f}x" if step.before else ""


def _databases(found: Found, server: Server, load: Load, last: Step | None) -> str:
    plain = (found.costs, Plan(rest=PAUSE))
    chosen = (last.costs, last.plan) if last else plain
    rows: list[Sequence[str]] = []
    for per_day in (10**6, 10**7, 3 * 10**7, 10**8):
        cells = [f"{per_day:,}"]
        for costs, plan in (plain, chosen):
            count = databases_for(costs, server, plan, replace(load, per_day=per_day))
            cells.append("none is enough" if count is None else str(count))
        rows.append(cells)
    return table(
        ["Instances a day", "databases, 90 days kept, row by row", "databases, all that was taken above"], rows
    )


def _removed(per_second: float, server_seconds: float) -> str:
    return f"{per_second:,.0f} instances a second, {duration(server_seconds)} of the server's processor each"


def size(count: float) -> str:
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{count / unit:,.3g} {name}" if count < 1000 * unit else f"{count / unit:,.0f} {name}"
    return f"{count:,.0f} bytes"


def _rounded(count: float) -> float:
    """To two digits."""
    scale = 10 ** max(len(f"{count:.0f}") - 2, 0)
    return count // scale * scale
